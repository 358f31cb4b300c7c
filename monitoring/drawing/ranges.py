"""A time range as it stands in a page's address: ``from=now-6h&to=now``, or milliseconds since the epoch, or ISO 8601.

Whatever comes, a range comes out that Prometheus can be asked about: what was not usable is bounded, with a sentence.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from django.utils.translation import gettext as _

from portal.lib import clock

DEFAULT: Final = ("now-6h", "now")
SHORTEST: Final = 60
LONGEST: Final = 400 * 86_400  # seconds: more than a year, so that a year can be compared with itself
EARLIEST: Final = 86_400  # the second day of 1970: a date in every zone, and before anything was measured
POINTS: Final = 700
# Seconds between two points. Neighbours differ by less than 2.4, so that there are 300 to 700 points of a range.
STEPS: Final = (
    15, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 5400, 7200, 10_800, 21_600, 43_200, 86_400,
)  # fmt: skip
SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "M": 2_592_000, "y": 31_536_000}
RELATIVE: Final = re.compile(r"now(?:-(\d{1,9})([smhdwMy]))?")
EPOCH: Final = re.compile(r"\d{10,14}")


@dataclass(frozen=True)
class Range:
    """From ``start`` to ``end``, seconds since the epoch. ``words``: what was changed about it. ``moving``: its end is
    now, so the next look shows another one."""

    start: int
    end: int
    moving: bool = True
    words: tuple[str, ...] = ()

    @property
    def span(self) -> int:
        """Its length in seconds."""
        return self.end - self.start

    @property
    def step(self) -> int:
        """Seconds between two points: as fine as 700 points allow, and never finer than a scrape."""
        return next((step for step in STEPS if self.span / step <= POINTS), STEPS[-1])

    @property
    def aligned(self) -> tuple[int, int]:
        """Start and end on whole steps: the same points at each look, so that no curve trembles."""
        return self.start // self.step * self.step, self.end // self.step * self.step


def read(asked: Mapping[str, str]) -> Range:
    """The range of an address's ``from`` and ``to``."""
    now = int(clock.now().timestamp())
    words: list[str] = []
    typed = (asked.get("from") or DEFAULT[0], asked.get("to") or DEFAULT[1])
    start, end = (_moment(text, now) for text in typed)
    if start is None or end is None:
        bad = typed[0] if start is None else typed[1]
        words.append(_("“%(text)s” is no time: the last six hours are shown.") % {"text": bad[:30]})
        typed, start, end = DEFAULT, now - 6 * 3600, now
    start, end = _bounded(start, end, now, words)
    return Range(start, end, typed[1] == "now" or end == now, tuple(words))


def _bounded(start: int, end: int, now: int, words: list[str]) -> tuple[int, int]:
    if start > end:
        words.append(_("The range ended before it began: the two ends were exchanged."))
        start, end = end, start
    if end > now:
        if end > now + 60:
            words.append(_("Nothing is known of the future: the range ends now."))
        end = now
    if start < EARLIEST:
        if end < EARLIEST:
            words.append(_("Nothing was measured before 1970: the range begins there."))
        start, end = EARLIEST, max(end, EARLIEST + SHORTEST)
    if end - start > LONGEST:
        words.append(_("That is longer than can be drawn: the last %d days of it are shown.") % (LONGEST // 86_400))
        start = end - LONGEST
    if end - start < SHORTEST:
        if start < end - 1 or start > end:
            words.append(_("That is shorter than two measurements: one minute is shown."))
        start = end - SHORTEST
    return start, end


def _moment(text: str, now: int) -> int | None:
    """Seconds since the epoch; None where it is no time."""
    text = text.strip()
    if found := RELATIVE.fullmatch(text):
        return max(0, now - int(found[1] or 0) * SECONDS[found[2] or "s"])
    if EPOCH.fullmatch(text):
        return int(text) // 1000 if len(text) > 11 else int(text)
    try:
        moment = datetime.fromisoformat(text)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None
