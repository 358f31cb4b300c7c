"""Stretches of time that return every week, in a zone of their own: quiet hours and maintenance.

A window belongs to the day on which it begins and may end on the next one. Times are what a clock on the wall shows.
Where the clocks go back, a time that comes twice begins with its first and ends with its second coming; where they go
forward, a time that does not come is the moment of the jump. So every moment whose time of day lies in the window is in
the window.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

DAY: Final = timedelta(days=1)
# Quiet for longer than this without a break is no quiet, it is silence.
LONGEST: Final = timedelta(days=8)


@dataclass(frozen=True, slots=True)
class Weekly:
    """From ``begins`` on each of ``days`` (Monday is 0) until ``ends``, or for ``length`` of real time.

    An end that is not after the beginning is on the next day; the same time means a whole day.
    """

    days: frozenset[int]
    begins: time
    ends: time
    zone: str
    length: timedelta | None = None

    def around(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Its occurrences near that moment, as (beginning, end) in UTC, the end not included."""
        zone = ZoneInfo(self.zone)
        today = moment.astimezone(zone).date()
        back = 2 + ((self.length or DAY) // DAY)
        for number in range(-back, 9):
            day = today + number * DAY
            if day.weekday() in self.days:
                yield self._on(day, zone)

    def _on(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        begin = instant(day, self.begins, zone, last=False)
        if self.length is not None:
            return begin, begin + self.length
        last = day if self.ends > self.begins else day + DAY
        return begin, instant(last, self.ends, zone, last=True)


def instant(day: date, wall: time, zone: ZoneInfo, *, last: bool) -> datetime:
    """When the clocks of that zone show that time, in UTC: the first or the last time; the jump if they never do."""
    naive = datetime.combine(day, wall)
    early, late = sorted(naive.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if early == late:
        return early
    if early.astimezone(zone).replace(tzinfo=None) == naive:  # it comes twice
        return late if last else early
    return _jump(early, late, zone)


def _jump(early: datetime, late: datetime, zone: ZoneInfo) -> datetime:
    before = early.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) // 2
        middle = middle.replace(microsecond=0)
        if middle in (early, late):
            break
        early, late = (middle, late) if middle.astimezone(zone).utcoffset() == before else (early, middle)
    return late


def until(windows: Iterable[Weekly], moment: datetime) -> datetime | None:
    """The end of the quiet that holds at that moment, over windows that follow one another; None if it is not quiet.
    At most 8 days ahead."""
    spans = [span for window in windows for span in window.around(moment)]
    end = moment
    moved = True
    while moved and end - moment < LONGEST:
        reach = max((stop for begin, stop in spans if begin <= end < stop), default=end)
        moved, end = reach > end, reach
    return min(end, moment + LONGEST) if end > moment else None


def following(windows: Iterable[Weekly], moment: datetime) -> tuple[datetime, datetime] | None:
    """The window that holds now, or else the next one to come; None if there is none within a week."""
    spans = sorted(span for window in windows for span in window.around(moment))
    return next((span for span in spans if span[1] > moment), None)
