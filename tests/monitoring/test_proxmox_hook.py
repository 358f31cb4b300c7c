"""What Proxmox's notifications come to: incidents of the right things, joined with others', ended by the sync."""

import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from monitoring import hook_tokens
from monitoring.evaluation import evaluate
from monitoring.inbound import take
from monitoring.models import Alert, Inbound, Incident
from monitoring.proxmox_events import BODY, guests, read
from notifications.models import Notification
from portal.lib import clock
from servers.models import BackupRun, Finding, Node
from simulator.notifying import fill
from tests.monitoring import test_intake
from tests.monitoring.test_bad_payloads import ANYTHING
from tests.support import seed

pytestmark = pytest.mark.django_db
URL = "/hooks/proxmox/"
TABLE = """
Details
=======
VMID    Name      Status    Time    Size         Filename
100     web 01    ok        7s      1.000 GiB    /mnt/vzdump-qemu-100.vma.zst
101     db        err       3s      0 B          null

Total running time: 10s
Total size: 1.000 GiB

Logs
====
101: 2026-03-02 08:15:21 ERROR: Backup of VM 101 failed - unable to open file
"""


@pytest.fixture
def cluster(settings):
    settings.PORTAL_ALERTMANAGER_TOKEN = test_intake.TOKEN
    cluster = seed.make_cluster("berlin")
    type(cluster).objects.update(created_at=clock.now() - timedelta(days=9))
    return cluster


@pytest.fixture
def node(cluster):
    return seed.make_node(cluster, "pve1")


@pytest.fixture
def servers(cluster, node):
    return [seed.make_server(cluster, node, vmid=100 + number, name=name) for number, name in enumerate(["web", "db"])]


@pytest.fixture
def token(cluster):
    return hook_tokens.issue("proxmox", cluster=cluster, keep=timedelta(0))[1]


@pytest.fixture
def tell(client, token):
    def send(kind, title="title", message="", severity="error", minutes=0, **fields):
        at = int((clock.now() - timedelta(minutes=minutes)).timestamp())
        named = {name.replace("_", "-"): value for name, value in {"type": kind, "hostname": "pve1", **fields}.items()}
        data = {"title": title, "message": message, "severity": severity, "timestamp": at, "fields": named}
        answer = post(client, fill(BODY, data), token)
        assert answer.status_code == 202
        row = Inbound.objects.latest("pk")
        take(row)
        row.refresh_from_db()
        return row

    return send


def post(client, text, token):
    return client.post(URL, text, content_type="application/json", headers={"Authorization": f"Bearer {token}"})


def told():
    return list(Notification.objects.order_by("pk").values_list("status", "title"))


def rule(client, status="firing", **labels):
    known = Alert.objects.filter(fingerprint="rule").first()
    start = (known.starts_at if known else clock.now() - timedelta(minutes=2)).isoformat()
    test_intake.deliver(client, {**test_intake.alert(status, fingerprint="rule", **labels), "startsAt": start})


def run(cluster, server, outcome="failure", minutes=0, **columns):
    at = clock.now() - timedelta(minutes=minutes)
    return BackupRun.objects.create(
        cluster=cluster, upid=f"UPID:{at.timestamp()}", node_name="pve1", vmid=server and server.vmid, server=server,
        started_at=at, ended_at=at, outcome=outcome, message="job errors", **columns,
    )  # fmt: skip


def online(node, synced_in=2):
    Node.objects.filter(pk=node.pk).update(status="online", status_since=clock.now())
    later = clock.now() + timedelta(minutes=synced_in)
    type(node.cluster).objects.filter(pk=node.cluster_id).update(last_success_at=later)


def test_one_failed_guest_of_a_backup_is_told_of_that_server(tell, servers):
    tell("vzdump", "vzdump backup status (pve1): backup failed", TABLE)
    incident = Incident.objects.get()
    assert (incident.condition, incident.server, incident.severity) == ("backup_failed", servers[1], "warning")
    assert "unable to open file" in incident.text
    assert told() == [("firing", "The backup of db (101) failed")]


def test_several_failed_guests_are_one_message(tell, servers, node):
    tell("vzdump", "vzdump backup status (pve1): backup failed", TABLE.replace("ok ", "err"))
    assert told() == [("firing", "2 backups on node pve1 failed")]
    assert "web 01 (100), db (101)" in Incident.objects.get().text
    assert Incident.objects.get().node == node


def test_a_run_that_came_to_no_guest_is_told_with_its_reason(tell, servers):
    tell("vzdump", "vzdump backup status (pve1): backup failed: could not activate storage 'pbs'")
    assert "could not activate storage 'pbs'" in Incident.objects.get().text


def test_the_next_good_run_ends_it(tell, servers):
    tell("vzdump", "backup failed", TABLE, minutes=5)
    tell("vzdump", "backup successful", TABLE.replace("err", "ok "), severity="info")
    assert [status for status, _title in told()] == ["firing", "resolved"]


def test_a_good_run_that_is_older_ends_nothing(tell, servers):
    tell("vzdump", "backup failed", TABLE)
    tell("vzdump", "backup successful", TABLE.replace("err", "ok "), severity="info", minutes=5)
    assert Incident.objects.get().is_open


def test_a_failed_backup_seen_by_webhook_task_and_rule_is_one_incident_and_one_message(client, tell, cluster, servers):
    tell("vzdump", "backup failed", TABLE)
    run(cluster, servers[1])
    run(cluster, None, minutes=1)  # the task of the whole job names no guest
    evaluate()
    rule(client, condition="backup_failed", cluster="berlin", alertname="BackupFailed")
    assert len(told()) == 1
    assert set(Incident.objects.get().alerts.values_list("source", flat=True)) == {"proxmox", "portal", "alertmanager"}


def test_the_order_in_which_they_see_it_does_not_matter(client, tell, cluster, servers):
    rule(client, condition="backup_failed", cluster="berlin", alertname="BackupFailed")
    run(cluster, servers[1])
    evaluate()
    tell("vzdump", "backup failed", TABLE)
    assert len(told()) == 1
    assert Incident.objects.get().alerts.count() == 3


def test_another_server_that_fails_later_is_told(client, tell, cluster, servers):
    tell("vzdump", "backup failed", TABLE)
    run(cluster, servers[0])
    evaluate()
    assert Incident.objects.count() == 2


def test_a_failed_run_without_a_webhook_is_told_and_ends_with_a_good_one(cluster, servers):
    run(cluster, servers[1], minutes=10)
    evaluate()
    evaluate()
    run(cluster, servers[1], outcome="success")
    evaluate()
    assert told() == [("firing", "The backup of db (101) failed"), ("resolved", "The backup of db (101) failed")]


def test_a_node_seen_by_the_portal_a_rule_and_fencing_is_one_incident_and_one_message(client, tell, node):
    Node.objects.filter(pk=node.pk).update(status="offline", status_since=clock.now())
    evaluate()
    rule(client, condition="node_offline", cluster="berlin", node="pve1", severity="critical")
    tell("fencing", "FENCE: Try to fence node 'pve1'", hostname="pve2")
    tell("fencing", "SUCCEED: fencing: acknowledged - got agent lock for node 'pve1'", hostname="pve2")
    assert told() == [("firing", "Node pve1 is offline")]
    online(node)
    evaluate()
    assert Incident.objects.get().is_open  # the rule still says so
    rule(client, "resolved", condition="node_offline", cluster="berlin", node="pve1", severity="critical")
    assert [status for status, _title in told()] == ["firing", "resolved"]


def test_fencing_alone_is_told_at_once_and_ends_when_the_node_is_surely_back(tell, node):
    tell("fencing", "FENCE: Try to fence node 'pve1'")
    evaluate()
    assert Incident.objects.get().is_open  # the row is from before
    online(node)
    evaluate()
    assert [status for status, _title in told()] == ["firing", "resolved"]


@pytest.mark.parametrize("word", ["SUCEED: fencing: acknowleged", "SUCCEED: fencing: acknowledged"])
def test_the_last_word_on_a_fenced_node_that_is_back_is_no_new_trouble(tell, node, word):
    tell("fencing", "FENCE: Try to fence node 'pve1'", minutes=5)
    online(node)
    evaluate()
    tell("fencing", f"{word} - got agent lock for node 'pve1'", hostname="pve2")
    assert Incident.objects.get().closed_at
    Node.objects.filter(pk=node.pk).update(status="offline")
    tell("fencing", f"{word} - got agent lock for node 'pve1'", hostname="pve2", minutes=1)
    assert Incident.objects.filter(closed_at=None).count() == 1  # the only word that came


def test_a_failed_replication_ends_when_its_job_has_run_well(tell, cluster, servers):
    tell("replication", "Replication Job: 101-0 failed", "no route to host", job_id="101-0", minutes=5)
    incident = Incident.objects.get()
    assert (incident.condition, incident.server) == ("replication_failed", servers[1])
    evaluate()
    assert Incident.objects.get().is_open
    row = {"id": "101-0", "fail_count": 0, "last_sync": int(clock.now().timestamp())}
    Finding.keep(cluster, "replication@pve1", [row], clock.now())
    evaluate()
    assert not Incident.objects.get().is_open


@pytest.mark.parametrize(
    ("kind", "severity", "condition", "ours"),
    [
        ("package-updates", "info", "package_updates", "info"), ("system-mail", "unknown", "system_mail", "warning"),
        ("new-kind-of-10.0", "notice", "proxmox_new-kind-of-10.0", "info"),
    ],
)  # fmt: skip
def test_a_notice_is_told_once_and_is_over(tell, node, kind, severity, condition, ours):
    for _ in range(2):
        tell(kind, "There is something", "in short", severity=severity)
    incident = Incident.objects.get()
    assert (incident.condition, incident.severity, incident.is_open, incident.node) == (condition, ours, False, node)
    with_later = clock.now() + timedelta(hours=1)
    from monitoring.incidents import settle

    settle(with_later)
    assert [status for status, _title in told()] == ["firing"]


def test_a_test_of_the_target_is_kept_and_is_no_trouble(client, token):
    data = {"title": "Test notification", "message": "x", "severity": "info", "timestamp": 1_790_000_000, "fields": {}}
    assert post(client, fill(BODY, data), token).status_code == 202
    assert take(Inbound.objects.get()) == 0
    assert not Incident.objects.exists()
    assert Inbound.objects.get().error == ""


def test_processing_again_doubles_nothing(tell, servers):
    row = tell("vzdump", "backup failed", TABLE)
    from monitoring import inbound

    for _ in range(2):
        inbound.again(row)
        take(Inbound.objects.get(pk=row.pk))
    assert (Alert.objects.count(), Incident.objects.count(), len(told())) == (1, 1, 1)


def test_a_token_speaks_for_its_cluster_alone(client, token, cluster):
    other = seed.make_cluster("paris")
    seed.make_node(other, "pve1")
    text = fill(BODY, {"title": "FENCE: Try to fence node 'pve1'", "message": "", "severity": "error",
                       "timestamp": 1_790_000_000, "fields": {"type": "fencing", "hostname": "pve1"}})  # fmt: skip
    post(client, text, token)
    take(Inbound.objects.get())
    assert Incident.objects.get().cluster == cluster


@pytest.mark.parametrize("shown", ["", "wrong", "token-of-alertmanager"])
def test_a_wrong_token_is_refused(client, token, settings, shown):
    settings.PORTAL_ALERTMANAGER_TOKEN = "token-of-alertmanager"
    assert post(client, "{}", shown).status_code == 401


@pytest.mark.parametrize("text", ["[]", "{}", "x", '{"title": 7, "fields": {}}', '{"title": "x", "fields": []}'])
def test_what_is_no_notification_is_refused(client, token, text):
    assert post(client, text, token).status_code == 400


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=some.fixed_dictionaries(
    {"title": some.text(max_size=300), "message": ANYTHING, "severity": ANYTHING, "timestamp": ANYTHING,
     "fields": some.dictionaries(some.sampled_from(["type", "hostname", "job-id", "x"]), ANYTHING)
     | some.fixed_dictionaries({"type": some.sampled_from(["vzdump", "fencing", "replication", "system-mail"])})}
))  # fmt: skip
def test_any_fields_are_taken_without_a_fault(client, cluster, data):
    _row, token = hook_tokens.issue("proxmox", cluster=cluster, keep=timedelta(hours=1))
    assert post(client, json.dumps(data), token).status_code == 202
    row = Inbound.objects.latest("pk")
    take(row)
    row.refresh_from_db()
    assert row.processed_at


@settings(max_examples=50, deadline=None)
@given(
    rows=some.lists(
        some.tuples(
            some.integers(100, 999_999_999),
            some.text("abc -_.가", max_size=20),
            some.sampled_from(["ok", "err", "todo"]),
        ),
        max_size=20,
        unique_by=lambda row: row[0],
    )
)
def test_the_table_of_a_backup_is_read_as_it_was_written(rows):
    lines = [f"{vmid}     {name.strip()}    {state}    3s    1 GiB    x" for vmid, name, state in rows]
    message = "\n".join(
        ["Details", "VMID    Name    Status    Time    Size    Filename", *lines, "", "100: INFO: ok  x"]
    )
    payload = {"title": "t", "message": message, "fields": {"type": "vzdump"}, "timestamp": 1_790_000_000}
    found = guests(read(payload, clock.now()))
    assert [(int(one.vmid), one.failed) for one in found] == [(vmid, state != "ok") for vmid, _name, state in rows]
