"""300 guests on 5 nodes, each odd answer at each endpoint in turn: nothing is invented, nothing is lost."""

import pytest

from servers import failover
from servers.models import Node, Server, StateChange, Storage
from servers.rotation import rotate
from servers.sync import sync_cluster
from simulator import Simulator
from tests.support.proxmox import connect

KINDS = (
    "truncated html null empty errors_dict empty_body 401 403 500 595 596 reset redirect no_guests bad_json wrong_types"
    " slow"
)


@pytest.fixture(scope="module")
def big():
    with Simulator(guests=300, nodes=5, seed=7, auth_failure_delay=0.0) as simulator:
        yield simulator


def state(cluster):
    """Everything that a failed sync must leave alone."""
    return (
        list(Server.objects.filter(cluster=cluster).order_by("pk").values_list("pk", "status", "name", "retired_at")),
        list(Node.objects.filter(cluster=cluster).order_by("pk").values_list("pk", "status", "retired_at")),
        list(Storage.objects.filter(cluster=cluster).order_by("pk").values_list("pk", "status", "retired_at")),
        StateChange.objects.filter(cluster=cluster).exclude(kind="sync").count(),
    )


@pytest.mark.django_db
@pytest.mark.parametrize("kind", KINDS.split())
def test_an_odd_list_of_resources_changes_nothing_and_is_told_and_passes(big, kind, monkeypatch):
    monkeypatch.setitem(failover.ask.__kwdefaults__, "read_seconds", 0.5 if kind == "slow" else 20.0)
    cluster = connect(big)
    sync_cluster(cluster)
    before = state(cluster)
    assert len(before[0]) == len(big.cluster.guests)
    big.misbehave("/cluster/resources", kind, seconds=1.5)
    for _ in range(4):
        cluster.refresh_from_db()
        sync_cluster(cluster)
    cluster.refresh_from_db()
    assert cluster.last_error
    assert cluster.failures == 4
    assert state(cluster) == before
    big.behave()
    cluster.refresh_from_db()
    sync_cluster(cluster)
    cluster.refresh_from_db()
    assert (cluster.last_error, cluster.failures) == ("", 0)
    assert state(cluster) == before


@pytest.mark.django_db
@pytest.mark.parametrize("kind", [kind for kind in KINDS.split() if kind not in {"no_guests", "slow"}])
def test_an_odd_cluster_status_retires_nobody(big, kind):
    cluster = connect(big)
    sync_cluster(cluster)
    before = state(cluster)
    big.misbehave("/cluster/status", kind)
    for _ in range(4):
        cluster.refresh_from_db()
        sync_cluster(cluster)
    big.behave()
    cluster.refresh_from_db()
    assert cluster.last_error or cluster.last_warning
    assert state(cluster) == before


@pytest.mark.django_db
@pytest.mark.parametrize("kind", [kind for kind in KINDS.split() if kind not in {"no_guests", "slow"}])
@pytest.mark.parametrize("path", ["/cluster/tasks", "/nodes/*/storage/*/content", "/version"])
def test_an_odd_answer_in_the_rotation_loses_no_backup_and_fails_no_sync(big, kind, path):
    from servers.models import Backup, BackupRun

    cluster = connect(big)
    sync_cluster(cluster)
    rotate(cluster, everything=True)
    before = (Backup.objects.filter(gone_at=None).count(), BackupRun.objects.count())
    assert all(before)
    big.misbehave(path, kind)
    for _ in range(2):
        rotate(cluster, everything=True)
    big.behave()
    cluster.refresh_from_db()
    assert sync_cluster(cluster).error == ""
    assert (Backup.objects.filter(gone_at=None).count(), BackupRun.objects.count()) == before
