"""Trouble that ended long ago is forgotten with all that was said of it. Nothing that goes on loses a word."""

import re
from datetime import timedelta

import pytest
import time_machine

from monitoring import pruning
from monitoring.incidents import resolve_alert
from monitoring.models import Alert, Incident, IncidentStep
from notifications import Message, acknowledged, publish
from notifications.models import (
    AlertChannel,
    Bundle,
    Decision,
    Delivery,
    DeliveryAttempt,
    Notification,
    NotificationCounter,
    Result,
    SuppressionCounter,
    Watch,
)  # fmt: skip
from portal.lib import batches, clock
from tests.monitoring.test_incident_page import fall, hook
from tests.support import seed

pytestmark = pytest.mark.django_db
TOLD = (Notification, Delivery, DeliveryAttempt, Decision, Watch, Bundle)
AGES = timedelta(days=200)


@pytest.fixture(autouse=True)
def _nobody_is_woken(monkeypatch):
    monkeypatch.setattr("notifications.tasks.deliver.delay", lambda pk: None)


@pytest.fixture
def server():
    cluster = seed.make_cluster("seoul")
    return seed.make_server(cluster, seed.make_node(cluster, "pve1"), name="db-1", vmid=300)


def sent():
    """As if everything had arrived."""
    for delivery in Delivery.objects.exclude(state="delivered"):
        DeliveryAttempt.objects.create(delivery=delivery, outcome="delivered")
    Delivery.objects.update(state="delivered", due_at=None)


def end(incident):
    for alert in incident.alerts.filter(status="firing"):
        resolve_alert(alert, clock.now())
    sent()


def fell(server, **how):
    """A fall and its end, told, 200 days ago."""
    with time_machine.travel(clock.now() - AGES, tick=False):
        incident = fall(server, **how)
        sent()
        end(incident)
    return incident


def words(incident, reader):
    """Its page, but for the tokens of its forms."""
    address = f"/admin/monitoring/incident/{incident.pk}/change/"
    return re.sub(r'csrfmiddlewaretoken" value="\w+"', "", reader.get(address).content.decode())


def left(*models):
    return [model.objects.count() for model in models]


def test_what_ended_long_ago_is_forgotten_with_all_that_was_said(server):
    hook()
    fell(server)
    assert pruning.prune(clock.now())
    assert left(Incident, Alert, IncidentStep, *TOLD) == [0] * 9


def test_counters_go_on(server):
    fell(server)  # there is no channel: somebody was not told
    NotificationCounter.add("webhook", Result.DELIVERED, 7)
    before = SuppressionCounter.values()
    pruning.prune(clock.now())
    assert left(Decision) == [0]
    assert (SuppressionCounter.values(), before["no_channel"] > 0) == (before, True)
    assert NotificationCounter.objects.get().value == 7


def test_the_page_of_what_goes_on_says_the_same_before_and_after(server):
    hook()
    other = seed.make_server(server.cluster, server.node, name="db-2", vmid=301)
    with time_machine.travel(clock.now() - timedelta(days=400), tick=False):
        end(fall(server))
    with time_machine.travel(clock.now() - timedelta(days=300), tick=False):
        end(fall(other))
        incident = fall(server)
        sent()
        acknowledged(incident.message_id, "Kim")
    reader = seed.browser("operator")
    with time_machine.travel(clock.now(), tick=False):
        before, rows = words(incident, reader), left(Incident, *TOLD)
        pruning.prune(clock.now())
        assert left(Incident, *TOLD) == rows
        assert words(incident, reader) == before


def test_an_incident_that_ended_lately_keeps_its_old_beginning(server):
    hook()
    with time_machine.travel(clock.now() - AGES, tick=False):
        incident = fall(server)
        sent()
    end(incident)
    rows = left(*TOLD)
    pruning.prune(clock.now())
    assert left(*TOLD) == rows


def test_a_group_that_goes_on_keeps_the_message_that_its_thread_hangs_on():
    past = clock.now() - AGES
    bundle = Bundle.objects.create(route_name="groups", key="cluster=seoul", created_at=past)
    Notification.objects.create(key="1", incident=bundle.message_id, title="Two servers are down", created_at=past)
    pruning.prune(clock.now())
    assert left(Bundle, Notification) == [1, 1]
    Bundle.objects.update(closed_at=past)
    pruning.prune(clock.now())
    assert left(Bundle, Notification) == [0, 0]


def test_what_is_still_to_be_sent_is_kept(server):
    hook()
    fell(server)
    Delivery.objects.update(state="retrying", due_at=clock.now())
    pruning.prune(clock.now())
    assert Delivery.objects.count() == Notification.objects.count() == 2


def test_what_somebody_sent_again_lately_is_kept(server):
    hook()
    fell(server)
    Delivery.objects.filter(pk=Delivery.objects.earliest("pk").pk).update(queued_at=clock.now())
    pruning.prune(clock.now())
    assert left(Delivery) == [1]


def test_a_message_about_no_incident_goes_by_its_own_age(server):
    hook()
    for days in (200, 10):
        with time_machine.travel(clock.now() - timedelta(days=days), tick=False):
            about = Message(id=f"test-{days}", title="Hello", status="test", severity="info", timestamp=clock.now())
            publish(about, channels=AlertChannel.objects.all())
            sent()
    pruning.prune(clock.now())
    assert list(Notification.objects.values_list("incident", flat=True)) == ["test-10"]


def test_what_a_kept_message_of_a_webhook_made_is_kept_as_long(server, settings):
    settings.PORTAL_INBOUND_DAYS = 365
    fell(server, source="alertmanager", fingerprint="abc")
    pruning.prune(clock.now())
    assert left(Incident, Alert) == [1, 1]


def test_trouble_outside_the_inventory_keeps_what_was_before_it():
    past = clock.now() - AGES
    for key, closed_at in (("labels:a", past), ("labels:a", None), ("labels:b", past)):
        columns = {"object_key": key, "opened_at": past, "closed_at": closed_at}
        Incident.objects.create(condition="cpu_high", severity="info", title="CPU", **columns)
    pruning.prune(clock.now())
    assert list(Incident.objects.order_by("pk").values_list("object_key", flat=True)) == ["labels:a", "labels:a"]


def test_a_round_is_bounded_and_the_next_one_goes_on(server, monkeypatch):
    monkeypatch.setattr(batches, "SIZE", 2)
    monkeypatch.setattr(batches, "ROUNDS", 2)
    past = clock.now() - AGES
    for number in range(5):
        Incident.objects.create(
            condition="x", object_key=f"labels:{number}", severity="info", title="x", opened_at=past, closed_at=past
        )
    pruning.prune(clock.now())
    assert left(Incident) == [1]
    pruning.prune(clock.now())
    assert left(Incident) == [0]
