"""Incidents as marks on Grafana's graphs, where a token for its API is set. Made once, and ended when they end.

A mark belongs to the dashboard of everything, and carries tags: any dashboard can show those of its own cluster, node
or server by a query for them. What goes wrong is kept and told on the page of the stack; nothing waits for it.

Grafana's annotations API: POST and PATCH /api/annotations, times in milliseconds; writing takes the role Editor.
"""

import html
import logging
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from monitoring import shipped
from monitoring.grafana import health
from monitoring.graph_links import milliseconds
from monitoring.models import Annotation, Incident
from monitoring.prometheus import Peer, PeerError
from portal.lib import clock

logger = logging.getLogger(__name__)
PATH: Final = "/api/annotations"
DASHBOARD: Final = "infrastructure"
LOOK_BACK: Final = timedelta(days=1)  # a token that is set today marks yesterday's, too
AT_ONCE: Final = 50
CLAIM: Final = timedelta(seconds=60)
PAUSES: Final = (10, 60, 300, 1800)  # seconds until the next attempt
SECONDS: Final = 5.0
GONE: Final = 404


def wanted() -> bool:
    """Whether there is a token to write with."""
    return bool(settings.PORTAL_GRAFANA_TOKEN)


def last_error() -> str:
    """What went wrong last about those that Grafana does not show as they are; '' where nothing did."""
    failed = Annotation.objects.exclude(last_error="").order_by("-due_at")
    return failed.values_list("last_error", flat=True).first() or ""


def mark(moment: datetime) -> int:
    """Tell Grafana of what it does not show as it is. Ends at the first failure. Returns how many were told."""
    if not wanted():
        return 0
    _make_rows(moment)
    done = 0
    for row in Annotation.due(moment).select_related("incident").order_by("due_at")[:AT_ONCE]:
        mine = Annotation.due(moment).filter(pk=row.pk)
        if not Annotation.objects.filter(pk__in=mine.values("pk")).update(
            claimed_until=moment + CLAIM, attempts=row.attempts + 1
        ):
            continue  # another worker is at it
        if not _told(row):
            break
        done += 1
    return done


def _make_rows(moment: datetime) -> None:
    new = Incident.objects.filter(annotation=None, opened_at__gte=moment - LOOK_BACK).order_by("opened_at")[:500]
    Annotation.objects.bulk_create([Annotation(incident=one, due_at=moment) for one in new], ignore_conflicts=True)


def _told(row: Annotation) -> bool:
    """Tell of one, and keep how it went."""
    end = row.incident.closed_at
    mine = Annotation.objects.filter(pk=row.pk)
    try:
        number = _send(row)
    except PeerError as error:
        pause = PAUSES[min(row.attempts, len(PAUSES) - 1)]
        mine.update(claimed_until=None, due_at=clock.now() + timedelta(seconds=pause), last_error=_why(error))
        logger.info("Incident %s is not marked in Grafana: %s", row.incident_id, error)
        return False
    mine.update(grafana_id=number, marked_end=end, claimed_until=None, attempts=0, last_error="")
    return True


def _send(row: Annotation) -> int:
    """Make it, or change its end. Returns Grafana's number of it. Raises PeerError."""
    grafana = Peer("Grafana", health.api(), settings.PORTAL_GRAFANA_TOKEN, SECONDS)
    incident = row.incident
    # A worker that died after asking may have made it: it is looked for before it is made once more.
    number = row.grafana_id or (_find(grafana, incident) if row.attempts else None)
    if number is None:
        return int(_number(grafana.send_json("POST", PATH, _body(incident))))
    changed = {"timeEnd": int(milliseconds(incident.closed_at or incident.opened_at))}
    try:
        grafana.send_json("PATCH", f"{PATH}/{number}", changed)
    except PeerError as error:
        if error.status != GONE:
            raise
        # Somebody removed it from Grafana: so be it.
    return number


def _find(grafana: Peer, incident: Incident) -> int | None:
    found = grafana.json(PATH, tags=own_tag(incident), limit="1")
    return int(_number(found[0])) if isinstance(found, list) and found else None


def _number(answer: Any) -> int:
    """Grafana's number of an annotation. Raises PeerError."""
    number = answer.get("id") if isinstance(answer, dict) else None
    if not isinstance(number, int) or number < 1:
        raise PeerError(_("it answers something else than its API would: does another program listen there?"))
    return number


def _body(incident: Incident) -> dict[str, Any]:
    address = settings.PORTAL_URL + reverse("admin:monitoring_incident_change", args=(incident.pk,))
    body: dict[str, Any] = {
        "time": int(milliseconds(incident.opened_at)),
        "tags": tags(incident),
        "text": f'<a href="{html.escape(address)}">{html.escape(incident.title)}</a>',
    }
    if DASHBOARD in shipped.dashboards():
        body["dashboardUID"] = DASHBOARD
    if incident.closed_at:
        body["timeEnd"] = int(milliseconds(incident.closed_at))
    return body


def tags(incident: Incident) -> list[str]:
    """By what dashboards can ask for it: all of the portal's, its severity and condition, its cluster, node, server."""
    named = [f"{name}:{incident.labels[name]}" for name in ("cluster", "node", "vmid") if incident.labels.get(name)]
    return ["proxmox-manager", incident.severity, incident.condition, *named, own_tag(incident)]


def own_tag(incident: Incident) -> str:
    """The tag of that incident alone, also where several portals write to one Grafana."""
    return f"{incident.message_id}@{quote(urlsplit(settings.PORTAL_URL).netloc)}"


def _why(error: PeerError) -> str:
    if error.status in {401, 403}:
        return _("Grafana refuses to be written to: give the service account of PORTAL_GRAFANA_TOKEN the role Editor.")
    return _("Grafana could not be told: %s.") % error
