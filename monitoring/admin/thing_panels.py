"""The panels of one server, node or cluster, as a section of its own page: at most six."""

from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from monitoring import panels
from monitoring.admin import dashboards, rangebar
from monitoring.drawing import access, definitions
from monitoring.grafana import frames
from monitoring.panels import Thing
from portal.lib.access import may
from portal.lib.sections import Section, section
from servers.models import Cluster, Node, Server

MOST: Final = 6
ORDER: Final = 5


@section("servers.server", order=ORDER)
def of_server(request: HttpRequest, server: Server) -> Section | None:
    """How a server fares; a template never runs."""
    return of_thing(request, server)


@section("servers.node", order=ORDER)
def of_node(request: HttpRequest, node: Node) -> Section | None:
    """How a node fares."""
    return of_thing(request, node)


@section("servers.cluster", order=ORDER)
def of_cluster(request: HttpRequest, cluster: Cluster) -> Section | None:
    """How a cluster fares."""
    return of_thing(request, cluster)


def of_thing(
    request: HttpRequest, thing: Server | Node | Cluster, unasked: Mapping[str, str] = rangebar.UNASKED
) -> Section | None:
    """Its panels. ``unasked``: the range where the page's address names none."""
    if isinstance(thing, Cluster):
        return _of(request, "cluster", thing, {"cluster": thing.name}, unasked)
    if isinstance(thing, Node):
        return _of(request, "node", thing, {"cluster": thing.cluster.name, "node": thing.name}, unasked)
    if thing.template:
        return None
    return _of(request, "server", thing, {"cluster": thing.cluster.name, "server": str(thing.vmid)}, unasked)


def _of(
    request: HttpRequest, thing: Thing, subject: Any, variables: Mapping[str, str], unasked: Mapping[str, str]
) -> Section | None:
    shown = panels.panels_of(thing)[:MOST]
    if not shown or not may(request.user, "view", subject):
        return None
    uid, bar = shown[0].dashboard_uid, rangebar.of(request, unasked=unasked)
    found = dashboards.answers(request, uid)
    context = {
        "bar": bar, "choices": [], "line": found.line, "panels": shown, "variables": variables, "range": bar.range,
        "marks": definitions.marks(uid, variables),
        "frames": frames.single(shown, variables, found) if found.answers else [],
        "other_way": dashboards.other_way(request, framed=found.answers),
    }  # fmt: skip
    chosen = urlencode({access.PREFIX + name: value for name, value in variables.items()})
    return Section(
        _("Panels"), "monitoring/grafana/panels.html", context, icon="monitoring", wide=True,
        url=f"{reverse('dashboard', args=(uid,))}?{chosen}", url_text=_("As a dashboard"),
    )  # fmt: skip
