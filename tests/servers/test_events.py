"""One list of what happened to a server: asked, seen, written; with who, before and after."""

import json

import pytest
from auditlog.models import LogEntry

from portal.lib import clock
from servers import events
from servers.models import ChangeKind, Operation, OperationState, StateChange
from tests.support import seed

pytestmark = pytest.mark.django_db


@pytest.fixture
def server():
    cluster = seed.make_cluster("berlin")
    return seed.make_server(cluster, seed.make_node(cluster, "pve1"), name="db-1", status="running")


@pytest.fixture
def happened(server):
    browser = seed.browser("operator")
    browser.post(f"/admin/servers/server/{server.pk}/change/", {"owner": "platform", "_save": "1"})
    Operation.objects.create(
        cluster=server.cluster, server=server, action="resize", requester="영희", parameters={"memory": 4096},
        state=OperationState.SUCCEEDED, finished_at=clock.now(),
    )  # fmt: skip
    StateChange.objects.create(
        cluster=server.cluster, server=server, kind=ChangeKind.CONFIGURATION, field="max_memory",
        old=str(2 * seed.GIB), new=str(4 * seed.GIB),
    )  # fmt: skip
    return browser


def test_three_books_are_one_list_with_who_did_it(server, happened):
    found = events.of_server(server)
    assert {event.sort for event in found} == set(events.SORTS)
    edit = next(event for event in found if event.sort == events.EDIT)
    assert (edit.what, edit.old, edit.new) == ("owner", "", "platform")
    assert edit.actor
    seen = next(event for event in found if event.sort == events.CHANGE)
    assert (seen.actor, seen.what) == ("영희", "max_memory")  # it came from her operation


def test_a_change_that_no_operation_explains_has_no_actor(server, happened):
    StateChange.objects.create(
        cluster=server.cluster, server=server, kind=ChangeKind.MOVED, field="node", old="pve1", new="pve2",
        at=clock.now() - events.SEEN_WITHIN * 10,
    )  # fmt: skip
    assert [event.actor for event in events.of_server(server) if event.what == "node"] == [""]


def test_the_page_filters_and_is_a_file(server, happened):
    url = f"/admin/servers/server/{server.pk}/events/"
    page = happened.get(url, {"sort": "edit"}).content.decode()
    assert "platform" in page
    assert "2 GiB" not in page
    rows = json.loads(happened.get(url, {"actor": "영희", "as": "json"}).content)
    assert {row["what"] for row in rows} == {"resize", "max_memory"}
    assert "max_memory" in happened.get(url, {"as": "csv"}).content.decode()


def test_an_operation_is_told_in_the_persons_language_and_without_what_only_machines_read(server, happened):
    Operation.objects.create(
        cluster=server.cluster, server=server, action="create", requester="영희", finished_at=clock.now(),
        state=OperationState.SUCCEEDED, parameters={"name": "db", "source": {"how": "clone"}, "cores": 2},
    )  # fmt: skip
    page = happened.get(f"/admin/servers/server/{server.pk}/events/", headers={"accept-language": "ko"})
    words = page.content.decode()
    assert "메모리: 4\xa0GiB" in words
    assert "이름: db, 코어: 2" in words
    assert "clone" not in words


@pytest.mark.parametrize("page", ["server/{}/events/", "server/{}/change/"])
def test_an_edit_is_told_in_the_readers_language(server, page):
    browser = seed.browser("operator")
    browser.post(f"/admin/servers/server/{server.pk}/change/", {"expected_state": "stopped", "_save": "1"})
    text = browser.get(f"/admin/servers/{page.format(server.pk)}", headers={"accept-language": "ko"}).content.decode()
    assert "마지막으로 의도하여 둔 상태 → 중지됨" in text


def test_the_audit_trail_tells_values_in_the_readers_language(server):
    seed.browser("operator").post(f"/admin/servers/server/{server.pk}/change/", {"expected_state": "stopped"})
    entry = LogEntry.objects.get_for_object(server).filter(action=LogEntry.Action.UPDATE).get()
    address = f"/admin/auditlog/logentry/{entry.pk}/change/"
    text = seed.browser("administrator").get(address, headers={"accept-language": "ko"}).content.decode()
    assert "<th>기대 상태</th><td>마지막으로 의도하여 둔 상태</td><td>중지됨</td>" in text


def test_the_servers_page_shows_the_newest(server, happened):
    page = happened.get(f"/admin/servers/server/{server.pk}/change/").content.decode()
    assert f"/admin/servers/server/{server.pk}/events/" in page
    assert "영희" in page


def test_who_may_not_see_the_server_sees_no_events(server):
    assert seed.browser("").get(f"/admin/servers/server/{server.pk}/events/").status_code == 403
