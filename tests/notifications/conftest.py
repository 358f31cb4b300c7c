"""Real receivers, channels that lead to them, and a worker that is one function."""

import datetime as dt

import pytest
import time_machine

from notifications import Message, sending
from notifications.models import AlertChannel, Delivery
from portal.lib import clock
from tests.support.receivers import HttpReceiver, Mailbox

WHEN = dt.datetime(2026, 3, 4, 5, 6, 7, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def _settings(settings):
    settings.PORTAL_ALLOWED_INTERNAL = ["127.0.0.0/8"]
    settings.PORTAL_URL = "https://portal.example.org"
    settings.DEFAULT_FROM_EMAIL = "portal@example.org"
    settings.EMAIL_HOST = ""
    settings.WHITENOISE_AUTOREFRESH = True  # no collected static files here


@pytest.fixture(autouse=True)
def nudged(monkeypatch):
    """The deliveries that a worker was woken for."""
    woken = []
    monkeypatch.setattr("notifications.tasks.deliver.delay", woken.append)
    return woken


@pytest.fixture
def receiver():
    with HttpReceiver() as receiver:
        yield receiver


@pytest.fixture
def mailbox(settings):
    with Mailbox() as mailbox:
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", mailbox.port, False
        yield mailbox


def make(kind, name=None, minimum="info", **values):
    channel = AlertChannel(kind=kind, name=name or kind, minimum_severity=minimum)
    channel.keep(values)
    channel.save()
    return channel


@pytest.fixture
def webhook(db, receiver):
    return make("webhook", url=f"{receiver.url}/in?token=SECRET-IN-URL")


@pytest.fixture
def slack(db, receiver):
    return make("slack", url=f"{receiver.url}/services/SECRET-IN-URL")


@pytest.fixture
def email(db, mailbox):
    return make("email", addresses=["a@example.org", "b@example.org"])


def opening(**changes):
    values = {
        "id": "incident-7",
        "title": "web-1 is down",
        "text": "It stopped without having been asked to.",
        "severity": "critical",
        "timestamp": WHEN,
        "labels": {"cluster": "demo", "server": "web-1"},
        "link": "https://portal.example.org/admin/7/",
        "source": "portal",
    }
    return Message(**{**values, **changes})


def work(later=0):
    """What workers do until nothing is due, that many seconds from now. How many were sent."""
    sent = 0
    with time_machine.travel(clock.now() + dt.timedelta(seconds=later), tick=True):
        while due := list(Delivery._free(clock.now()).order_by("pk")):
            sent += sum(sending.deliver(delivery.pk) for delivery in due)
    return sent


def only():
    """The one delivery that there is."""
    return Delivery.objects.get()
