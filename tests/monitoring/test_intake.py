"""What Alertmanager sends is kept, answered fast, and becomes incidents; anything else gets the right code."""

import json
from datetime import timedelta

import pytest
from django.db import OperationalError, connection

from monitoring import inbound, inbound_queue
from monitoring.inbound import AT_ONCE, take
from monitoring.intake import MOST_BYTES
from monitoring.models import Alert, Inbound, Incident
from notifications import tasks
from notifications.models import AlertChannel, Delivery, Notification
from portal.lib import clock
from tests.support import seed

pytestmark = pytest.mark.django_db
URL = "/hooks/alertmanager/"
TOKEN = "the-token-of-this-test"


@pytest.fixture(autouse=True)
def _token(settings):
    settings.PORTAL_ALERTMANAGER_TOKEN = TOKEN


def alert(status="firing", start="2026-03-02T08:15:21.632123456Z", fingerprint="3435e9e6b43152ac", **labels):
    known = {"alertname": "HighCPUUsage", "severity": "warning", "instance": "10.20.0.12:9100"}
    end = "2026-03-02T09:00:00Z" if status == "resolved" else "0001-01-01T00:00:00Z"
    return {
        "status": status, "labels": known | labels, "annotations": {"summary": "CPU is busy", "description": "93 %"},
        "startsAt": start, "endsAt": end, "generatorURL": "http://prometheus:9090/graph", "fingerprint": fingerprint,
    }  # fmt: skip


def payload(*alerts, **more):
    return {"version": "4", "status": "firing", "receiver": "portal", "alerts": list(alerts), **more}


def send(client, body, token=TOKEN, **headers):
    text = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return client.post(
        URL, text, content_type="application/json", headers={"Authorization": f"Bearer {token}", **headers}
    )


def deliver(client, *alerts):
    answer = send(client, payload(*alerts))
    assert answer.status_code == 202
    row = Inbound.objects.latest("pk")
    take(row)
    row.refresh_from_db()
    return row


def test_an_alert_is_kept_answered_and_becomes_one_incident_and_one_message(client):
    row = deliver(client, alert())
    incident = Incident.objects.get()
    assert (row.taken, row.error) == (1, "")
    assert (incident.title, incident.severity) == ("CPU is busy (10.20.0.12:9100)", "warning")
    assert Notification.objects.count() == 1


def test_repeats_and_duplicates_change_nothing(client):
    for _ in range(3):
        deliver(client, alert(), alert())
    assert (Alert.objects.count(), Incident.objects.count(), Notification.objects.count()) == (1, 1, 1)


def test_a_resolved_alert_closes_the_incident_and_says_so_once(client):
    deliver(client, alert())
    for _ in range(2):
        deliver(client, alert("resolved"))
    assert Incident.objects.get().closed_at is not None
    assert list(Notification.objects.order_by("pk").values_list("status", flat=True)) == ["firing", "resolved"]


def test_the_end_of_what_a_restarted_prometheus_began_anew_ends_what_fired_before(client):
    deliver(client, alert())
    deliver(client, alert("resolved", start="2026-03-02T08:40:00Z"))
    assert Incident.objects.get().closed_at is not None


def test_the_end_of_an_earlier_one_leaves_what_began_after_it(client):
    deliver(client, alert())
    deliver(client, alert("resolved", start="2026-03-02T08:00:00Z"))
    assert Incident.objects.get().closed_at is None


def test_a_late_repeat_of_what_is_over_opens_nothing(client):
    deliver(client, alert())
    deliver(client, alert("resolved"))
    deliver(client, alert())
    assert Incident.objects.filter(closed_at=None).count() == 0


def test_the_same_trouble_again_is_another_incident(client):
    deliver(client, alert())
    deliver(client, alert("resolved"))
    deliver(client, alert(start="2026-03-03T08:00:00Z"))
    assert Incident.objects.count() == 2


def test_a_rule_and_the_portal_that_see_one_trouble_make_one_incident(client):
    from monitoring.evaluation import evaluate
    from portal.lib import clock
    from servers.models import Node

    cluster = seed.make_cluster("berlin", last_success_at=clock.now())
    node = seed.make_node(cluster, "pve1", status="offline")
    rule = {"condition": "node_offline", "cluster": "berlin", "node": "pve1", "severity": "critical"}
    deliver(client, alert(**rule))
    evaluate()
    assert Incident.objects.get().alerts.count() == 2
    assert Notification.objects.count() == 1
    Node.objects.filter(pk=node.pk).update(status="online")
    evaluate()
    assert Incident.objects.get().is_open  # the rule still says so
    deliver(client, alert("resolved", **rule))
    assert not Incident.objects.get().is_open
    assert Notification.objects.count() == 2


def test_an_alert_about_a_server_is_joined_to_it(client):
    cluster = seed.make_cluster("berlin")
    server = seed.make_server(cluster, seed.make_node(cluster, "pve1"), name="db-1")
    deliver(client, alert(condition="guest_down", cluster="berlin", node="pve1", vmid=str(server.vmid)))
    assert Incident.objects.get().server == server


def test_a_bad_alert_beside_good_ones_is_left_out_and_named(client):
    row = deliver(
        client, alert(), "nonsense", {"labels": {"alertname": "Half"}}, alert(fingerprint="other", instance="b")
    )
    assert row.taken == 2
    assert "Half lacks fingerprint" in row.error
    assert Incident.objects.count() == 2


@pytest.mark.parametrize(
    "start", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "yesterday", "", None, 7, "2026-13-45T00:00:00Z"]
)
def test_a_start_that_is_none_is_refused_for_that_alert_alone(client, start):
    row = deliver(client, {**alert(), "startsAt": start}, alert(fingerprint="good"))
    assert row.taken == 1
    assert Incident.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("no json", 400), ("", 400), ("[]", 400), ("{}", 400), ('{"alerts": 7}', 400), ("null", 400),
        (b"\xff\xfe", 400),
        ("[" * 100_000, 400), ('{"alerts": []}', 202), ('{"alerts": [], "unknown": {"a": 1}, "version": "99"}', 202),
    ],
)  # fmt: skip
def test_each_body_gets_its_code_and_never_a_500(client, body, code):
    assert send(client, body).status_code == code
    assert Inbound.objects.count() == (code == 202)


@pytest.mark.parametrize("token", ["", "wrong", "the-token-of-this-tes", "틀린"])
def test_a_wrong_token_is_refused_and_nothing_is_kept(client, token):
    answer = client.post(
        URL,
        "{}",
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}".encode().decode("latin-1")},
    )
    assert answer.status_code == 401
    assert not Inbound.objects.exists()


def test_without_a_configured_token_nobody_may_call(client, settings):
    settings.PORTAL_ALERTMANAGER_TOKEN = ""
    assert send(client, payload(), token="").status_code == 401


def test_only_a_post_is_taken(client):
    assert client.get(URL).status_code == 405


def test_what_is_too_large_is_refused_before_it_is_read(client):
    answer = client.post(
        URL,
        b"x",
        content_type="application/json",
        headers={"Authorization": f"Bearer {TOKEN}"},
        CONTENT_LENGTH=MOST_BYTES + 1,
    )
    assert answer.status_code == 413


def test_ten_thousand_alerts_are_kept(client):
    many = payload(*(alert(fingerprint=f"f{number}") for number in range(10_000)))
    assert send(client, many).status_code == 202


def test_labels_of_megabytes_and_control_characters_are_cut_to_size(client):
    deliver(client, alert(note="x" * 1_000_000, sign="a\x00b\x1bc", alertname="줄\n바꿈"))
    labels = Incident.objects.get().labels
    assert len(labels["note"]) == 1000
    assert labels["sign"] == "abc"


def test_a_database_that_cannot_keep_it_is_told_as_temporary(client, monkeypatch):
    def locked(**_):
        raise OperationalError("database is locked")

    monkeypatch.setattr(Inbound.objects, "create", locked)
    assert send(client, payload(alert())).status_code == 503


def test_what_was_kept_can_be_taken_again_without_harm(client):
    row = deliver(client, alert())
    take(row)
    assert Notification.objects.count() == 1


# --- long messages


def many(number, first=0):
    return [alert(fingerprint=f"{one:016x}", instance=f"10.0.0.{one}:9100") for one in range(first, first + number)]


def goes(row):
    """Read a message to its end, as rings would; how many goes that took."""
    for number in range(1, 100):
        take(row)
        row.refresh_from_db()
        if row.processed_at:
            return number
    raise AssertionError(row.position)


def test_a_long_message_is_read_in_several_goes_that_the_ring_continues(client):
    send(client, payload(*many(120), "nonsense"))
    row = Inbound.objects.get()
    take(row)
    row.refresh_from_db()
    assert (row.position, row.taken, row.processed_at, row.claimed_until) == (AT_ONCE, AT_ONCE, None, None)
    assert inbound_queue.is_late(clock.now())
    assert goes(row) == 2
    assert (row.taken, row.position, row.error) == (120, 121, "an alert is no object")
    assert Incident.objects.count() == 120


def test_a_repeat_of_a_long_message_takes_few_goes(client):
    for expected in (3, 1):
        send(client, payload(*many(120)))
        assert goes(Inbound.objects.latest("pk")) == expected


@pytest.mark.django_db(transaction=True)
def test_no_transaction_of_a_long_message_holds_more_than_one_alert(client):
    """Others who want to write have their turn after each: SQLite has one writer."""
    send(client, payload(*many(60)))
    AlertChannel.objects.create(name="All", kind="email", config={"addresses": ["a@example.org"]})
    commits, alerts = [], []

    def watch(execute, sql, params, many, context):
        answer = execute(sql, params, many, context)
        if sql.startswith('INSERT INTO "monitoring_alert"'):
            alerts.append(sql)
            connection.on_commit(lambda: commits.append(len(alerts)))
        return answer

    with connection.execute_wrapper(watch):
        goes(Inbound.objects.get())
    assert commits == list(range(1, 61))


@pytest.mark.django_db(transaction=True)
def test_one_go_puts_few_tasks_before_those_of_others(client, monkeypatch):
    AlertChannel.objects.create(name="All", kind="email", config={"addresses": ["a@example.org"]})
    sent = []
    monkeypatch.setattr(tasks.deliver, "delay", sent.append)
    send(client, payload(*many(60)))
    take(Inbound.objects.get())
    assert (len(sent), Delivery.objects.count()) == (inbound.NUDGES, AT_ONCE)
    assert Delivery.due(clock.now() + timedelta(seconds=20)).count() == AT_ONCE


def test_a_message_that_is_processed_again_begins_anew(client):
    send(client, payload(*many(120)))
    row = Inbound.objects.get()
    goes(row)
    assert inbound.again(row)
    row.refresh_from_db()
    assert (goes(row), row.taken) == (1, 120)
