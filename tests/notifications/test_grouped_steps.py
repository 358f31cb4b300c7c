"""Steps of escalation and reminders where troubles are told together: each keeps its own minutes and steps."""

import datetime as dt

import pytest
import time_machine

from notifications import publish
from notifications.models import Decision, Delivery, Route, Watch
from tests.notifications.conftest import opening
from tests.notifications.routing import channel, grouped, route, turns

pytestmark = pytest.mark.django_db
NOON = dt.datetime(2026, 3, 4, 12, 0, tzinfo=dt.UTC)


def beat(first, last):
    """What the beat does every ten seconds, from one second after noon to another."""
    for second in range(first, last, 10):
        with time_machine.travel(NOON + dt.timedelta(seconds=second), tick=False):
            turns()


def two(gap):
    """Trouble A at noon, and B so many seconds later, followed for an hour and more."""
    for name, first, last in (("A", 0, gap), ("B", gap, 4000)):
        with time_machine.travel(NOON + dt.timedelta(seconds=first), tick=False):
            publish(opening(id=f"incident-{name}", title=f"{name} is down"))
        beat(first, last)


def heard(name, of):
    """When that channel heard of it."""
    told = Delivery.objects.filter(channel_name=name).order_by("pk")
    mine = Decision.objects.filter(incident=f"incident-{of}", delivery__in=told).values_list("delivery", flat=True)
    return [f"{row.queued_at:%H:%M:%S}" for row in told if row.pk in set(mine)]


def bosses():
    return [(15, [channel("boss")]), (30, [channel("chief")])]


def test_alone_each_step_comes_in_its_time():
    route("alone", "", channel("a"), steps=bosses())
    two(15 * 60 + 50)
    assert (heard("boss", "A"), heard("chief", "A")) == (["12:15:00"], ["12:30:00"])
    assert (heard("boss", "B"), heard("chief", "B")) == (["12:30:50"], ["12:45:50"])


def test_no_step_is_left_out_where_another_trouble_is_a_step_ahead():
    grouped(channel("a"), steps=bosses())
    two(15 * 60 + 50)
    assert heard("boss", "B") < heard("chief", "B")
    assert heard("boss", "B") >= ["12:30:50"]


def test_a_step_is_not_taken_before_its_minutes_are_over():
    grouped(channel("a"), repeat_minutes=15, steps=[(30, [channel("boss")])])
    two(15 * 60 + 50)
    assert heard("boss", "B") >= ["12:45:00"]


@pytest.mark.parametrize("gap", [14 * 60 + 50, 15 * 60 + 10, 15 * 60 + 50])
def test_each_step_is_taken_once(gap):
    grouped(channel("a"), steps=bosses())
    two(gap)
    for name in ("boss", "chief"):
        assert [len(heard(name, of)) for of in "AB"] == [1, 1]


def test_what_falls_due_within_a_minute_is_said_together():
    grouped(channel("a"), steps=bosses())
    two(20)
    assert Delivery.objects.filter(channel_name="boss").count() == 1
    assert heard("boss", "A") == heard("boss", "B")


def test_a_route_that_lost_its_steps_goes_on_repeating():
    grouped(channel("a"), repeat_minutes=20, steps=[(15, [channel("boss")])])
    with time_machine.travel(NOON, tick=False):
        publish(opening(id="incident-A", title="A is down"))
    beat(0, 600)
    Route.objects.get(name="groups").steps.all().delete()
    beat(600, 1500)
    assert heard("boss", "A") == []
    assert len(heard("a", "A")) == 2
    assert Watch.objects.get().due_at is not None
