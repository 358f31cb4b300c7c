"""What began before there was a channel is told to it when somebody says so, once."""

from datetime import timedelta

import pytest
import time_machine

from monitoring import caring
from monitoring.incidents import resolve_alert
from monitoring.models import Incident
from notifications.models import Delivery, Notification, Silence
from portal.lib import clock
from tests.monitoring.test_incident_page import fall, hook, server  # noqa: F401
from tests.support import seed

pytestmark = pytest.mark.django_db
TELL, LIST = "/admin/monitoring/incident/tell/", "/admin/monitoring/incident/"


@pytest.fixture
def incident(server):  # noqa: F811
    """It began an hour before there was a channel."""
    with time_machine.travel(clock.now() - timedelta(hours=1), tick=False):
        return fall(server)


def read(role="operator", address=TELL, post=False):
    client = seed.browser(role)
    return (client.post if post else client.get)(address, follow=True)


def test_it_is_told_after_all_and_once(incident):
    hook()
    assert incident.title in read().content.decode()
    assert not Delivery.objects.exists()
    assert "1 incident is told now" in read(post=True).content.decode()
    assert Delivery.objects.get().incident == incident.message_id
    text = Notification.objects.latest("pk").body["text"]
    assert text.startswith("It has been so for 1 h, and nobody was told before.")
    assert "somebody was told" in read(post=True).content.decode()
    assert Delivery.objects.count() == 1


def test_its_end_is_told_to_who_was_told_late(incident):
    channel = hook()
    read(post=True)
    resolve_alert(incident.alerts.get(), clock.now())
    statuses = [row.notification.status for row in Delivery.objects.filter(channel=channel).order_by("pk")]
    assert statuses == ["firing", "resolved"]


def test_the_list_and_the_channels_page_say_that_nobody_was_told(incident):
    channel = hook()
    page = f"/admin/notifications/alertchannel/{channel.pk}/change/"
    for address in (LIST, page):
        assert TELL in read("administrator", address).content.decode()
        assert TELL not in read("viewer", address).content.decode()
    read(post=True)
    for address in (LIST, page):
        assert TELL not in read("administrator", address).content.decode()


def test_who_may_only_look_tells_nothing(incident):
    hook()
    assert read("viewer", post=True).status_code == 403
    assert not Delivery.objects.exists()


def test_without_a_channel_it_is_said_what_to_do(incident):
    assert "add one first" in read(post=True).content.decode()
    assert Notification.objects.count() == 1


def test_what_is_kept_quiet_on_purpose_is_not_among_them(server):  # noqa: F811
    hook()
    moment = clock.now()
    Silence.objects.create(matchers='vmid="300"', reason="Quiet", starts_at=moment, ends_at=moment + timedelta(hours=1))
    fall(server)
    assert caring.untold() == []


def test_what_is_over_is_not_told(incident):
    hook()
    Incident.objects.update(closed_at=clock.now())
    assert not caring.tell(incident, "ada")
