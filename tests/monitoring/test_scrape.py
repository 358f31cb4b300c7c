"""What /metrics tells of the inventory: the names of the contract, from rows and from the latest snapshot."""

from datetime import timedelta

import pytest

from monitoring.models import Inbound
from monitoring.queue_metrics import note_tick
from portal.lib import clock, outcomes
from servers.models import Backup, Cluster, Counter, Finding, Node, Operation, Server, StateChange
from tests.monitoring.inventory import (
    GIB,
    container,
    guest,
    make_backup,
    make_cluster,
    node,
    resync,
    seed_everything,
    storage,
)

pytestmark = pytest.mark.django_db
CONTRACT = {
    "active_servers_total": "gauge", "server_creation": "counter", "server_deletion": "counter",
    "backup_count_total": "gauge", "backup_success": "counter", "backup_failure": "counter",
    "proxmox_vm_status": "gauge", "proxmox_node_status": "gauge", "proxmox_storage_usage": "gauge",
    "active_users": "gauge", "http_requests": "counter", "http_request_duration_seconds": "histogram",
}  # fmt: skip


def test_every_name_of_the_contract_is_there_with_its_type(client, scrape):
    seed_everything()
    client.get("/")
    families = scrape().families
    assert {name: families[name].type for name in CONTRACT} == CONTRACT
    assert all(families[name].samples for name in CONTRACT)


def test_the_names_of_the_contract_are_there_before_the_first_cluster(scrape):
    page = scrape()
    assert page.get("active_servers_total") == 0
    assert page.get("server_creation_total") == page.get("server_deletion_total") == 0
    assert page.get("backup_count_total") == 0
    assert page.get("active_users", window="5m") == 0


def test_servers_are_counted_by_state_and_templates_are_no_servers(scrape):
    make_cluster("demo", [guest(1), guest(2, status="stopped"), guest(3, template=True), guest(4, status="paused")])
    make_cluster("other", [guest(1)])
    page = scrape()
    assert page.get("active_servers_total") == page.get("portal_servers", status="running") == 2
    assert page.get("portal_servers", status="paused") == 1
    assert page.labels("proxmox_vm_status", "vmid") == ["1", "1", "2", "4"]


def test_a_retired_server_has_no_series(scrape):
    cluster = make_cluster(guests=[guest(1), guest(2)], cached=False)
    make_backup(Server.objects.get(vmid=2))
    assert scrape().labels("proxmox_vm_status", "vmid") == ["1", "2"]
    Server.objects.filter(vmid=2).update(retired_at=clock.now())
    resync(cluster, [guest(1)])
    page = scrape()
    assert page.get("active_servers_total") == 1
    assert page.labels("proxmox_vm_status", "vmid") == page.labels("proxmox_guest_info", "vmid") == ["1"]
    assert not page.all("proxmox_backup_last_size_bytes")


def test_the_state_of_a_guest_is_told_with_and_without_a_cache(scrape):
    make_cluster(guests=[guest(7, name="db"), guest(8, status="stopped")], cached=False)
    page = scrape()
    labels = {"cluster": "demo", "node": "pve1", "vmid": "7", "name": "db", "type": "qemu"}
    assert page.get("proxmox_vm_status", **labels) == 1
    assert page.get("proxmox_vm_status", vmid="8") == 0
    assert page.get("portal_collector_success", collector="guests") == 1


def test_an_unknown_state_is_no_sample(scrape):
    make_cluster(guests=[guest(1, status="unknown"), guest(2)])
    page = scrape()
    assert page.labels("proxmox_vm_status", "vmid") == page.labels("proxmox_guest_cpu_ratio", "vmid") == ["2"]
    assert page.get("portal_servers", status="unknown") == 1


@pytest.mark.parametrize("status", ["offline", "unknown"])
def test_the_guests_of_a_node_that_is_not_online_have_no_samples(scrape, status):
    """Proxmox goes on saying "running" for five minutes."""
    make_cluster(guests=[guest(1), guest(2, node="pve2")], nodes=[node("pve1"), node("pve2", status=status)])
    page = scrape()
    assert page.labels("proxmox_vm_status", "vmid") == page.labels("proxmox_guest_uptime_seconds", "vmid") == ["1"]
    assert page.get("proxmox_node_status", node="pve2") == (0 if status == "offline" else None)
    assert page.labels("proxmox_node_cpu_ratio", "node") == ["pve1"]


def test_the_usage_of_a_guest_comes_from_the_snapshot(scrape):
    make_cluster(guests=[guest(1), container(2)])
    page = scrape()
    told = {
        "cpu_ratio": 0.25, "cpu_cores": 4, "memory_used_bytes": 2 * GIB, "memory_size_bytes": 8 * GIB,
        "disk_size_bytes": 32 * GIB, "network_receive_bytes_total": 1000, "network_transmit_bytes_total": 2000,
        "disk_read_bytes_total": 3000, "disk_written_bytes_total": 4000, "uptime_seconds": 3600,
    }  # fmt: skip
    assert {name: page.get(f"proxmox_guest_{name}", vmid="1") for name in told} == told
    assert page.all("proxmox_guest_disk_used_bytes") == {
        (("cluster", "demo"), ("name", "box-2"), ("vmid", "2")): 5 * GIB
    }


def test_what_is_unknown_about_a_guest_is_no_sample(scrape):
    make_cluster(guests=[guest(1, cpu=None, net_in=None)])
    page = scrape()
    assert page.get("proxmox_guest_cpu_ratio", vmid="1") is None
    assert page.get("proxmox_guest_network_receive_bytes_total", vmid="1") is None
    assert page.get("proxmox_guest_memory_used_bytes", vmid="1") == 2 * GIB


def test_the_series_of_guests_end_five_minutes_after_the_last_good_sync(scrape, time_machine):
    time_machine.move_to("2026-05-01T12:00:00Z", tick=False)
    cluster = make_cluster(guests=[guest(1)])
    Cluster.objects.filter(pk=cluster.pk).update(last_error="It does not answer.", failures=3)
    time_machine.shift(timedelta(minutes=5))
    page = scrape()
    assert (page.get("proxmox_vm_status", vmid="1"), page.get("proxmox_guest_cpu_ratio", vmid="1")) == (1, 0.25)
    assert page.get("portal_sync_success", cluster="demo") == 0
    time_machine.shift(timedelta(seconds=1))
    page = scrape()
    assert not [sample for sample in page.samples if sample.name.startswith(("proxmox_guest_", "proxmox_vm_"))]
    assert page.get("active_servers_total") == 1
    assert page.get("proxmox_node_status", node="pve1") == 1


def test_a_new_sync_shows_at_once_and_an_operators_word_within_ten_seconds(scrape, time_machine):
    time_machine.move_to("2026-05-01T12:00:00Z", tick=False)
    cluster = make_cluster(guests=[guest(1)])
    assert scrape().get("proxmox_guest_cpu_ratio", vmid="1") == 0.25
    resync(cluster, [guest(1, cpu=0.75)])
    assert scrape().get("proxmox_guest_cpu_ratio", vmid="1") == 0.75
    Server.objects.update(expected_state="stopped")
    time_machine.shift(timedelta(seconds=11))
    assert scrape().get("portal_guest_expected_up", vmid="1") == 0


@pytest.mark.parametrize(
    ("action", "state", "told"),
    [("reboot", "running", 1), ("stop", "queued", 1), ("start", "running", None), ("reboot", "succeeded", None)],
)
def test_a_guest_is_expected_down_while_an_operation_takes_it_down(scrape, action, state, told):
    cluster = make_cluster(guests=[guest(1)])
    Operation.objects.create(cluster=cluster, server=Server.objects.get(), action=action, state=state)
    assert scrape().get("portal_guest_expected_down", cluster="demo", vmid="1", reason=action) == told


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"status": "stopped", "lock": "backup"}, ["lock_backup"]),
        ({"status": "running", "lock": "backup"}, []),
        ({"status": "prelaunch"}, ["state_prelaunch"]),
        ({"status": "stopped"}, []),
    ],
)
def test_a_guest_is_expected_down_where_the_portal_itself_would_not_miss_it(scrape, columns, reason):
    make_cluster(guests=[guest(1, **columns)])
    assert scrape().labels("portal_guest_expected_down", "reason") == reason


def test_the_guests_of_a_node_that_came_back_have_three_minutes(scrape, time_machine):
    make_cluster(guests=[guest(1, status="stopped"), guest(2)])
    Node.objects.update(status_since=clock.now() + timedelta(seconds=1))
    time_machine.move_to(clock.now() + timedelta(seconds=60))
    page = scrape()
    assert page.labels("portal_guest_expected_down", "vmid") == ["1"]
    assert page.labels("portal_guest_expected_down", "reason") == ["node_returned"]
    time_machine.move_to(clock.now() + timedelta(seconds=150))
    assert scrape().labels("portal_guest_expected_down", "vmid") == []


def test_an_operation_that_is_just_over_explains_a_guest_for_a_moment(scrape, time_machine):
    cluster = make_cluster(guests=[guest(1, status="stopped")])
    ended = {"state": "succeeded", "finished_at": clock.now()}
    Operation.objects.create(cluster=cluster, server=Server.objects.get(), action="start", **ended)
    assert scrape().labels("portal_guest_expected_down", "reason") == ["start"]
    time_machine.move_to(clock.now() + timedelta(seconds=60))
    assert scrape().labels("portal_guest_expected_down", "reason") == []


@pytest.mark.parametrize(
    ("expected", "intended", "up"), [("", "running", 1), ("", "stopped", 0), ("any", "running", 0), ("running", "", 1)]
)
def test_a_server_is_expected_up_as_the_operator_or_its_history_say(scrape, expected, intended, up):
    make_cluster(guests=[guest(1)])
    Server.objects.update(expected_state=expected, intended_state=intended)
    assert scrape().get("portal_guest_expected_up", cluster="demo", vmid="1") == up


def test_the_facts_of_a_guest_are_labels_of_one_series(scrape):
    make_cluster(guests=[guest(1, tags=";prod;web;", pool="shop", lock="backup", status="paused")])
    page = scrape()
    assert page.get("proxmox_guest_info", cluster="demo", vmid="1", node="pve1", tags=";prod;web;", pool="shop") == 1
    assert page.get("proxmox_guest_state", vmid="1", state="paused") == 1
    assert page.get("proxmox_guest_lock", vmid="1", lock="backup") == 1
    assert page.get("proxmox_vm_status", vmid="1") == 0


def test_equal_names_and_equal_ids_in_two_clusters_are_series_of_their_own(scrape):
    make_cluster("a", [guest(1, name="twin"), guest(2, name="twin")])
    make_cluster("b", [guest(1, name="twin")])
    assert len(scrape().all("proxmox_vm_status")) == len(scrape().all("proxmox_guest_cpu_ratio")) == 3


def test_a_guest_that_is_listed_twice_counts_once(scrape):
    cluster = make_cluster(guests=[guest(1)])
    resync(cluster, [guest(1, cpu=0.5), guest(1, cpu=0.6, node="pve2")], [node("pve1"), node("pve2")])
    assert scrape().get("proxmox_guest_cpu_ratio", vmid="1") == 0.5


def test_a_shared_storage_is_told_once_and_local_ones_by_node(scrape):
    shared = [storage("ceph", name, shared=True, used=30 * GIB) for name in ("pve1", "pve2")]
    local = [storage("local", name) for name in ("pve1", "pve2")]
    make_cluster(nodes=[node("pve1"), node("pve2")], storages=shared + local)
    page = scrape()
    assert page.get("proxmox_storage_usage", storage="ceph", node="", shared="true") == 30 * GIB
    assert page.labels("proxmox_storage_usage", "node") == ["", "pve1", "pve2"]
    assert page.get("proxmox_storage_size_bytes", storage="local", node="pve2", shared="false") == 100 * GIB
    assert page.get("proxmox_storage_usage_ratio", storage="ceph") == 0.3


def test_without_a_snapshot_the_storages_are_told_from_rows(scrape):
    make_cluster(
        storages=[storage("local", "pve1"), storage("gone", "pve1", status="unknown", used=None)], cached=False
    )
    assert scrape().all("proxmox_storage_usage") == {
        (("cluster", "demo"), ("node", "pve1"), ("shared", "false"), ("storage", "local")): 25 * GIB
    }


def test_backups_are_counted_by_cluster_and_soundness_and_gone_ones_are_not(scrape):
    make_cluster(guests=[guest(1)])
    server = Server.objects.get()
    make_backup(server, 1, verification="ok")
    make_backup(server, 2)
    make_backup(server, 3, gone_at=clock.now())
    page = scrape()
    assert page.get("backup_count_total") == 2
    assert page.get("portal_backups", cluster="demo", status="verified") == 1
    assert page.get("portal_backups", cluster="demo", status="failed") == 0


def test_the_newest_existing_backup_of_a_guest_is_told(scrape):
    make_cluster(guests=[guest(1), guest(2)])
    server = Server.objects.get(vmid=1)
    newest = make_backup(server, 2, size=123)
    make_backup(server, 5)
    make_backup(server, 1, gone_at=clock.now())
    page = scrape()
    assert page.get("proxmox_backup_last_success_timestamp_seconds", vmid="1") == newest.created_at.timestamp()
    assert page.get("proxmox_backup_last_size_bytes", vmid="1") == 123
    assert 172800 <= page.get("proxmox_backup_last_success_age_seconds", vmid="1") < 172860
    assert page.get("proxmox_backup_last_size_bytes", vmid="2") is None
    assert Backup.objects.count() == 3


def test_counters_come_from_rows_and_outlive_their_cluster(scrape):
    make_cluster("demo")
    Counter.add(Counter.CREATED, "demo", 3)
    Counter.add(Counter.CREATED, "long gone", 4)
    Counter.add(Counter.BACKUP_SUCCESS, "long gone", 5)
    page = scrape()
    assert page.get("server_creation_total") == 7
    assert page.get("backup_success_total", cluster="long gone") == 5
    assert page.get("backup_success_total", cluster="demo") == page.get("backup_failure_total", cluster="demo") == 0


def test_a_cluster_that_was_never_tried_has_not_failed(scrape):
    Cluster.objects.create(name="new", endpoints=[], token_id="a@b!c", token_secret="x")
    page = scrape()
    assert page.get("portal_sync_success", cluster="new") is None
    assert page.get("portal_cluster_info", cluster="new") == 1
    assert page.get("backup_success_total", cluster="new") == 0


def test_a_cluster_tells_of_its_quorum_and_its_syncs(scrape):
    cluster = make_cluster()
    Cluster.objects.update(quorate=False, failures=2, held_retirements=9)
    page = scrape()
    assert page.get("portal_cluster_quorate", cluster="demo") == 0
    assert page.get("portal_cluster_info", cluster="demo", version="9.0.3") == 1
    assert page.get("portal_sync_timestamp_seconds", cluster="demo") == cluster.last_success_at.timestamp()
    assert page.get("portal_sync_duration_seconds", cluster="demo") == 0.5
    assert (page.get("portal_sync_failures"), page.get("portal_sync_held_retirements")) == (2, 9)


def test_the_number_of_statements_does_not_depend_on_the_number_of_clusters(
    client, django_assert_num_queries, django_assert_max_num_queries
):
    make_cluster("a", [guest(1)], storages=[storage("local", "pve1")])
    client.get("/metrics")
    _again()
    with django_assert_max_num_queries(30) as few:
        client.get("/metrics")
    for name in "bc":
        make_cluster(name, [guest(n) for n in range(1, 30)], [node("pve1"), node("pve2")], [storage("x", "pve1")])
    _again()
    with django_assert_num_queries(len(few)):
        client.get("/metrics")


def _again() -> None:
    from monitoring.collector import TEXTS

    TEXTS.forget()


def test_backups_are_counted_again_after_a_sync_or_ten_seconds(scrape, time_machine):
    cluster = make_cluster(guests=[guest(1)])
    time_machine.move_to(clock.now(), tick=False)
    assert scrape().get("backup_count_total") == 0
    make_backup(Server.objects.get(vmid=1))
    assert scrape().get("backup_count_total") == 0  # a second reader in the same moment costs nothing
    resync(cluster, [guest(1)])
    assert scrape().get("backup_count_total") == 1
    Backup.objects.update(gone_at=clock.now())
    time_machine.shift(11)
    assert scrape().get("backup_count_total") == 0


def test_a_disabled_cluster_tells_nothing_that_a_rule_could_go_on_firing_for(scrape):
    seed_everything()
    Cluster.objects.update(quorate=False)
    told = ("proxmox_node_status", "proxmox_storage_usage_ratio", "portal_cluster_quorate")
    page = scrape()
    assert all(page.labels(name, "cluster") for name in told)
    Cluster.objects.update(enabled=False, last_success_at=clock.now() - timedelta(days=3))
    page = scrape()
    assert [page.labels(name, "cluster") for name in told] == [[], [], []]


def test_a_retired_node_has_no_series(scrape):
    make_cluster(nodes=[node("pve1"), node("pve2")], cached=False)
    Node.objects.filter(name="pve2").update(retired_at=clock.now())
    assert scrape().labels("proxmox_node_status", "node") == ["pve1"]


def test_the_portal_tells_what_it_is(scrape):
    assert scrape().labels("portal_build_info", "version") == ["0.1.0"]


def test_a_nodes_load_and_certificates_are_told_while_they_are_known(scrape, time_machine):
    time_machine.move_to(clock.now(), tick=False)
    cluster = make_cluster("demo")
    Finding.keep(cluster, "load@pve1", [0.5, 0.25, 0.125], clock.now())
    Finding.keep(cluster, "certificates@pve1", {"pve-ssl.pem": 1_900_000_000}, clock.now())
    page = scrape()
    assert page.get("proxmox_node_load5", cluster="demo", node="pve1") == 0.25
    Finding.objects.filter(key="load@pve1").update(at=clock.now() - timedelta(minutes=16))
    time_machine.shift(11)
    page = scrape()
    assert page.get("proxmox_node_load5", cluster="demo", node="pve1") is None
    end = page.get("proxmox_node_certificate_expiry_timestamp_seconds", node="pve1", certificate="pve-ssl.pem")
    assert end == 1_900_000_000


def test_what_waits_for_a_worker_is_told_with_its_age(scrape):
    cluster = make_cluster()
    Cluster.objects.update(due_at=clock.now() - timedelta(seconds=90))
    Inbound.objects.create(source="alertmanager", body="{}", received_at=clock.now() - timedelta(seconds=40))
    StateChange.objects.create(cluster=cluster, kind="sync", field="sync", old="ok", new="failing")
    page = scrape()
    assert page.get("portal_work_due", queue="syncs") == page.get("portal_work_due", queue="webhooks") == 1
    assert 90 <= page.get("portal_work_oldest_due_seconds", queue="syncs") < 120
    assert 40 <= page.get("portal_work_oldest_due_seconds", queue="webhooks") < 70
    assert page.get("portal_work_due", queue="changes") == 1
    assert page.get("portal_work_oldest_due_seconds", queue="operations") == 0


def test_the_ends_of_tasks_are_counted_and_a_first_failure_is_a_step_from_nothing(scrape):
    outcomes.note("a.task", outcomes.SUCCEEDED)
    page = scrape()
    assert page.get("portal_tasks_total", task="a.task", result="succeeded") == 1
    assert page.get("portal_tasks_total", task="a.task", result="failed") == 0
    outcomes.note("a.task", outcomes.FAILED)
    assert scrape().get("portal_tasks_total", task="a.task", result="failed") == 1


def test_the_lag_of_the_beat_is_told(scrape, time_machine):
    note_tick(clock.now())
    time_machine.move_to(clock.now() + timedelta(seconds=70))
    assert 70 <= scrape().get("portal_beat_lag_seconds") < 100
