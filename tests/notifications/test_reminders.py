"""Said again until somebody acknowledges, and said to others if nobody does."""

import datetime as dt

import pytest

from notifications import acknowledged, publish, resolved, snoozed
from portal.lib import clock
from tests.notifications.conftest import opening
from tests.notifications.routing import at, channel, grouped, reasons, route, silence, titles, to, turns

pytestmark = pytest.mark.django_db
MINUTE = dt.timedelta(minutes=1)
NIGHTS = [(range(7), dt.time(22), dt.time(7))]


@pytest.fixture(autouse=True)
def _noon():
    with at(12):
        yield


def test_it_is_repeated_until_somebody_acknowledges():
    route("nag", "", channel("a"), repeat_minutes=30)
    publish(opening())
    assert turns(minutes=31) == 1
    with at(12, 31):
        assert turns(minutes=31) == 1
    assert acknowledged("incident-7", "jihye") == 1
    assert turns(days=2) == 0
    assert titles() == ["web-1 is down", "Reminder: web-1 is down", "Reminder: web-1 is down"]
    assert reasons()[-1] == "acknowledged"


def test_the_end_is_told_once_and_stops_the_reminders():
    route("nag", "", channel("a"), repeat_minutes=30)
    publish(opening())
    turns(minutes=31)
    publish(opening().resolved(title="back"))
    assert turns(days=2) == 0
    assert titles()[-1] == "back"
    assert len(titles()) == 3


def test_nobody_acknowledged_so_others_are_told_and_hear_of_the_end_too():
    boss = channel("boss")
    route("oncall", "", channel("a"), steps=[(15, [boss]), (60, [channel("chief")])])
    publish(opening())
    assert turns(minutes=14) == 0
    turns(minutes=16)
    assert to() == ["a", "boss"]
    turns(minutes=61)
    assert to() == ["a", "boss", "chief"]
    publish(opening().resolved())
    assert sorted(to()[3:]) == ["a", "boss", "chief"]
    assert reasons(route="oncall")[:4] == ["matched", "queued", "escalated", "escalated"]


def test_acknowledged_in_time_is_not_escalated():
    route("oncall", "", channel("a"), steps=[(15, [channel("boss")])])
    publish(opening())
    acknowledged("incident-7", "jihye")
    assert turns(hours=1) == 0
    assert to() == ["a"]


def test_snoozed_it_is_said_again_when_the_time_is_over():
    route("nag", "", channel("a"), repeat_minutes=10)
    publish(opening())
    snoozed("incident-7", clock.now() + 60 * MINUTE, "jihye")
    assert turns(minutes=59) == 0
    turns(minutes=61)
    assert len(to()) == 2


def test_reminders_wait_for_the_end_of_a_silence():
    route("nag", "", channel("a"), repeat_minutes=30)
    publish(opening())
    silence('server="web-1"', hours=2)
    turns(minutes=31)
    assert to() == ["a"]
    turns(minutes=121)
    assert len(to()) == 2


def test_reminders_about_a_group_are_one_message():
    grouped(channel("a"), repeat_minutes=30)
    for number in range(5):
        publish(opening(id=f"incident-{number}"))
    turns(seconds=31)
    turns(minutes=32)
    assert len(to()) == 2
    assert titles()[1].startswith("Reminder: 5 troubles still open")


def test_resolved_quietly_drops_what_was_to_come():
    route("nag", "", channel("a"), repeat_minutes=30)
    publish(opening())
    assert resolved("incident-7") == 1
    assert turns(days=1) == 0


def test_worse_news_of_the_same_trouble_is_told_even_if_it_was_acknowledged():
    route("bad", 'severity="critical"', channel("boss")), route("all", "", channel("a"))
    publish(opening(severity="warning"))
    acknowledged("incident-7", "jihye")
    publish(opening(severity="critical", sequence=1))
    assert to() == ["a", "boss"]
