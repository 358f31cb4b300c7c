"""What monitoring adds to pages: an incident's own page, the incidents of a thing, the open ones on the front page."""

from typing import Any, Final

from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from monitoring import graph_links
from monitoring.admin import shown
from monitoring.models import Incident
from notifications import told
from portal.lib import clock, show
from portal.lib.access import may
from portal.lib.buttons import list_url, object_url
from portal.lib.sections import FRONT, TILES, Section, Table, section, tile
from servers.models import Cluster, Node, Server

ROWS: Final = 8


@section("monitoring.incident:top", order=10)
def incident_facts(request: HttpRequest, incident: Incident) -> Section:
    """What is known about an incident."""
    facts = [
        (_("State"), shown.state(incident)),
        (_("Severity"), shown.severity(incident)),
        (_("Where"), shown.subject(incident)),
        (_("Began"), show.moment(incident.opened_at)),
        (_("Lasted"), clock.span(incident.duration)),
        (_("Over"), show.moment(incident.closed_at, never=_("not yet"))),
        (_("Came back"), _came_back(incident)),
        (_("Acknowledged"), show.moment(incident.acknowledged_at, never=_("by nobody"))),
        (_("What is known"), incident.text),
        (_("How it ended"), incident.ending),
        (_("Its curves"), _curves(incident)),
    ]
    return Section(_("What happened"), "portal/facts.html", {"facts": facts}, icon="crisis_alert", wide=True)


def _curves(incident: Incident) -> Any:
    address = graph_links.of(incident)
    return show.link(address, _("around that time")) if address else show.DASH


def _came_back(incident: Incident) -> Any:
    """How often it was over and back at once, and whether it may still be at it."""
    if not incident.flaps:
        return show.DASH
    times = ngettext("%(count)d time", "%(count)d times", incident.flaps) % {"count": incident.flaps}
    flapping = incident.flaps_at(clock.now()) or incident.tell_at
    return show.badges([(times, show.WARN), *([(_("flapping"), show.WARN)] if flapping else [])])


@section("monitoring.incident", order=15)
def incident_messages(request: HttpRequest, incident: Incident) -> Section:
    """Who was told of it."""
    rows = [[line.title, line.channel, _became(line), show.moment(line.at)] for line in told(incident.message_id)]
    empty = _("Nobody was told of it, and it is over.")
    if incident.closed_at is None:
        empty = _("Nobody was told: there is no enabled channel for this severity. Add one under Channels.")
    head = [_("Message"), _("Channel"), _("State"), _("When")]
    return _table(_("Who was told"), "send", head, rows, empty)


def _became(line: Any) -> SafeString:
    """The state, with what there is to remark below it: a column more would lie outside a phone."""
    remark = format_html('<span class="pm-sub pm-break">{}</span>', line.remark) if line.remark else ""
    return format_html("{}{}", show.badge(line.state, line.tone), remark)


@section("monitoring.incident", order=20)
def incident_alerts(request: HttpRequest, incident: Incident) -> Section:
    """Who says so."""
    rows = [
        [alert.source, alert.get_status_display(), show.moment(alert.starts_at), show.moment(alert.ends_at, never="–")]
        for alert in incident.alerts.all()[:ROWS]
    ]
    head = [_("Source"), _("Status"), _("Since"), _("Over")]
    return _table(_("Alerts in it"), "notifications_active", head, rows, _("No source says so any more."))


def _of(request: HttpRequest, url: str, **condition: Any) -> Section | None:
    if not may(request.user, "view", Incident):
        return None
    rows = _rows(Incident.objects.filter(**condition).select_related("acknowledged_by")[:ROWS])
    if not rows:
        return None
    return _table(_("Incidents"), "crisis_alert", _head(), rows, "", url)


@section("servers.server", order=10)
def server_incidents(request: HttpRequest, server: Server) -> Section | None:
    """A server's troubles."""
    return _of(request, list_url(Incident, state="all", q=server.name), server=server)


@section("servers.node", order=10)
def node_incidents(request: HttpRequest, node: Node) -> Section | None:
    """A node's own troubles."""
    return _of(request, list_url(Incident, state="all", q=node.name), node=node, server=None)


@section("servers.cluster", order=10)
def cluster_incidents(request: HttpRequest, cluster: Cluster) -> Section | None:
    """A cluster's own troubles."""
    return _of(request, list_url(Incident, state="all", q=cluster.name), cluster=cluster, server=None, node=None)


@section(TILES, order=10)
def open_tile(request: HttpRequest, _subject: Any) -> Section | None:
    """How many are open."""
    if not may(request.user, "view", Incident):
        return None
    states = list(Incident.objects.filter(closed_at=None).values_list("acknowledged_at", flat=True))
    waiting = sum(1 for moment in states if moment is None)
    below = _("%(count)d not acknowledged") % {"count": waiting} if states else _("all quiet")
    return tile(
        _("Open incidents"), len(states), below, icon="crisis_alert", url=list_url(Incident), alarm=bool(waiting)
    )  # fmt: skip


@section(FRONT, order=10)
def open_card(request: HttpRequest, _subject: Any) -> Section | None:
    """The open ones, the newest first; nothing at all on a quiet day."""
    if not may(request.user, "view", Incident):
        return None
    found = Incident.objects.filter(closed_at=None).select_related("acknowledged_by").order_by("-opened_at")
    rows = _rows(found[:ROWS])
    return _table(_("Open incidents"), "crisis_alert", _head(), rows, "", list_url(Incident)) if rows else None


def _rows(found: Any) -> list[list[Any]]:
    return [
        [
            show.link(object_url(incident), incident.title),
            shown.severity(incident),
            shown.state(incident),
            show.moment(incident.opened_at),
            clock.span(incident.duration),
        ]
        for incident in found
    ]


def _head() -> list[Any]:
    return [_("Trouble"), _("Severity"), _("State"), _("Since"), _("Lasted")]


def _table(title: str, icon: str, head: list[Any], rows: list[list[Any]], empty: Any, url: str = "") -> Section:  # noqa: PLR0913, PLR0917
    context = {"table": Table(head, rows, empty)}
    return Section(title, context=context, icon=icon, url=url, url_text=_("All of them"), wide=True)
