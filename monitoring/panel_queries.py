"""Puts values into the expressions of panels, as Grafana does, so that nothing of a value is read as PromQL."""

import re
from collections.abc import Mapping
from typing import Final

# Grafana's own word for "every value".
ALL: Final = "$__all"
SCRAPE_SECONDS: Final = 15
# A variable is the whole value of a matcher and stands nowhere else: the lint of the dashboards sees to it.
MATCHER: Final = re.compile(r'(=~|!~|!=|=)(\s*)"\$(\w+)"')
WINDOW: Final = re.compile(r"\$__(rate_interval|interval|range)\b")
UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
SPECIAL: Final = re.compile(r"[\\^$.|?*+()\[\]{}]")


class UnknownVariable(KeyError):
    """An expression asks for a variable that was not given, or in a way that nobody fills."""


def filled(expression: str, variables: Mapping[str, str], step: float, span: float) -> str:
    """The expression with every variable replaced. Raises UnknownVariable.

    ``step`` and ``span`` are seconds. Rates look at four scrapes at least, and never at less than lies between two
    points: what Grafana documents for ``$__rate_interval``.
    """
    step = max(1, round(step))
    windows = {
        "rate_interval": max(step + SCRAPE_SECONDS, 4 * SCRAPE_SECONDS),
        "interval": step,
        "range": max(1, round(span)),
    }
    text = WINDOW.sub(lambda match: f"{windows[match[1]]}s", expression)
    if "$" in MATCHER.sub("", text):
        raise UnknownVariable(expression)
    return MATCHER.sub(lambda match: match[1] + match[2] + _value(match[1], match[3], variables), text)


def seconds_of(text: str) -> int:
    """The seconds of Grafana's ``6h``, ``now-7d`` or ``30s``. Raises ValueError."""
    match = re.fullmatch(r"(?:now-)?(\d+)([smhdw])", text)
    if match is None:
        raise ValueError(f"{text!r} is no length of time such as 30s, 6h or now-7d")
    return int(match[1]) * UNITS[match[2]]


def _value(operator: str, name: str, variables: Mapping[str, str]) -> str:
    value = variables.get(name, ALL)
    if operator in {"=~", "!~"}:
        return _quoted(".*" if value == ALL else SPECIAL.sub(r"\\\g<0>", value))
    if value == ALL:
        raise UnknownVariable(name)
    return _quoted(value)


def _quoted(text: str) -> str:
    """A string of PromQL, whose escapes are those of Go."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
