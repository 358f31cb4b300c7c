"""From Proxmox's answer to the rows: journeys of one cluster."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.lib import clock
from servers.models import ChangeKind, Cluster, Counter, Node, Server, StateChange, Storage
from servers.sync import sync_cluster
from tests.support.proxmox import connect

pytestmark = pytest.mark.django_db


def sync(cluster, times=1):
    for _ in range(times):
        cluster.refresh_from_db()
        report = sync_cluster(cluster)
    cluster.refresh_from_db()
    return report


def changes(cluster, **by):
    return list(StateChange.objects.filter(cluster=cluster, **by).order_by("pk").values_list("field", "old", "new"))


def count(name):
    return sum(Counter.objects.filter(name=name).values_list("value", flat=True))


def a_running_vm(cluster):
    rows = Server.objects.filter(cluster=cluster, status="running", kind="qemu", template=False, lock="", ha_state="")
    return rows.order_by("vmid").first()


def test_the_first_sync_brings_everything_and_tells_no_changes(cluster, pve):
    report = sync(cluster)
    assert not report.error
    assert Server.objects.count() == len(pve.cluster.guests)
    assert Node.objects.filter(status="online").count() == 3
    assert cluster.quorate
    assert cluster.healthy
    assert not StateChange.objects.exclude(kind=ChangeKind.SYNC).exists()


def test_a_second_sync_of_an_unchanged_cluster_writes_no_server(cluster):
    sync(cluster)
    assert sync(cluster).changes.changed == 0


def test_a_guest_that_stops_is_a_row_with_before_and_after(cluster, pve):
    sync(cluster)
    server = a_running_vm(cluster)
    pve.stop_guest(server.vmid)
    sync(cluster)
    server.refresh_from_db()
    assert server.status == "stopped"
    assert changes(cluster, server=server) == [("status", "running", "stopped")]
    assert server.intended_state == "running"


def test_a_server_is_counted_as_created_once_and_after_the_first_complete_sync(cluster, pve):
    sync(cluster)
    assert count(Counter.CREATED) == 0
    pve.add_guest(name="new-one", node="pve1")
    pve.add_guest(name="a-template", node="pve1", template=True, status="stopped")
    sync(cluster, times=3)
    assert count(Counter.CREATED) == 1
    assert [kind for kind, *_ in StateChange.objects.filter(server__name="new-one").values_list("kind")] == ["appeared"]


def test_a_guest_is_retired_when_it_is_missing_the_third_time_and_counted_once(cluster, pve):
    sync(cluster)
    server = a_running_vm(cluster)
    pve.remove_guest(server.vmid)
    sync(cluster, times=2)
    server.refresh_from_db()
    assert not server.is_retired
    sync(cluster, times=2)
    server.refresh_from_db()
    assert server.is_retired
    assert count(Counter.DELETED) == 1


def test_an_id_that_returns_is_a_new_server_with_the_old_one_kept_as_history(cluster, pve):
    sync(cluster)
    old = a_running_vm(cluster)
    old_notes = "kept"
    Server.objects.filter(pk=old.pk).update(notes=old_notes)
    pve.remove_guest(old.vmid)
    sync(cluster, times=3)
    pve.add_guest(vmid=old.vmid, name="reborn", node="pve2")
    sync(cluster)
    new = Server.objects.get(cluster=cluster, vmid=old.vmid, retired_at=None)
    assert (new.name, new.notes) == ("reborn", "")
    assert Server.objects.get(pk=old.pk).notes == old_notes


def test_a_guest_that_comes_back_before_the_third_time_is_the_same_server(cluster, pve):
    sync(cluster)
    server = a_running_vm(cluster)
    pve.misbehave("/cluster/resources", "no_guests", times=2)
    sync(cluster, times=3)
    server.refresh_from_db()
    assert (server.missing, server.is_retired) == (0, False)


def test_a_mass_disappearance_waits_for_a_persons_word(db):
    from simulator import Simulator

    with Simulator(guests=40, nodes=2, seed=3) as pve:
        cluster = connect(pve)
        sync(cluster)
        for vmid in list(pve.cluster.guests)[:20]:
            pve.remove_guest(vmid)
        sync(cluster, times=5)
        assert Server.objects.filter(retired_at=None).count() == Server.objects.count()
        assert cluster.held_retirements == 20
        assert "allow the retirements" in cluster.last_warning
        Cluster.objects.update(retirements_allowed_until=clock.now() + timedelta(minutes=5))
        sync(cluster)
        assert Server.objects.exclude(retired_at=None).count() == 20
        assert cluster.held_retirements == 0


def test_nothing_is_retired_without_quorum(cluster, pve):
    sync(cluster)
    pve.set_quorate(False)
    pve.remove_guest(a_running_vm(cluster).vmid)
    sync(cluster, times=5)
    assert not Server.objects.exclude(retired_at=None).exists()
    assert cluster.quorate is False
    assert "no quorum" in cluster.last_warning


def test_a_dead_nodes_guests_are_unknown_at_once_and_keep_their_facts(cluster, pve):
    sync(cluster)
    before = {s.pk: (s.name, s.max_memory) for s in Server.objects.filter(node__name="pve2")}
    pve.node_offline("pve2")
    sync(cluster)
    assert Node.objects.get(name="pve2").status == "offline"
    assert set(Server.objects.filter(node__name="pve2").values_list("status", flat=True)) == {"unknown"}
    pve.age_offline("pve2")
    sync(cluster)
    assert {s.pk: (s.name, s.max_memory) for s in Server.objects.filter(node__name="pve2")} == before
    assert not Server.objects.exclude(retired_at=None).exists()


def test_a_node_that_comes_back_brings_its_guests_back(cluster, pve):
    sync(cluster)
    running = Server.objects.filter(status="running").count()
    for guest in pve.cluster.guests.values():
        guest.onboot = int(guest.status == "running")
    pve.node_offline("pve2")
    sync(cluster)
    assert Server.objects.filter(status="running").count() < running
    pve.node_online("pve2")
    sync(cluster)
    assert Server.objects.filter(status="running").count() == running


def test_a_shared_storage_is_one_row_and_a_local_one_is_a_row_per_node(cluster):
    sync(cluster)
    assert Storage.objects.filter(name="nfs-backup").count() == 1
    assert Storage.objects.get(name="nfs-backup").node is None
    assert Storage.objects.filter(name="local").count() == 3


def test_a_dead_nodes_local_storage_is_unknown_while_the_shared_one_stays(cluster, pve):
    sync(cluster)
    pve.node_offline("pve1")
    sync(cluster)
    assert Storage.objects.get(name="local", node__name="pve1").status == "unknown"
    assert Storage.objects.get(name="nfs-backup").status == "available"


def test_a_rename_and_a_move_are_told_with_before_and_after(cluster, pve):
    sync(cluster)
    server = a_running_vm(cluster)
    pve.set_guest(server.vmid, name="renamed", node="pve3" if server.node.name != "pve3" else "pve1")
    sync(cluster)
    assert {field for field, *_ in changes(cluster, server=server)} == {"name", "node"}


def test_the_sync_never_touches_the_operators_columns(cluster, pve):
    sync(cluster)
    server = a_running_vm(cluster)
    Server.objects.filter(pk=server.pk).update(owner="김철수", notes="mine", environment="prod", exporter_port=9100)
    pve.set_guest(server.vmid, name="renamed")
    sync(cluster)
    server.refresh_from_db()
    assert (server.name, server.owner, server.notes, server.exporter_port) == ("renamed", "김철수", "mine", 9100)


def test_the_number_of_statements_does_not_depend_on_the_number_of_guests(db):
    from simulator import Simulator

    counts = []
    for guests in (10, 120):
        with Simulator(guests=guests, nodes=3, seed=1) as pve:
            cluster = connect(pve, name=f"c{guests}")
            sync(cluster)
            for vmid in list(pve.cluster.guests):
                pve.set_guest(vmid, tags="changed")
            with CaptureQueriesContext(
                connection,
            ) as captured:
                sync(cluster)
            counts.append(len(captured))
    assert counts[0] == counts[1]


def test_two_clusters_with_the_same_ids_stay_apart(cluster, pve):
    from simulator import Simulator

    sync(cluster)
    with Simulator(guests=12, nodes=3, seed=1) as other:
        second = connect(other, name="second")
        sync(second)
        other.stop_guest(a_running_vm(second).vmid)
        sync(second)
    assert Server.objects.filter(cluster=cluster).count() == Server.objects.filter(cluster=second).count()
    assert not changes(cluster, kind=ChangeKind.STATUS)


def test_a_lease_keeps_a_second_worker_out_and_expires(cluster):
    moment = clock.now()
    token = cluster.claim(moment)
    assert token
    assert sync_cluster(cluster).skipped
    assert cluster.claim(moment + timedelta(minutes=5))
    assert not cluster.release(token)


def test_a_disabled_cluster_is_not_synced(cluster, pve):
    Cluster.objects.update(enabled=False)
    pve.requests.clear()
    assert sync_cluster(cluster).skipped
    assert not pve.requests


def test_a_worker_whose_lease_passed_on_writes_nothing(cluster, monkeypatch):
    from servers import sync as module

    fetch = module._fetch

    def slow(gateway, before_a_call):
        answer = fetch(gateway, before_a_call)
        Cluster.objects.update(lease_token="another worker's")
        return answer

    monkeypatch.setattr(module, "_fetch", slow)
    assert "another worker" in sync_cluster(cluster).error
    assert not Server.objects.exists()
    assert Cluster.objects.get().last_error == ""


def test_the_lease_is_prolonged_before_each_call_so_that_a_dead_worker_holds_a_cluster_for_a_minute(
    cluster, monkeypatch
):
    moments = []
    monkeypatch.setattr(Cluster, "prolong", lambda self, token, moment: moments.append(moment) or True)
    sync(cluster)
    assert len(moments) == 2
    assert cluster.claim(moments[0])
    assert cluster.claim(moments[-1] + timedelta(seconds=61))


def test_a_worker_whose_lease_passed_on_asks_no_more(cluster, pve, monkeypatch):
    from servers import sync as module

    monkeypatch.setattr(Cluster, "prolong", lambda *_args: False)
    pve.requests.clear()
    assert "another worker" in module.sync_cluster(cluster).error
    assert not pve.requests


def test_a_failure_begins_and_ends_with_one_row_each(cluster, pve):
    sync(cluster)
    pve.misbehave("/cluster/resources", "html", times=3)
    sync(cluster, times=3)
    assert cluster.failures == 3
    sync(cluster, times=2)
    assert changes(cluster, kind=ChangeKind.SYNC) == [("sync", "ok", "failing"), ("sync", "failing", "ok")]
    assert (cluster.failures, cluster.last_error) == (0, "")
