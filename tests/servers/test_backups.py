"""Backups and runs: listed once, counted once, never lost to a listing that lies."""

import time

import pytest

from servers.addresses import GUESTS_PER_TURN
from servers.models import Backup, BackupRun, Counter, Server
from servers.rotation import CALLS_PER_TURN, rotate
from servers.sync import sync_cluster

pytestmark = pytest.mark.django_db


@pytest.fixture
def synced(cluster):
    sync_cluster(cluster)
    rotate(cluster, everything=True)
    cluster.refresh_from_db()
    return cluster


def again(cluster):
    cluster.refresh_from_db()
    return rotate(cluster, everything=True)


def counters(name):
    return sum(Counter.objects.filter(name=name).values_list("value", flat=True))


def test_the_backups_of_a_shared_storage_are_listed_once(synced, pve):
    volumes = list(Backup.objects.filter(storage__name="nfs-backup").values_list("volid", flat=True))
    assert len(volumes) == len(set(volumes)) > 0
    asked = [r.path for r in pve.requests if "/nfs-backup/content" in r.path]
    assert len(asked) == 1


def test_a_backup_belongs_to_its_server(synced, pve):
    server = Server.objects.filter(kind="qemu", template=False).first()
    pve.add_backup("nfs-backup", server.vmid, size=4_000_000)
    again(synced)
    assert Backup.objects.filter(server=server, size=4_000_000).exists()


def test_a_backup_that_is_gone_is_kept_as_history(synced, pve):
    volid = pve.add_backup("nfs-backup", 100)
    again(synced)
    pve.cluster.volumes.pop(("", volid))
    again(synced)
    assert Backup.objects.get(volid=volid).gone_at is not None


def test_an_empty_listing_must_be_seen_three_times(synced, pve):
    count = Backup.objects.filter(storage__name="nfs-backup", gone_at=None).count()
    pve.misbehave("/nodes/*/storage/nfs-backup/content", "empty")
    assert any("lists no backups" in sentence for sentence in again(synced))
    again(synced)
    assert Backup.objects.filter(storage__name="nfs-backup", gone_at=None).count() == count > 0
    again(synced)
    assert not Backup.objects.filter(storage__name="nfs-backup", gone_at=None).exists()


def test_a_backup_of_a_former_holder_of_the_id_is_not_the_new_servers(synced, pve):
    pve.add_backup("nfs-backup", 777, ctime=1_700_000_000)
    pve.add_guest(vmid=777, name="newcomer", node="pve1")
    sync_cluster(synced)
    again(synced)
    assert Backup.objects.get(vmid=777).server is None


def test_history_from_before_the_cluster_was_added_is_shown_and_not_counted(synced):
    assert BackupRun.objects.exists()
    assert counters(Counter.BACKUP_SUCCESS) == counters(Counter.BACKUP_FAILURE) == 0


@pytest.mark.parametrize(
    ("status", "outcome", "counter"),
    [
        ("OK", "success", Counter.BACKUP_SUCCESS),
        ("WARNINGS: 1", "warnings", Counter.BACKUP_SUCCESS),
        ("job errors", "failure", Counter.BACKUP_FAILURE),
    ],
)
def test_a_run_is_counted_once_by_its_outcome(synced, pve, status, outcome, counter):
    upid = pve.add_vzdump_task("pve1", 100, status=status, starttime=time.time(), seconds=1)
    again(synced)
    again(synced)
    assert BackupRun.objects.get(upid=upid).outcome == outcome
    assert counters(counter) == 1


def test_the_rotation_is_bounded(synced, pve):
    from datetime import timedelta

    import time_machine

    from portal.lib import clock

    pve.requests.clear()
    with time_machine.travel(clock.now() + timedelta(hours=2), tick=True):
        synced.refresh_from_db()
        rotate(synced)
    # The jobs for addresses and for snapshots ask some guests each.
    assert 0 < len(pve.requests) <= CALLS_PER_TURN + 2 * GUESTS_PER_TURN


def test_the_rotation_learns_a_nodes_load_and_certificates(synced):
    from servers.models import Finding

    load = Finding.objects.get(cluster=synced, key="load@pve1").value
    ends = Finding.objects.get(cluster=synced, key="certificates@pve1").value
    assert len(load) == 3
    assert ends["pve-ssl.pem"] > 1_700_000_000
