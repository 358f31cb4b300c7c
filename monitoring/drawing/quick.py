"""Small questions to Prometheus by the way, for a page that must not wait: what there is to choose, and since when it
measures. An answer is kept for a while; after none, nobody asks for a few seconds."""

import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

from django.conf import settings
from django.core.cache import cache

from monitoring.panels import Variable
from monitoring.prometheus import PeerError, Prometheus
from portal.lib import clock

PATIENCE: Final = 1.0  # seconds
KEPT: Final = 30
SOON: Final = 5  # seconds that an empty answer is kept: a first one may come at any moment
PAUSE: Final = 10
LISTED: Final = 300  # values that are offered
LABEL_VALUES: Final = re.compile(r"label_values\((?P<selector>.+), (?P<label>\w+)\)")
OLDEST: Final = "min(prometheus_tsdb_lowest_timestamp_seconds)"
# Until Prometheus has measured for so many seconds, a page begins with a range that shows something.
YOUNG: Final = ((15 * 60, "now-15m"), (2 * 3600, "now-1h"))
Rows = list[tuple[dict[str, str], float]]


def ask(expression: str, *, kept: int = KEPT) -> Rows | None:
    """The labels and the value of each series now; None where Prometheus did not answer at once."""
    return _kept(expression, lambda prometheus: prometheus.query(expression), kept)


def _kept(name: str, question: Callable[[Prometheus], Rows], kept: int) -> Rows | None:
    here = hashlib.sha256(f"{settings.PORTAL_PROMETHEUS_URL} {name}".encode()).hexdigest()
    key, away = f"panel:quick:{here}", f"panel:away:{settings.PORTAL_PROMETHEUS_URL[-60:]}"
    found = cache.get_many([key, away])
    if key in found:
        return list(found[key])
    if away in found:
        return None
    try:
        rows = question(Prometheus.here(PATIENCE))
    except PeerError:
        cache.set(away, True, PAUSE)
        return None
    cache.set(key, rows, kept if rows else SOON)
    return rows


def values_of(variable: Variable) -> list[str]:
    """What Prometheus knows that this variable may be, in order, and not more than a list can show."""
    match = LABEL_VALUES.fullmatch(variable.query)
    if match is None or "$" in match["selector"]:
        return []
    rows = ask(f"group by ({match['label']}) ({match['selector']})")
    return sorted({labels.get(match["label"], "") for labels, _one in rows or ()} - {""})[:LISTED]


def since() -> float | None:
    """Since when Prometheus has measured, in seconds since the epoch; None where that is not known."""
    rows = ask(OLDEST, kept=KEPT)
    return rows[0][1] if rows else None


def began() -> float | None:
    """Since when it measures, or has been running where it has not yet measured itself; None where it does not say."""
    return since() or next((moment for _none, moment in _kept("its start", _start, KEPT) or ()), None)


def _start(prometheus: Prometheus) -> Rows:
    try:
        told = datetime.fromisoformat(str(prometheus.api("status/runtimeinfo").get("startTime")))
    except ValueError:
        return []
    except PeerError as error:
        if not error.status:
            raise
        return []  # something that speaks as Prometheus does, and does not tell this
    return [({}, told.timestamp())]


def first_range() -> str:
    """The beginning of the range that a page opens with: less than usual while there is little to see; '' for usual."""
    start = began()
    if start is None:
        return YOUNG[0][1] if targets() == [] else ""
    age = clock.now().timestamp() - start
    return next((text for seconds, text in YOUNG if age < seconds), "")


def targets() -> list[tuple[str, str, bool]] | None:
    """Job, instance and whether it answers, of everything that is scraped. None where that is not known."""
    rows = ask("up")
    return None if rows is None else [(row.get("job", ""), row.get("instance", ""), value == 1) for row, value in rows]
