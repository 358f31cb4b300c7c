"""A time range of an address: whatever is typed, something that can be drawn comes out, and a word about it."""

from datetime import UTC, datetime

import pytest
import time_machine

from monitoring.drawing import ranges

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
DAY = 86_400


@pytest.fixture(autouse=True)
def _noon():
    with time_machine.travel(NOW, tick=False):
        yield


def read(start="now-6h", end="now"):
    return ranges.read({"from": start, "to": end})


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [("now-15m", 900), ("now-6h", 21_600), ("now-7d", 7 * DAY), ("now-1M", 30 * DAY), ("now-1y", 365 * DAY)],
)
def test_a_relative_range_ends_now_and_moves(typed, seconds):
    found = read(typed)
    assert (found.end, found.span, found.moving, found.words) == (SECONDS, seconds, True, ())


@pytest.mark.parametrize(
    "spelled", ["1772434800000", "1772434800", "2026-03-02T07:00:00Z", "2026-03-02T08:00:00+01:00"]
)
def test_a_moment_is_taken_in_every_usual_spelling(spelled):
    assert read(spelled).start == 1_772_434_800


def test_a_range_of_the_past_does_not_move():
    found = read("1772349000000", "1772420000000")
    assert (found.moving, found.words) == (False, ())


@pytest.mark.parametrize(
    ("start", "end", "word", "span"),
    [
        ("now-10y", "now", "400 days", 400 * DAY),
        ("now", "now-1h", "exchanged", 3600),
        ("1772452800000", "1772449200000", "exchanged", 3600),
        ("now-1h", "1772999999000", "future", 3600),
        ("now-5s", "now", "one minute", 60),
        ("yesterday", "now", "yesterday", 21_600),
        ("now-1h", "'; drop", "six hours", 21_600),
        ("now-999999999y", "now", "400 days", 400 * DAY),
        ("99999999999999", "now", "future", 60),
        ("0001-01-01", "0001-01-01", "before 1970", 60),
        ("0001-01-01T00:00:00+14:00", "1969-12-31", "before 1970", 60),
        ("-62135596800", "now", "-62135596800", 21_600),
    ],
)
def test_what_cannot_be_drawn_is_bounded_with_a_word(start, end, word, span):
    found = read(start, end)
    assert found.span == span
    assert word in " ".join(found.words)
    assert found.end <= SECONDS


@pytest.mark.parametrize("hours", [6, 12, 24, 48, 7 * 24, 30 * 24, 90 * 24, 365 * 24])
def test_a_range_has_three_to_seven_hundred_points(hours):
    found = read(f"now-{hours}h")
    assert 280 <= found.span / found.step <= 700


def test_points_lie_on_whole_steps_so_that_no_curve_trembles():
    start, end = read("now-24h").aligned
    assert start % read("now-24h").step == end % read("now-24h").step == 0
