"""The lists of the inventory: who sees them, what they find, and that their cost does not grow with their rows."""

import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.lib import clock
from servers.models import Server, StateChange
from tests.support import seed

pytestmark = pytest.mark.django_db

LISTS = ["server", "node", "storage", "cluster", "backup", "backuprun", "statechange"]


def url(name, query=""):
    return f"/admin/servers/{name}/{query}"


def names(page):
    return [row.name for row in page.context["cl"].result_list]


def queries_of(client, address):
    client.get(address)  # the choices of filters are remembered for a minute
    with CaptureQueriesContext(
        connection,
    ) as found:
        assert client.get(address).status_code == 200
    return len(found)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_costs_the_same_for_3_rows_and_for_30(name):
    client = seed.browser(superuser=True)
    few = seed.many_servers(3, nodes=1)
    seed.fill_snapshot(few)
    small = queries_of(client, url(name))
    cache.clear()
    for _ in range(3):
        seed.fill_snapshot(seed.many_servers(30, nodes=3))
    assert queries_of(client, url(name)) == small


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("role", ["viewer", "operator", "administrator"])
def test_every_role_sees_every_list(name, role):
    seed.many_servers(5)
    assert seed.browser(role).get(url(name)).status_code == 200


@pytest.mark.parametrize("name", LISTS)
def test_a_list_turns_away_those_without_a_right(name, client):
    assert client.get(url(name)).headers["Location"].startswith("/admin/login/")
    assert seed.browser(staff=False).get(url(name)).status_code == 302
    assert seed.browser("").get(url(name)).status_code == 403


@pytest.mark.parametrize("name", ["server", "node", "storage", "backup", "backuprun", "statechange"])
def test_nobody_adds_what_the_sync_writes(name):
    assert seed.browser(superuser=True).get(url(name, "add/")).status_code == 403


def test_an_empty_list_says_how_it_is_filled():
    page = seed.browser("viewer").get(url("server"))
    assert "There is no cluster yet" in page.content.decode()


def test_retired_servers_are_shown_when_asked_for():
    cluster = seed.make_cluster()
    seed.make_server(cluster, name="living")
    seed.make_server(cluster, name="gone", retired_at=clock.now())
    client = seed.browser("viewer")
    assert names(client.get(url("server"))) == ["living"]
    assert names(client.get(url("server", "?retired=yes"))) == ["gone"]
    assert len(names(client.get(url("server", "?retired=all")))) == 2


@pytest.mark.parametrize(
    "query",
    ["status=paused", "type=lxc", "owner=김민수", "tag=운영", "environment=staging", "q=회계", "q=4711", "q=urgent",
     "status=other", "backup=none"],
)  # fmt: skip
def test_filters_and_search_find_the_one_server(query):
    cluster = seed.make_cluster()
    storage, other = seed.make_storage(cluster), seed.make_server(cluster, name="other", owner="sales", tags=";test;")
    seed.make_backup(storage, other)
    wanted = {
        "name": "회계서버", "vmid": 4711, "status": "paused", "kind": "lxc", "owner": "김민수", "tags": ";prod;운영;",
        "environment": "staging", "notes": "urgent",
    }  # fmt: skip
    seed.make_server(cluster, **wanted)
    assert names(seed.browser("viewer").get(url("server", f"?{query}"))) == ["회계서버"]


def test_servers_of_a_cluster_and_of_a_node():
    one, two = seed.make_cluster(), seed.make_cluster()
    node = seed.make_node(one)
    seed.make_server(one, node, name="here")
    seed.make_server(two, name="there")
    client = seed.browser("viewer")
    assert names(client.get(url("server", f"?cluster={two.pk}"))) == ["there"]
    assert names(client.get(url("server", f"?node={node.pk}"))) == ["here"]
    assert names(client.get(url("server", "?cluster=nonsense"))) == []


@pytest.mark.parametrize(("age", "key"), [(2, "day"), (50, "week"), (500, "old")])
def test_servers_by_the_age_of_their_newest_backup(age, key):
    cluster = seed.make_cluster()
    server, storage = seed.make_server(cluster, name="kept"), seed.make_storage(cluster)
    seed.make_backup(storage, server, age=timedelta(hours=age))
    seed.make_backup(storage, server, age=timedelta(hours=900))
    seed.make_backup(storage, server, age=timedelta(minutes=5), gone_at=clock.now())
    client = seed.browser("viewer")
    assert [step for step in ("day", "week", "old", "none") if names(client.get(url("server", f"?backup={step}")))] == [
        key
    ]


def test_usage_comes_from_the_cache_with_its_units():
    cluster = seed.make_cluster()
    seed.make_server(cluster, seed.make_node(cluster), kind="lxc", max_memory=8 * seed.GIB)
    seed.fill_snapshot(cluster)
    page = seed.browser("viewer").get(url("server")).content.decode()
    assert 'class="pm-fill' in page
    assert "of 8\N{NO-BREAK SPACE}GiB" in page


def test_a_list_shows_dashes_where_the_cache_is_empty():
    cluster = seed.make_cluster()
    seed.make_server(cluster)
    page = seed.browser("viewer").get(url("server")).content.decode()
    assert 'class="pm-fill' not in page


def test_the_figures_of_a_page_are_one_call_to_the_cache(monkeypatch):
    read = []
    for _ in range(2):
        seed.fill_snapshot(seed.many_servers(8))
    Server.objects.update(status="running")
    monkeypatch.setattr(LocMemCache, "get_many", lambda self, keys: read.append(len(keys)) or {})
    assert seed.browser("viewer").get(url("server")).status_code == 200
    assert read == [2]


def test_a_server_of_an_offline_node_is_shown_as_last_known():
    cluster = seed.make_cluster()
    seed.make_server(cluster, status="unknown", last_known_status="running")
    page = seed.browser("viewer").get(url("server")).content.decode()
    assert "unknown" in page
    assert "last known: running" in page


def test_names_are_escaped():
    seed.make_server(seed.make_cluster(), name="<script>alert(1)</script>", tags=';<b>"x;', owner="<i>")
    page = seed.browser("viewer").get(url("server")).content.decode()
    assert "<script>alert" not in page
    assert "<b>" not in page


def listed(query):
    return sorted(names(seed.browser("viewer").get(url("server", query))))


def test_a_vmid_finds_exactly_that_guest():
    cluster = seed.make_cluster()
    for vmid, name in ((101, "web"), (2101, "db-101"), (7, "seven")):
        seed.make_server(cluster, vmid=vmid, name=name)
    assert listed("?q=101") == ["web"]
    assert listed("?q=210") == []
    assert listed("?q=db-101") == ["db-101"]


def test_templates_are_no_servers_until_they_are_asked_for():
    cluster = seed.make_cluster()
    seed.make_server(cluster, name="web")
    seed.make_server(cluster, name="golden", template=True)
    assert (listed(""), listed("?type=guest")) == (["web"], ["web"])
    assert listed("?type=template") == ["golden"]
    assert listed("?type=all") == ["golden", "web"]
    page = seed.browser("viewer").get("/admin/servers/server/?q=golden").content.decode()
    assert "Templates and retired servers are shown only where" in page


def test_the_empty_list_of_servers_says_what_comes_first():
    client = seed.browser("viewer")
    assert "There is no cluster yet" in client.get("/admin/servers/server/").content.decode()
    seed.make_cluster()
    assert "with the next sync" in client.get("/admin/servers/server/").content.decode()


def plan_of(address):
    """How SQLite finds the rows of that list's page."""
    client = seed.browser("viewer")
    with CaptureQueriesContext(connection) as found:
        client.get(address)
    (sql,) = [query["sql"] for query in found if " LIMIT 50" in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        return " | ".join(row[3] for row in cursor.fetchall())


@pytest.mark.parametrize("name", ["server", "backup"])
def test_a_page_of_a_long_list_is_read_in_its_order_and_not_sorted(name):
    seed.many_servers(190)
    assert "ORDER BY" not in plan_of(url(name))
    assert "ORDER BY" not in plan_of(url(name, "?p=2"))


def test_a_sync_that_begins_to_fail_is_told_in_the_readers_language():
    cluster = seed.make_cluster()
    StateChange.objects.create(cluster=cluster, kind="sync", field="sync", old="ok", new="failing")
    address = "/admin/servers/statechange/"
    assert "works → fails" in seed.browser("viewer").get(address).content.decode()
    assert "정상 → 실패" in seed.browser("viewer").get(address, headers={"accept-language": "ko"}).content.decode()


CHANGES = (
    ({"kind": "sync", "field": "sync", "old": "ok", "new": "failing"}, "정상 → 실패"),
    ({"kind": "appeared", "field": "", "old": "", "new": "running"}, "실행 중"),
    ({"kind": "retired", "old": "running", "new": ""}, "실행 중 → –"),
    ({"kind": "configuration", "field": "template", "old": "False", "new": "True"}, "아니요 → 예"),
    ({"kind": "configuration", "field": "max_memory", "old": "1073741824", "new": "2147483648"}, "1\xa0GiB → 2\xa0GiB"),
)


@pytest.mark.parametrize(("columns", "words"), CHANGES)
@pytest.mark.parametrize("page", ["", "{}/change/"])
def test_a_change_is_told_in_the_readers_language_in_the_list_and_on_its_own_page(page, columns, words):
    cluster = seed.make_cluster("berlin")
    change = seed.make_change(cluster, seed.make_server(cluster, seed.make_node(cluster)), **columns)
    address = url("statechange", page.format(change.pk))
    text = seed.browser("viewer").get(address, headers={"accept-language": "ko"}).content.decode()
    assert words in text
    assert not re.search(rf">[^<>]*\b{columns['old'] or columns['new']}\b[^<>]*<", text)
