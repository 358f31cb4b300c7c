"""Incidents as marks on what is drawn: what was wrong meanwhile, about the thing or the things that a page shows."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django.db.models import Case, Q, QuerySet, Value, When

from monitoring.drawing.ranges import Range
from monitoring.incidents import RANK
from monitoring.models import Incident
from portal.lib.access import may
from portal.lib.buttons import object_url

MOST: Final = 40  # nobody tells more apart, on a chart or in a list


def of(user: Any, variables: Mapping[str, str], wanted: Range, *, by_name: bool = False) -> dict[str, Any]:
    """The incidents of that range and when it starts, the worst and the latest first; none for whoever may see no
    incident. ``every`` tells how many there are, listed or not. ``by_name``: a server is chosen by its name,
    else by its VMID."""
    if not may(user, "view", Incident):
        return {"start": wanted.start, "marks": [], "every": 0}
    found = _within(wanted).filter(_about(variables, by_name=by_name))
    worst_first = found.order_by(Case(*_ranks(), default=Value(0)).desc(), "-opened_at", "-pk")
    rows = list(worst_first[: MOST + 1])
    every = len(rows) if len(rows) <= MOST else found.count()
    return {"start": wanted.start, "marks": [_mark(row) for row in rows[:MOST]], "every": every}


def _within(wanted: Range) -> "QuerySet[Incident]":
    start, end = (datetime.fromtimestamp(moment, UTC) for moment in (wanted.start, wanted.end))
    return Incident.objects.filter(Q(closed_at=None) | Q(closed_at__gte=start), opened_at__lte=end)


def _about(variables: Mapping[str, str], *, by_name: bool) -> Q:
    """Those of everything, or of what was chosen; a machine is what the labels of an alert name as its instance."""
    found = Q()
    if cluster := variables.get("cluster"):
        found &= Q(cluster__name=cluster)
    if node := variables.get("node"):
        found &= Q(node__name=node)
    if server := variables.get("server"):
        found &= Q(server__name=server) if by_name else Q(server__vmid=int(server))
    if machine := variables.get("machine"):
        found &= Q(labels__instance=machine)
    return found


def _ranks() -> list[When]:
    return [When(severity=severity, then=Value(rank)) for severity, rank in RANK.items()]


def _mark(incident: Incident) -> dict[str, Any]:
    return {
        "title": incident.title,
        "severity": incident.severity,
        "word": incident.get_severity_display(),
        "start": int(incident.opened_at.timestamp()),
        "end": int(incident.closed_at.timestamp()) if incident.closed_at else None,
        "url": object_url(incident),
    }
