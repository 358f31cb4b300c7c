"""From what Prometheus answers to what is drawn: every series on the same points, gaps as gaps, names from legends."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

from django.utils.translation import gettext as _

from monitoring.panel_words.values import said
from monitoring.prometheus import PeerError

MOST: Final = 40  # series of one panel: nobody tells more lines apart
PLACEHOLDER: Final = re.compile(r"{{\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*}}")
DIGITS: Final = 6


@dataclass(frozen=True)
class Series:
    """One line: its name, the labels, and a number or None for each point."""

    name: str
    ref: str
    labels: dict[str, str]
    values: list[float | None]
    colour: str = ""  # Grafana's name of it, where it means something

    @property
    def last(self) -> float | None:
        """The last number that there is."""
        return next((value for value in reversed(self.values) if value is not None), None)

    @property
    def highest(self) -> float:
        """The largest number; for sorting."""
        return max((value for value in self.values if value is not None), default=float("-inf"))


def matrix(found: Any, *, start: int, step: int, points: int) -> list[tuple[dict[str, str], list[float | None]]]:
    """The labels and values of each series of a ``query_range``, one value for each point. Raises PeerError."""
    rows = _rows(found, "matrix")
    try:
        return [(_labels(row), _on_points(row["values"], start, step, points)) for row in rows]
    except (TypeError, KeyError, ValueError, IndexError, AttributeError, OverflowError):
        raise PeerError(_("its answer to a query is none")) from None


def vector(found: Any) -> list[tuple[dict[str, str], list[float | None]]]:
    """The labels and the one value of each series of a ``query``. Raises PeerError."""
    if isinstance(found, dict) and found.get("resultType") == "scalar":
        found = {"resultType": "vector", "result": [{"metric": {}, "value": found.get("result")}]}
    rows = _rows(found, "vector")
    try:
        return [(_labels(row), [_number(row["value"][1])]) for row in rows]
    except (TypeError, KeyError, ValueError, IndexError, AttributeError):
        raise PeerError(_("its answer to a query is none")) from None


def named(legend: str, labels: Mapping[str, str], ref: str, *, alone: bool) -> str:
    """A series's name: the legend with its labels put in, or the labels themselves where it says nothing."""
    if only := PLACEHOLDER.fullmatch(legend):
        return said(only[1], labels.get(only[1], "")).strip() or ref
    if legend and legend != "__auto":
        return meant(legend, labels) or ref
    shown = {key: value for key, value in labels.items() if key != "__name__"}
    if not shown or (alone and len(shown) > 4):
        return labels.get("__name__", ref)
    return ", ".join(shown.values()) if len(shown) < 3 else ", ".join(f"{key}={value}" for key, value in shown.items())


def meant(legend: str, labels: Mapping[str, str]) -> str:
    """What a legend says before anything of it is translated but itself: by this a series is told from others."""
    return PLACEHOLDER.sub(lambda found: labels.get(found[1], ""), legend).strip()


def bounded(series: Iterable[Series]) -> tuple[list[Series], int]:
    """At most so many: those with the highest values, in their order; and how many there were."""
    every = list(series)
    if len(every) <= MOST:
        return every, len(every)
    kept = {id(one) for one in sorted(every, key=lambda one: one.highest, reverse=True)[:MOST]}
    return [one for one in every if id(one) in kept], len(every)


def _rows(found: Any, kind: str) -> list[Any]:
    rows = found.get("result") if isinstance(found, dict) else None
    if not isinstance(rows, list) or found.get("resultType") != kind:
        raise PeerError(_("its answer to a query is none"))
    return rows


def _labels(row: Any) -> dict[str, str]:
    return {str(key): str(value) for key, value in row["metric"].items()}


def _on_points(values: Any, start: int, step: int, points: int) -> list[float | None]:
    placed: list[float | None] = [None] * points
    for moment, text in values:
        place = round((float(moment) - start) / step)
        if 0 <= place < points:
            placed[place] = _number(text)
    return placed


def _number(text: Any) -> float | None:
    """Six digits are more than a screen has; NaN and infinity are gaps."""
    value = float(text)
    if not isfinite(value):
        return None
    short = float(f"{value:.{DIGITS}g}")
    return int(short) if short == int(short) and abs(short) < 1e15 else short
