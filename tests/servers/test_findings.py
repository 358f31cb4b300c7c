"""What the rotation asks of a cluster beside its inventory: kept, renewed, and gone when it is no longer true."""

import pytest

from servers.models import Finding
from servers.rotation import rotate
from servers.sync import sync_cluster

pytestmark = pytest.mark.django_db


@pytest.fixture
def synced(cluster):
    sync_cluster(cluster)
    return cluster


def found(cluster) -> dict:
    cluster.refresh_from_db()
    assert rotate(cluster, everything=True) == []
    return dict(Finding.objects.filter(cluster=cluster).values_list("key", "value"))


def test_a_cluster_says_who_it_is(synced):
    told = found(synced)
    assert told["identity"]["name"] == "demo"
    assert told["identity"]["members"]["pve2"] == {"id": "2", "level": ""}
    assert told["version"] == {"version": "9.2.11", "release": "9.2", "repoid": "14a22df35955d97d"}
    synced.refresh_from_db()
    assert synced.version == "9.2.11"


def test_a_subscription_is_kept_without_its_key(synced, pve):
    pve.cluster.subscriptions["pve1"] = {"status": "active", "level": "c", "nextduedate": "2027-03-01", "key": "secret"}
    assert found(synced)["subscription@pve1"] == {"status": "active", "level": "c", "nextduedate": "2027-03-01"}


def test_replication_is_kept_per_node(synced, pve):
    pve.cluster.replications["101-0"] = {
        "source": "pve2", "target": "pve1", "guest": 101, "vmtype": "qemu", "duration": "7.5", "fail_count": 2,
    }  # fmt: skip
    told = found(synced)
    assert told["replication@pve1"] == []
    (job,) = told["replication@pve2"]
    assert (job["id"], job["guest"], job["duration"], job["fail_count"]) == ("101-0", "101", 7.5, 2.0)


def test_the_findings_of_a_node_that_died_go(synced, pve):
    assert "subscription@pve2" in found(synced)
    pve.node_offline("pve2")
    sync_cluster(synced)
    told = found(synced)
    assert not [key for key in told if key.endswith("@pve2")]
    assert {"identity", "not_backed_up", "qdevice", "subscription@pve1", "replication@pve3"} <= set(told)


def test_what_the_token_may_not_see_is_unknown_and_no_error(synced, pve):
    assert "not_backed_up" in found(synced)
    storage = ["Datastore.Audit", "Datastore.AllocateSpace"]
    pve.set_token_rights({"/vms": ["VM.Audit", "VM.Backup"], "/nodes": ["Sys.Audit"], "/storage": storage})
    told = found(synced)
    assert not {"identity", "not_backed_up", "qdevice"} & set(told)
    assert "subscription@pve1" in told


@pytest.mark.parametrize("kind", ["null", "html", "empty_body", "wrong_types", "errors_dict"])
def test_an_odd_answer_leaves_what_was_known(synced, pve, kind):
    before = found(synced)
    pve.misbehave("/cluster/backup-info/not-backed-up", kind)
    synced.refresh_from_db()
    rotate(synced, everything=True)
    assert Finding.objects.get(cluster=synced, key="not_backed_up").value == before["not_backed_up"]
