"""The pages of one server, node, storage, backup, run and change: facts to read, and columns of the operator's."""

import pytest
from auditlog.models import LogEntry

from servers.models import Server
from tests.support import seed

pytestmark = pytest.mark.django_db

FORM = {
    "owner": "", "environment": "", "expected_state": "", "exporter_port": "", "operator_address": "", "notes": "",
}  # fmt: skip


def address(thing):
    return f"/admin/servers/{thing._meta.model_name}/{thing.pk}/change/"


@pytest.fixture
def things():
    cluster = seed.make_cluster()
    node = seed.make_node(cluster)
    server, storage = seed.make_server(cluster, node, name="mail"), seed.make_storage(cluster)
    rows = [cluster, node, server, storage, seed.make_storage(cluster, node), seed.make_backup(storage, server)]
    return [*rows, seed.make_run(cluster, server), seed.make_change(cluster, server), seed.make_change(cluster)]


@pytest.mark.parametrize("role", ["viewer", "operator", "administrator"])
def test_every_role_opens_every_page(things, role):
    client = seed.browser(role)
    assert [client.get(address(thing)).status_code for thing in things] == [200] * len(things)


def test_pages_turn_away_those_without_a_right(things, client):
    for thing in things:
        assert client.get(address(thing)).status_code == 302
        assert seed.browser("").get(address(thing)).status_code == 403


def test_an_unknown_server_is_a_message(things):
    page = seed.browser("viewer").get("/admin/servers/server/999999/change/", follow=True)
    assert "doesn’t exist" in page.content.decode()


def test_a_server_page_tells_facts_history_backups_and_runs(things):
    page = seed.browser("viewer").get(address(things[2])).content.decode()
    for text in ("What Proxmox says", "stopped → running", "succeeded", "vzdump-qemu", things[3].name):
        assert text in page


def test_a_server_of_an_offline_node_says_that_it_is_the_past():
    cluster = seed.make_cluster()
    node = seed.make_node(cluster, "pve3", status="offline")
    server = seed.make_server(cluster, node, status="unknown", last_known_status="running")
    page = seed.browser("viewer").get(address(server)).content.decode()
    assert "Its node pve3 is offline" in page
    assert "last known: running" in page


def test_an_operator_writes_the_operators_columns_and_no_others(things):
    server, client = things[2], seed.browser("operator")
    client.get(address(server))
    client.post(address(server), {**FORM, "owner": "platform", "exporter_port": "9100", "name": "renamed", "vmid": "1"})
    server.refresh_from_db()
    assert (server.owner, server.exporter_port, server.name) == ("platform", 9100, "mail")


def test_saving_leaves_alone_what_the_sync_wrote_meanwhile(things, monkeypatch):
    server, client = things[2], seed.browser("operator")
    written = Server.save

    def sync_then_save(self, **options):
        Server.objects.filter(pk=self.pk).update(status="stopped")
        written(self, **options)

    monkeypatch.setattr(Server, "save", sync_then_save)
    client.post(address(server), {**FORM, "owner": "platform"})
    server.refresh_from_db()
    assert (server.owner, server.status) == ("platform", "stopped")


def test_saving_writes_old_and_new_values_into_the_audit_trail(things):
    server, client = things[2], seed.browser("operator")
    client.post(address(server), {**FORM, "owner": "platform"})
    entry = LogEntry.objects.get_for_object(server).first()
    assert entry.changes == {"owner": ["", "platform"]}
    assert entry.actor.groups.get().name == "operator"


def test_a_viewer_cannot_write(things):
    server = things[2]
    assert seed.browser("viewer").post(address(server), {**FORM, "owner": "me"}).status_code == 403
    server.refresh_from_db()
    assert server.owner == ""


def test_a_port_out_of_range_is_refused_with_a_sentence(things):
    page = seed.browser("operator").post(address(things[2]), {**FORM, "exporter_port": "70000"})
    assert "less than or equal to 65535" in page.content.decode()


@pytest.mark.parametrize("place", range(1, 9))
def test_nobody_deletes_what_the_sync_writes(things, place):
    client = seed.browser(superuser=True)
    assert client.post(f"{address(things[place])[:-7]}delete/", {"post": "yes"}).status_code == 403


def test_pages_speak_korean(things):
    client = seed.browser("viewer")
    client.post("/i18n/setlang/", {"language": "ko"})
    assert 'lang="ko"' in client.get(address(things[2])).content.decode()
