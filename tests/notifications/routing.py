"""Routes for tests, and a clock that moves."""

import contextlib
import datetime as dt

import time_machine

from notifications.models import Decision, Delivery, EscalationStep, QuietWindow, Route, Silence
from notifications.tasks import take_turns
from portal.lib import clock
from tests.notifications.conftest import make

START = dt.datetime(2026, 3, 4, 12, 0, tzinfo=dt.UTC)  # a Wednesday


def channel(name, minimum="info"):
    return make("webhook", name, minimum, url="http://127.0.0.1/")


def route(name, matchers="", *channels, windows=(), steps=(), **values):
    """A route before the default one. ``windows`` are (days, begins, ends), ``steps`` are (minutes, channels)."""
    position = Route.objects.filter(is_default=False).count() + 1
    made = Route.objects.create(name=name, matchers=matchers, position=position, **values)
    made.channels.set(channels)
    for days, begins, ends in windows:
        QuietWindow.objects.create(route=made, days=list(days), begins=begins, ends=ends)
    for minutes, told in steps:
        EscalationStep.objects.create(route=made, after_minutes=minutes).channels.set(told)
    return made


@contextlib.contextmanager
def at(hour=12, minute=0, day=4):
    with time_machine.travel(dt.datetime(2026, 3, day, hour, minute, tzinfo=dt.UTC), tick=False):
        yield


def turns(**later):
    """What the beat does until nothing is due, that much later; how many turns that were."""
    with time_machine.travel(clock.now() + dt.timedelta(**later), tick=False):
        done = 0
        while some := take_turns():
            done += some
            assert done < 1000
        return done


def told(*names):
    """Whether exactly these channels have deliveries, and how many each."""
    return sorted(Delivery.objects.values_list("channel_name", flat=True)) == sorted(names)


def to():
    """The channels of all deliveries, in their order."""
    return list(Delivery.objects.order_by("pk").values_list("channel_name", flat=True))


def titles():
    """What was said, in order."""
    return [row.notification.title for row in Delivery.objects.select_related("notification").order_by("pk")]


def reasons(incident="incident-7", route=None):
    """The decisions about it, in their order."""
    rows = Decision.objects.filter(incident=incident).order_by("pk")
    rows = rows.filter(route_name=route) if route else rows
    return list(rows.values_list("reason", flat=True))


def silence(matchers, hours=1, **values):
    moment = clock.now()
    return Silence.objects.create(
        matchers=matchers, starts_at=moment, ends_at=moment + dt.timedelta(hours=hours), reason="work", **values
    )


def grouped(*channels, **values):
    return route("groups", "", *channels, grouping="labels", group_by="cluster", **values)
