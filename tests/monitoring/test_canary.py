"""The canary: it comes, is delivered to nobody, makes no incident, keeps few rows, and is missed when it is gone."""

from datetime import timedelta

import pytest
import time_machine

from monitoring import canary, stack
from monitoring.inbound import take
from monitoring.models import Alert, Inbound, Incident, Suspicion
from monitoring.stack_tables import rule_use
from monitoring.watching import watch
from notifications.models import AlertChannel, Decision, Delivery, DeliveryAttempt, Notification, NotificationCounter
from notifications.sending import deliver
from portal.lib import clock
from tests.monitoring import test_intake
from tests.monitoring.test_intake import alert, payload, send
from tests.monitoring.test_stack import facts, verdict
from tests.support import seed

pytestmark = pytest.mark.django_db
_token = test_intake._token
MINUTE = timedelta(minutes=1)
CANARY = {"alertname": "Watchdog", "severity": "none", "condition": "canary"}


@pytest.fixture(autouse=True)
def slack():
    """Somebody who would be told of everything."""
    return AlertChannel.objects.create(name="All", kind="email", config={"addresses": ["a@example.org"]})


def arrive(client, *alerts, read=True, sent=True):
    """The canary comes, a worker reads it, another one sends it."""
    assert send(client, payload(*(alerts or [alert(**CANARY)]))).status_code == 202
    row = Inbound.objects.latest("pk")
    if read:
        take(row)
    if read and sent:
        for pk in Delivery.objects.filter(kind="null", state="queued").values_list("pk", flat=True):
            assert deliver(pk)
    return row


def at(moment):
    return time_machine.travel(moment, tick=False)


def look(after):
    with at(clock.now() + after):
        watch()


def test_it_travels_the_whole_way_and_bothers_nobody(client):
    arrive(client)
    delivery = Delivery.objects.get()
    assert (delivery.kind, delivery.channel, delivery.state) == ("null", None, "delivered")
    assert [attempt.outcome for attempt in DeliveryAttempt.objects.all()] == ["delivered"]
    assert list(Decision.objects.order_by("pk").values_list("reason", flat=True)) == ["queued", "delivered"]
    assert not any(rows.objects.exists() for rows in (Incident, Alert, NotificationCounter))


def test_only_the_last_few_rows_are_kept(client):
    for _ in range(12):
        arrive(client)
    assert Inbound.objects.count() == canary.KEPT
    for rows in (Notification, Delivery, DeliveryAttempt):
        assert rows.objects.count() <= canary.KEPT + 1
    assert 0 < Decision.objects.count() <= 2 * (canary.KEPT + 1)
    shown = seed.browser("operator").get("/admin/notifications/decision/").content.decode()
    assert "Nothing had to be decided yet" in shown


def test_those_that_wait_for_a_worker_are_read_and_only_the_last_is_sent_on(client):
    rows = [arrive(client, read=False) for _ in range(4)]
    for row in rows:
        take(row)
    assert Delivery.objects.count() == 1


def test_while_one_is_under_way_no_other_is_sent(client):
    for _ in range(3):
        arrive(client, sent=False)
    assert Delivery.objects.count() == 1


def test_the_last_one_that_arrived_is_remembered_though_all_after_it_failed(client):
    arrive(client)
    arrived = Delivery.objects.get().delivered_at
    for _ in range(8):
        arrive(client, sent=False)
        Delivery.objects.filter(state="queued").update(state="dead")
    assert canary.stages()["delivery"] == arrived
    assert Delivery.objects.count() == canary.KEPT + 1


def test_its_age_is_a_metric_by_stage(client, scrape):
    assert scrape().all("portal_canary_timestamp_seconds") == {}
    row = arrive(client, sent=False)
    found = scrape()
    assert found.get("portal_canary_timestamp_seconds", stage="intake") == pytest.approx(row.received_at.timestamp())
    queued = Delivery.objects.get().queued_at.timestamp()
    assert found.get("portal_canary_timestamp_seconds", stage="delivery") == pytest.approx(queued)


def test_while_no_worker_reads_it_its_delivery_is_as_old_as_the_first_one(client):
    first = arrive(client, read=False)
    with at(clock.now() + 20 * MINUTE):
        last = arrive(client, read=False)
        assert canary.stages() == {"intake": last.received_at, "delivery": first.received_at}
        assert canary.sentence(clock.now())[0] is False


def test_a_portal_that_never_heard_it_misses_nothing(client):
    look(timedelta(hours=1))
    assert not any(rows.objects.exists() for rows in (Incident, Suspicion))


def test_when_it_does_not_come_any_more_the_portal_tells_once_and_tells_the_end(client):
    arrive(client)
    for minutes in (5, 11, 13):
        look(minutes * MINUTE)
    assert not Incident.objects.exists()
    look(15 * MINUTE)
    look(30 * MINUTE)
    incident = Incident.objects.get()
    assert (incident.condition, incident.title) == ("canary_stale", "Alerts of Prometheus do not arrive")
    assert Delivery.objects.filter(channel__name="All").count() == 1
    with at(clock.now() + 40 * MINUTE):
        arrive(client)
        watch()
    assert not Incident.objects.get().is_open


def test_after_the_portal_was_away_it_waits_for_the_canary_before_it_cries(client):
    arrive(client)
    with at(clock.now() + timedelta(hours=5)):
        watch()
        arrive(client)
        watch()
    look(timedelta(hours=5) + 4 * MINUTE)
    assert not Incident.objects.exists()


def test_whoever_gave_it_up_is_not_told_for_ever(client):
    arrive(client)
    for span in (timedelta(hours=1), timedelta(hours=2), timedelta(days=8)):
        look(span)
    assert not Incident.objects.get().is_open


def test_the_rule_joins_the_portals_incident(client):
    arrive(client)
    look(15 * MINUTE)
    look(20 * MINUTE)
    rule = {"alertname": "CanaryStale", "severity": "critical", "condition": "canary_stale", "job": "proxmox-manager"}
    take_plain(client, {**alert(), "labels": rule})
    assert Incident.objects.get().alerts.count() == 2


def take_plain(client, *alerts):
    send(client, payload(*alerts))
    row = Inbound.objects.latest("pk")
    take(row)
    row.refresh_from_db()
    return row


def test_its_end_is_no_sign_of_life_and_beside_a_real_alert_the_message_is_kept(client):
    ended = take_plain(client, alert("resolved", **CANARY))
    mixed = take_plain(client, alert(**CANARY), alert())
    assert (ended.canary, mixed.canary) == (False, False)
    assert canary.stages() == {}
    assert Incident.objects.count() == 1


@pytest.mark.parametrize("rubbish", [None, 3, "x", {"labels": 3}, {"labels": {"condition": ["canary"]}}])
def test_rubbish_is_no_canary(rubbish):
    assert not canary.is_only_canary({"alerts": [rubbish]})
    assert not canary.is_only_canary(rubbish)


def test_an_alert_that_the_portal_handed_on_itself_comes_back_and_makes_no_incident(client):
    row = take_plain(client, alert(sent_by="proxmox-manager", incident="incident-1"), alert(fingerprint="b"))
    assert row.error == "The portal's own alerts came back: they make no incidents."
    assert row.taken == 1
    assert Incident.objects.count() == 1


def test_the_state_of_the_stack_says_how_old_it_is(client):
    moment = clock.now()
    assert stack.canary_check(facts(), moment).state == "warning"
    arrive(client)
    assert stack.canary_check(facts(), clock.now()).state == "ok"
    late = stack.canary_check(facts(), clock.now() + 20 * MINUTE)
    assert (late.state, "look at Prometheus, Alertmanager" in late.sentence) == ("failed", True)
    Delivery.objects.update(delivered_at=moment - timedelta(hours=1))
    stuck = stack.canary_check(facts(), clock.now())
    assert (stuck.state, "look at the workers" in stuck.sentence) == ("failed", True)


def test_without_alertmanager_it_is_not_missed(client):
    from monitoring.prometheus import PeerError

    gone = facts(alertmanager=PeerError("refused", absent=True))
    assert stack.canary_check(gone, clock.now()).state == "not installed"


def test_a_rule_that_is_meant_to_fire_all_day_is_no_noise():
    day = [({"alertname": "Watchdog"}, 5760.0)]
    assert verdict("noise", day=day).state == "ok"
    (row,) = [row for row in rule_use(facts(day=day)) if row.name == "Watchdog"]
    assert row.steady


def test_it_is_offered_to_nobody_and_shown_in_no_list(client):
    arrive(client)
    browser = seed.browser(superuser=True)
    for page in ("notifications/delivery", "notifications/notification", "monitoring/inbound"):
        text = browser.get(f"/admin/{page}/").content.decode()
        assert "The canary" not in text
        assert 'class="action-select"' not in text
    assert "kind=null" not in browser.get("/admin/notifications/alertchannel/add/").content.decode()
    assert browser.get("/admin/notifications/alertchannel/add/?kind=null").content.decode().count("Nobody") == 0
