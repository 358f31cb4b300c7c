"""Quiet hours and maintenance: across midnight, and where the clocks change."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.routing.windows import LONGEST, Weekly, following, instant, until

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Seoul", "Australia/Lord_Howe", "America/Sao_Paulo"]
EVERY = frozenset(range(7))
MOMENTS = st.integers(0, 4 * 365 * 24 * 60).map(
    lambda m: dt.datetime(2024, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=m)
)
TIMES = st.integers(0, 24 * 60 - 1).map(lambda minute: dt.time(minute // 60, minute % 60))
WINDOWS = st.builds(
    Weekly, st.frozensets(st.integers(0, 6), min_size=1, max_size=6), TIMES, TIMES, st.sampled_from(ZONES)
)
BERLIN = ZoneInfo("Europe/Berlin")


def utc(*parts):
    return dt.datetime(*parts, tzinfo=dt.UTC)


def wall_says_quiet(window, moment):
    """What a clock on the wall says of it, as Alertmanager's time intervals would."""
    local = moment.astimezone(ZoneInfo(window.zone))
    time, day = local.time(), local.weekday()
    if window.begins < window.ends:
        return day in window.days and window.begins <= time < window.ends
    before = (day - 1) % 7
    return (day in window.days and time >= window.begins) or (before in window.days and time < window.ends)


@given(WINDOWS, MOMENTS)
def test_what_the_wall_calls_quiet_is_quiet(window, moment):
    if wall_says_quiet(window, moment):
        assert until([window], moment) is not None


@given(WINDOWS, MOMENTS)
def test_quiet_without_the_wall_is_only_an_hour_that_comes_twice(window, moment):
    if until([window], moment) is not None and not wall_says_quiet(window, moment):
        zone = ZoneInfo(window.zone)
        near = [moment + dt.timedelta(hours=hours) for hours in range(-26, 27)]
        assert len({one.astimezone(zone).utcoffset() for one in near}) > 1


@given(st.lists(WINDOWS, min_size=1, max_size=3), MOMENTS)
def test_quiet_ends_where_it_says_and_not_before(windows, moment):
    end = until(windows, moment)
    if end is None:
        return
    assert moment < end <= moment + LONGEST
    if end < moment + LONGEST:
        assert until(windows, end) is None
    middle = moment + (end - moment) / 2
    assert until(windows, middle) is not None


def test_a_night_belongs_to_the_day_on_which_it_begins():
    friday = Weekly(frozenset({4}), dt.time(22), dt.time(7), "UTC")
    assert until([friday], utc(2026, 3, 7, 3)) == utc(2026, 3, 7, 7)  # Saturday morning
    assert until([friday], utc(2026, 3, 6, 3)) is None  # Friday morning


def test_windows_that_follow_each_other_are_one():
    nights = Weekly(EVERY, dt.time(22), dt.time(7), "UTC")
    weekend = Weekly(frozenset({5, 6}), dt.time(0), dt.time(0), "UTC")
    assert until([nights, weekend], utc(2026, 3, 6, 23)) == utc(2026, 3, 9, 7)  # Friday night until Monday


@pytest.mark.parametrize(
    ("day", "hours"),
    [((2026, 3, 28), 8), ((2026, 10, 24), 10), ((2026, 6, 1), 9)],
    ids=["clocks go forward", "clocks go back", "an ordinary night"],
)
def test_a_night_is_shorter_or_longer_when_the_clocks_change(day, hours):
    night = Weekly(EVERY, dt.time(22), dt.time(7), "Europe/Berlin")
    begin = dt.datetime(*day, 22, tzinfo=BERLIN).astimezone(dt.UTC)
    assert until([night], begin) - begin == dt.timedelta(hours=hours)


def test_a_time_that_never_comes_is_the_moment_of_the_jump():
    jump = utc(2026, 3, 29, 1)
    for last in (False, True):
        assert instant(dt.date(2026, 3, 29), dt.time(2, 30), BERLIN, last=last) == jump


def test_a_time_that_comes_twice_begins_early_and_ends_late():
    day = dt.date(2026, 10, 25)
    early, late = (instant(day, dt.time(2, 30), BERLIN, last=last) for last in (False, True))
    assert late - early == dt.timedelta(hours=1)
    window = Weekly(EVERY, dt.time(22), dt.time(2, 30), "Europe/Berlin")
    assert until([window], utc(2026, 10, 25, 0, 45)) == utc(2026, 10, 25, 1, 30)


def test_maintenance_lasts_as_long_as_it_says_whatever_the_clocks_do():
    window = Weekly(frozenset({6}), dt.time(1), dt.time(1), "Europe/Berlin", dt.timedelta(hours=4))
    begin, end = following([window], utc(2026, 3, 28, 12))
    assert end - begin == dt.timedelta(hours=4)
    assert begin == utc(2026, 3, 29, 0)


def test_a_long_window_that_began_days_ago_still_holds():
    window = Weekly(frozenset({0}), dt.time(0), dt.time(0), "UTC", dt.timedelta(days=6))
    begin, end = following([window], utc(2026, 3, 7, 12))  # Saturday
    assert (begin, end) == (utc(2026, 3, 2), utc(2026, 3, 8))


def test_all_day_every_day_is_cut_and_not_endless():
    always = Weekly(EVERY, dt.time(0), dt.time(0), "UTC")
    moment = utc(2026, 3, 7, 12)
    assert until([always], moment) == moment + LONGEST
