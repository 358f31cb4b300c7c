"""What changes slowly: storages, backups, certificates, the quorum, the portal's own work. Rows in, incidents out."""

from datetime import timedelta

import pytest
import time_machine
from django.core.exceptions import ValidationError

from monitoring.evaluation import evaluate
from monitoring.models import AlertThreshold, Condition, ConditionOverride, Incident, Suspicion
from monitoring.watching import watch
from notifications.models import Notification
from portal.lib import clock
from servers.models import Backup, Cluster, Finding, Node, Operation, Server, Storage

pytestmark = pytest.mark.django_db
GIB = 2**30


@pytest.fixture
def cluster():
    moment = clock.now()
    return Cluster.objects.create(
        name="demo", endpoints=["https://pve1:8006"], token_id="a@pam!b", last_success_at=moment, quorate=True
    )


@pytest.fixture
def node(cluster):
    return Node.objects.create(cluster=cluster, name="pve1", status="online")


@pytest.fixture
def storage(cluster):
    return Storage.objects.create(
        cluster=cluster, name="ceph", shared=True, status="available", used=50 * GIB, size=100 * GIB
    )


@pytest.fixture
def server(cluster, node):
    return Server.objects.create(
        cluster=cluster, vmid=100, kind="qemu", node=node, name="web-1", status="running", owner="김", tags=";prod;"
    )


def after(**span):
    """Look once more, that much later."""
    with time_machine.travel(clock.now() + timedelta(**span), tick=False):
        watch()


def fill(storage, percent):
    Storage.objects.filter(pk=storage.pk).update(used=percent * GIB)


def open_ones():
    return {(row.condition, row.severity) for row in Incident.objects.filter(closed_at=None)}


def told():
    return list(Notification.objects.order_by("pk").values_list("status", "severity"))


def test_where_all_is_well_nothing_is_told(cluster, node, storage, server):
    after(minutes=0)
    after(hours=2)
    assert not Incident.objects.exists()
    assert not Suspicion.objects.exists()


def test_a_storage_is_told_of_when_it_has_been_full_for_a_while(storage):
    fill(storage, 85)
    after(minutes=0)
    after(minutes=9)
    assert not Incident.objects.exists()
    after(minutes=11)
    incident = Incident.objects.get()
    assert (incident.condition, incident.severity, incident.title) == (
        "storage_full",
        "warning",
        "Storage ceph gets full",
    )
    assert incident.object_key == f"cluster:{storage.cluster_id}/ceph"
    assert "85 % full: 85 GiB of 100 GiB" in incident.text.replace("\xa0", " ")


def test_one_that_gets_worse_is_told_again_and_stays_one_incident(storage):
    fill(storage, 85)
    after(minutes=0)
    after(minutes=11)
    fill(storage, 95)
    after(minutes=12)
    after(minutes=13)
    assert open_ones() == {("storage_full", "critical")}
    assert told() == [("firing", "warning"), ("firing", "critical")]


def test_a_storage_near_its_threshold_does_not_come_and_go(storage):
    fill(storage, 81)
    after(minutes=0)
    after(minutes=11)
    for minute, percent in enumerate((79, 81, 79), 12):
        fill(storage, percent)
        after(minutes=minute)
    assert open_ones() == {("storage_full", "warning")}
    fill(storage, 77)
    after(minutes=20)
    assert open_ones() == set()
    assert told() == [("firing", "warning"), ("resolved", "warning")]


def test_a_hiccup_is_forgotten(storage):
    fill(storage, 85)
    after(minutes=0)
    fill(storage, 50)
    after(minutes=5)
    fill(storage, 85)
    after(minutes=11)
    assert not Incident.objects.exists()
    assert Suspicion.objects.count() == 1


def test_a_storage_out_of_reach_is_told_of_unless_its_node_is(cluster, node):
    Storage.objects.create(cluster=cluster, node=node, name="nfs", status="unknown")
    Node.objects.filter(pk=node.pk).update(status="offline")
    after(minutes=0)
    after(minutes=10)
    assert not Incident.objects.exists()
    Node.objects.filter(pk=node.pk).update(status="online")
    after(minutes=11)
    after(minutes=14)
    assert open_ones() == {("storage_failed", "critical")}


def test_nothing_is_judged_of_a_cluster_that_cannot_be_synced(cluster, storage):
    fill(storage, 95)
    after(minutes=0)
    after(minutes=11)
    Cluster.objects.update(last_error="It does not answer.")
    fill(storage, 10)
    after(minutes=12)
    assert open_ones() == {("storage_full", "critical")}


def test_a_lost_quorum_is_told_of(cluster):
    Cluster.objects.update(quorate=False)
    after(minutes=0)
    after(minutes=2)
    assert open_ones() == {("cluster_not_quorate", "critical")}
    Cluster.objects.update(quorate=True)
    after(minutes=3)
    assert open_ones() == set()


def backup(server, storage, **age):
    moment = clock.now() - timedelta(**age)
    return Backup.objects.create(
        cluster=server.cluster, storage=storage, server=server, volid=f"ceph:backup/{age}", vmid=100, created_at=moment
    )


def test_a_server_whose_newest_backup_is_too_old_is_told_of(server, storage):
    backup(server, storage, days=30)
    backup(server, storage, days=9)
    after(minutes=0)
    after(minutes=11)
    incident = Incident.objects.get()
    assert (incident.condition, incident.server) == ("backup_too_old", server)
    assert incident.labels["owner"] == "김"
    backup(server, storage, days=0)
    after(minutes=12)
    assert open_ones() == set()


def test_a_server_may_have_a_threshold_of_its_own(server, storage):
    ConditionOverride.objects.create(condition="backup_too_old", server=server, threshold=2)
    backup(server, storage, days=3)
    after(minutes=0)
    after(minutes=11)
    assert open_ones() == {("backup_too_old", "warning")}
    ConditionOverride.objects.update(threshold=5)
    after(minutes=12)
    assert open_ones() == set()


def test_a_server_that_was_made_with_a_wish_is_held_to_it(server, storage):
    Server.objects.filter(pk=server.pk).update(backup_days=2)
    backup(server, storage, days=3)
    after(minutes=0)
    after(minutes=11)
    assert "it may be 2 days old" in Incident.objects.get().text


def test_servers_in_no_backup_job_are_one_incident_and_may_be_left_out(cluster, server):
    Finding.keep(cluster, "not_backed_up", ["qemu/100", "qemu/999"], clock.now())
    after(minutes=0)
    after(hours=2)
    assert Incident.objects.get().title == "1 server of cluster demo is in no backup job"
    ConditionOverride.objects.create(condition="not_in_backup_job", server=server, muted=True)
    after(hours=3)
    assert open_ones() == set()


@pytest.mark.parametrize(("days", "expected"), [(20, set()), (9, {"warning"}), (-1, {"critical"})])
def test_a_certificate_is_told_of_before_it_ends(cluster, node, days, expected):
    end = int((clock.now() + timedelta(days=days)).timestamp())
    Finding.keep(cluster, "certificates@pve1", {"pve-ssl.pem": end, "pve-root-ca.pem": end + 10**8}, clock.now())
    after(minutes=0)
    after(minutes=61)
    assert {row.severity for row in Incident.objects.all()} == expected


def test_an_operation_that_failed_is_told_of_until_one_succeeds(cluster, server):
    facts = {"cluster": cluster, "server": server, "action": "start", "requester": "kim"}
    Operation.objects.create(**facts, state="failed", message="storage is gone", finished_at=clock.now())
    after(minutes=0)
    incident = Incident.objects.get()
    assert "asked for by kim" in incident.text
    assert "storage is gone" in incident.text
    Operation.objects.create(**facts, state="succeeded", finished_at=clock.now())
    after(minutes=1)
    assert open_ones() == set()


def test_messages_that_are_lost_are_told_of(db):
    from notifications import Message, publish
    from notifications.models import AlertChannel, Delivery, DeliveryAttempt

    channel = AlertChannel.objects.create(name="Slack", kind="slack")
    publish(Message(id="x", title="x"), channels=[channel])
    Delivery.objects.update(state="dead")
    DeliveryAttempt.objects.create(delivery=Delivery.objects.get())
    after(minutes=0)
    assert "Slack (1)" in Incident.objects.get(condition="delivery_failing").text
    after(hours=2)
    assert open_ones() == set()


def test_an_exception_mutes_and_delays_and_weighs_what_falls(cluster, server):
    Server.objects.filter(pk=server.pk).update(status="stopped", expected_state="running")
    exception = ConditionOverride.objects.create(condition="guest_down", server=server, muted=True)
    evaluate()
    assert not Incident.objects.exists()
    ConditionOverride.objects.filter(pk=exception.pk).update(muted=False, delay_minutes=30, severity="info")
    evaluate()
    assert not Incident.objects.exists()
    with time_machine.travel(clock.now() + timedelta(minutes=31), tick=False):
        evaluate()
    assert open_ones() == {("guest_down", "info")}


def test_the_thresholds_of_the_rules_are_the_portals(storage):
    AlertThreshold.objects.filter(alert="StorageNearlyFull").update(value=60)
    fill(storage, 65)
    after(minutes=0)
    after(minutes=11)
    assert open_ones() == {("storage_full", "warning")}


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"condition": Condition.GUEST_DOWN, "muted": True}, "one of the two"),
        ({"condition": Condition.GUEST_DOWN, "on_server": True}, "changes nothing"),
        ({"condition": Condition.GUEST_DOWN, "on_server": True, "threshold": 3}, "no threshold"),
        ({"condition": Condition.STORAGE_FULL, "on_server": True, "muted": True}, "choose the cluster"),
        ({"condition": Condition.BACKUP_TOO_OLD, "on_server": True, "threshold": -1}, "above 0"),
    ],
)
def test_an_exception_that_makes_no_sense_is_refused(server, columns, words):
    on_server = columns.pop("on_server", False)
    with pytest.raises(ValidationError, match=words):
        ConditionOverride(server=server if on_server else None, **columns).clean()


def test_what_a_watch_suspects_outlasts_the_looks_at_everything_else(storage):
    fill(storage, 85)
    after(minutes=0)
    evaluate()
    assert Suspicion.objects.count() == 1
    after(minutes=11)
    assert Incident.objects.get().condition == "storage_full"
