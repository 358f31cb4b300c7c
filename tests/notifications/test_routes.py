"""Routes: who is told, who is not, and why."""

import datetime as dt

import pytest

from notifications import figures, maintenance_now, publish
from notifications.attending import end_silence
from notifications.models import AlertChannel, Bundle, Decision, Delivery, Maintenance, Route, Silence, Watch
from notifications.routing.reasons import SUPPRESSED
from portal.lib import clock
from tests.notifications.conftest import opening
from tests.notifications.routing import at, channel, grouped, reasons, route, silence, titles, to, told, turns

pytestmark = pytest.mark.django_db
MINUTE = dt.timedelta(minutes=1)
NIGHTS = [(range(7), dt.time(22), dt.time(7))]


@pytest.fixture(autouse=True)
def _noon():
    with at(12):
        yield


# --- which route -----------------------------------------------------------------------------------------------------
def test_without_a_route_every_channel_is_told_by_the_default_one():
    channel("a"), channel("b")
    publish(opening())
    assert told("a", "b")
    assert reasons(route="Everything else") == ["matched", "queued", "queued"]


def test_the_default_route_comes_back_when_somebody_emptied_the_table():
    Route.objects.all().delete()
    channel("a")
    publish(opening())
    assert told("a")
    assert Route.objects.get().is_default


def test_the_first_route_that_matches_takes_it():
    a, b, _rest = channel("a"), channel("b"), channel("rest")
    route("first", 'severity="critical"', a), route("second", "", b)
    publish(opening())
    assert to() == ["a"]
    assert reasons(route="second") == reasons(route="Everything else") == ["stopped"]


def test_a_route_that_goes_on_lets_the_next_ones_tell_too():
    a, b, _rest = channel("a"), channel("b"), channel("rest")
    route("first", 'severity="critical"', a, goes_on=True), route("second", 'cluster="demo"', b)
    publish(opening())
    assert to() == ["a", "b"]


def test_a_route_that_does_not_match_says_which_condition_failed():
    route("other", 'cluster="other"', channel("a"))
    publish(opening())
    row = Decision.objects.get(route_name="other")
    assert (row.reason, row.detail) == ("not_matched", {"matcher": 'cluster="other"'})


def test_tags_are_matched_one_by_one():
    route("web", 'tag="web", tag!="test"', channel("a"))
    Route.objects.filter(is_default=True).update(enabled=False)
    publish(opening(labels={"tags": "prod;web"}))
    publish(opening(id="x", labels={"tags": "test;web"}))
    assert to() == ["a"]
    assert reasons("x")[-1] == "no_route"


def test_a_channel_that_two_routes_name_is_told_once():
    a = channel("a")
    route("first", "", a, goes_on=True), route("second", "", a)
    publish(opening())
    assert to() == ["a"]
    assert reasons(route="second") == ["matched", "duplicate"]


def test_a_disabled_channel_and_one_for_worse_things_say_so():
    a, b = channel("a"), channel("b", "critical")
    AlertChannel.objects.filter(pk=a.pk).update(enabled=False)
    route("first", "", a, b)
    publish(opening(severity="warning"))
    assert to() == []
    assert reasons(route="first") == ["matched", "channel_disabled", "severity"]


def test_a_route_with_a_condition_that_cannot_be_read_is_passed_over():
    channel("a")
    route("broken", "severity=~(", channel("b"))
    publish(opening())
    assert told("a", "b")  # both by the default route


def test_the_same_message_twice_decides_nothing_twice():
    channel("a")
    publish(opening()), publish(opening())
    assert reasons() == ["matched", "queued"]


# --- groups ----------------------------------------------------------------------------------------------------------
def test_a_group_waits_and_speaks_once():
    grouped(channel("a"))
    for number in range(50):
        publish(opening(id=f"incident-{number}", title=f"web-{number} is down"))
    assert to() == []
    assert turns(seconds=29) == 0
    assert turns(seconds=31) == 1
    assert to() == ["a"]
    assert titles()[0].startswith("50 troubles: web-0 is down; web-1 is down")
    assert reasons("incident-3", "groups") == ["matched", "grouped", "grouped"]


def test_groups_are_told_apart_by_their_labels():
    grouped(channel("a"))
    publish(opening(labels={"cluster": "x"})), publish(opening(id="y", labels={"cluster": "y"}))
    assert turns(seconds=31) == 2
    assert to() == ["a", "a"]


def test_a_group_of_one_speaks_for_itself():
    grouped(channel("a"))
    publish(opening())
    turns(seconds=31)
    assert titles() == ["web-1 is down"]


def test_a_group_tells_news_at_most_every_interval():
    grouped(channel("a"))
    publish(opening())
    turns(seconds=31)
    publish(opening(id="next"))
    assert turns(seconds=100) == 0
    assert turns(seconds=331) == 1
    assert to() == ["a", "a"]


def test_the_end_of_a_group_is_told_to_those_who_heard_of_it():
    a = channel("a")
    grouped(a)
    publish(opening())
    turns(seconds=31)
    channel("late")
    publish(opening().resolved(title="web-1 is back"))
    turns(seconds=400)
    assert titles() == ["web-1 is down", "web-1 is back"]
    assert to() == ["a", "a"]
    assert not Bundle.objects.filter(closed_at=None).exists()


def test_what_is_over_before_its_group_speaks_is_not_told():
    grouped(channel("a"))
    publish(opening()), publish(opening().resolved())
    turns(seconds=31)
    assert to() == []
    assert reasons()[-1] == "over"


# --- quiet hours -----------------------------------------------------------------------------------------------------
def test_quiet_hours_end_with_a_digest():
    route("nights", "", channel("a"), windows=NIGHTS)
    with at(23):
        publish(opening()), publish(opening(id="two", title="web-2 is down"))
        publish(opening(id="two").resolved())
        assert turns(hours=7, minutes=59) == 0
    assert to() == []
    with at(7, 0, day=5):
        assert turns() == 1
    assert titles() == ["In quiet hours there were 2 troubles, 1 still open"]
    assert reasons()[:2] == ["matched", "quiet"]


def test_some_severities_are_told_at_any_hour():
    route("nights", "", channel("a"), windows=NIGHTS, quiet_except=["critical"])
    with at(23):
        publish(opening()), publish(opening(id="two", severity="warning"))
    assert to() == ["a"]


def test_the_end_of_what_was_told_before_waits_for_the_morning():
    route("nights", "", channel("a"), windows=NIGHTS)
    publish(opening())
    with at(23):
        publish(opening().resolved(title="back"))
        assert to() == ["a"]
    with at(7, 0, day=5):
        turns()
    assert titles() == ["web-1 is down", "back"]


def test_the_end_of_what_a_digest_told_is_told():
    route("nights", "", channel("a"), windows=NIGHTS)
    with at(23):
        publish(opening())
    with at(7, 0, day=5):
        turns()
        publish(opening().resolved(title="back"))
        turns()
    assert titles()[-1] == "back"
    assert not Watch.objects.exclude(state="over").exists()


# --- silences and maintenance ----------------------------------------------------------------------------------------
def test_a_silence_keeps_it_back_and_tells_it_afterwards_if_it_goes_on():
    channel("a")
    silence('server="web-1"')
    publish(opening())
    assert to() == []
    assert turns(minutes=59) == 0
    turns(minutes=60)
    assert to() == ["a"]
    assert reasons() == ["matched", "silenced", "queued"]


def test_what_is_over_within_its_silence_is_never_told():
    channel("a")
    silence('server="web-1"')
    publish(opening()), publish(opening().resolved())
    turns(hours=2)
    assert to() == []
    assert reasons() == ["matched", "silenced", "over"]


def test_ending_a_silence_tells_at_once():
    channel("a")
    quiet = silence('incident="incident-7"', hours=24)
    publish(opening())
    end_silence(quiet, "marco")
    turns()
    assert to() == ["a"]
    assert Silence.objects.get().ended_by == "marco"


def test_a_silence_without_conditions_would_hide_everything_and_hides_nothing():
    channel("a")
    silence("{}")
    publish(opening())
    assert to() == ["a"]


def test_the_end_is_told_in_spite_of_a_silence_to_those_who_heard_of_it():
    channel("a")
    publish(opening())
    silence('server="web-1"')
    publish(opening().resolved(title="back"))
    assert titles() == ["web-1 is down", "back"]


def test_a_maintenance_window_keeps_it_back_until_its_end():
    channel("a")
    Maintenance.objects.create(
        name="patching", matchers='cluster="demo"', days=[2], begins=dt.time(11, 30), minutes=60, zone="UTC"
    )
    publish(opening())
    assert reasons() == ["matched", "maintenance"]
    assert maintenance_now({"cluster": "demo"}) == ("patching", clock.now() + 30 * MINUTE)
    assert maintenance_now({"cluster": "other"}) is None
    turns(minutes=31)
    assert to() == ["a"]


# --- rules that change -----------------------------------------------------------------------------------------------
def test_what_a_deleted_route_held_goes_through_the_others():
    held = route("held", "", channel("a"), windows=NIGHTS)
    channel("b")
    with at(23):
        publish(opening())
        held.delete()
    with at(7, 0, day=5):
        turns()
    assert told("a", "b")


def test_what_was_told_before_there_were_routes_hears_of_its_end():
    channel("a")
    publish(opening())
    Watch.objects.all().delete()
    publish(opening().resolved())
    assert to() == ["a", "a"]


def test_a_turn_is_taken_once():
    from notifications import turning

    route("nag", "", channel("a"), repeat_minutes=30)
    publish(opening())
    with at(12, 31):
        pk = Watch.objects.get().pk
        assert [turning.turn(pk), turning.turn(pk)] == [True, False]


# --- the counter -----------------------------------------------------------------------------------------------------
def test_the_counter_agrees_with_the_decisions():
    a = channel("a", "critical")
    route("first", 'severity="warning"', a)
    silence('server="quiet"')
    publish(opening(severity="warning")), publish(opening(id="two", labels={"server": "quiet"}))
    publish(opening(id="two").resolved())
    counted = {reason: number for reason, number in figures().suppressed.items() if number}
    kept = list(Decision.objects.filter(reason__in=SUPPRESSED).values_list("reason", flat=True))
    assert counted == {reason: kept.count(reason) for reason in kept} == {"severity": 1, "silenced": 1, "over": 1}


def test_deliveries_write_what_became_of_them(receiver):
    from tests.notifications.conftest import make, work

    make("webhook", "a", url=receiver.url)
    receiver.answers = [500]
    publish(opening())
    work()
    work(later=15)
    assert reasons() == ["matched", "queued", "retried", "delivered"]
    assert Delivery.objects.get().state == "delivered"


def test_a_defect_in_one_turn_does_not_silence_the_others(monkeypatch, caplog):
    from notifications import turning

    route("nag", "", channel("a"), repeat_minutes=30)
    publish(opening()), publish(opening(id="two"))
    real, broken = turning.turn, Watch.objects.order_by("pk").first().pk

    def turn(pk):
        if pk == broken:
            raise ValueError
        return real(pk)

    monkeypatch.setattr(turning, "turn", turn)
    turns(minutes=31)
    assert len(to()) == 3
    assert "could not be done" in caplog.text
