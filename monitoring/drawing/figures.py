"""A panel's numbers for a range: one to a few questions to Prometheus, kept for as long as nothing new can be there."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from django.core.cache import cache
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from monitoring.drawing import answers, asking, missing
from monitoring.drawing.answers import Series
from monitoring.drawing.ranges import Range
from monitoring.panels import Panel, Target
from monitoring.prometheus import PeerError, Prometheus

FORMAT: Final = 2
KEPT_MOVING: Final = 15  # seconds: a scrape
KEPT_PAST: Final = 300
SOON: Final = 5  # seconds after which an empty panel is looked at again while Prometheus is young
ROWS: Final = 200


def of(panel: Panel, variables: Mapping[str, str], wanted: Range) -> dict[str, Any]:
    """What is drawn: ``series`` on common points, or ``rows`` of a table. Raises Trouble."""
    start, end = wanted.aligned
    queries = panel.queries(variables, wanted.step, wanted.span)
    key = _key(panel, queries, start, end, wanted.step)
    kept = cache.get(key)
    if kept is None:
        with asking.turn() as prometheus:
            kept = _asked(prometheus, panel, queries, wanted)
        seconds = KEPT_MOVING if wanted.moving else KEPT_PAST
        if not _is_drawn(kept):
            kept["hint"] = missing.hint(queries[0], variables, wanted)
            if wanted.moving and missing.is_yet_to_come():
                kept["retry"] = seconds = SOON
        cache.set(key, kept, seconds)
    return {**kept, "words": [*wanted.words, *kept["words"]]}


def _asked(prometheus: Prometheus, panel: Panel, queries: list[str], wanted: Range) -> dict[str, Any]:
    start, end = wanted.aligned
    found: list[Series] = []
    for target, query in zip(panel.targets, queries, strict=True):
        found += _series(prometheus, panel, target, query, wanted)
    series, every = answers.bounded(found)
    words = []
    if every > len(series):
        words.append(
            _("%(shown)d of %(every)d series are shown: those with the highest values.")
            % {"shown": len(series), "every": every}
        )
    dashed = {target.ref for target in panel.targets if target.threshold}
    answer: dict[str, Any] = {"start": start, "end": end, "step": wanted.step, "words": words}
    if panel.kind == "table":
        return {**answer, "rows": [[one.labels, one.last] for one in found[:ROWS]], "every": every}
    return {
        **answer,
        "series": [
            {"name": one.name, "values": one.values, "dashed": one.ref in dashed, "colour": one.colour}
            for one in series
        ],
    }


def _is_drawn(kept: dict[str, Any]) -> bool:
    """Whether there is anything but thresholds."""
    if "rows" in kept:
        return bool(kept["rows"])
    return any(value is not None for one in kept["series"] if not one["dashed"] for value in one["values"])


def _series(prometheus: Prometheus, panel: Panel, target: Target, query: str, wanted: Range) -> list[Series]:
    """The series of one target. Raises Trouble."""
    start, end = wanted.aligned
    instant = target.instant or panel.kind == "table"
    try:
        if instant:
            moment = wanted.end // KEPT_MOVING * KEPT_MOVING
            pairs = answers.vector(asking.ask(prometheus, "query", query=query, time=str(moment)))
        else:
            asked = {"query": query, "start": str(start), "end": str(end), "step": str(wanted.step)}
            found = asking.ask(prometheus, "query_range", **asked)
            points = (end - start) // wanted.step + 1
            pairs = answers.matrix(found, start=start, step=wanted.step, points=points)
    except PeerError as error:
        raise asking.judged(error) from None
    alone = len(pairs) == 1
    return [
        Series(
            answers.named(target.legend, labels, target.ref, alone=alone),
            target.ref,
            labels,
            values,
            panel.colours.get(answers.meant(target.legend, labels), ""),
        )
        for labels, values in pairs
    ]


def _key(panel: Panel, queries: list[str], start: int, end: int, step: int) -> str:
    # What is kept has words in it: names of series, and what is said beside them.
    told = json.dumps([FORMAT, get_language(), panel.dashboard_uid, panel.id, queries, start, end, step])
    return f"panel:{hashlib.sha256(told.encode()).hexdigest()}"
