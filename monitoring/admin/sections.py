"""What monitoring adds to pages: the incidents of a thing, the open ones on the front page."""

from typing import Any, Final

from django.http import HttpRequest
from django.utils.translation import gettext as _

from monitoring.admin import shown
from monitoring.models import Incident
from portal.lib import clock, show
from portal.lib.access import may
from portal.lib.buttons import list_url, object_url
from portal.lib.sections import FRONT, TILES, Section, Table, section, tile
from servers.models import Cluster, Node, Server

ROWS: Final = 8


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
