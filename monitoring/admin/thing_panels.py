"""The panels of one server, node or cluster, as a section of its own page: at most six."""

from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from monitoring import panels
from monitoring.admin import dashboards, rangebar
from monitoring.drawing import access
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
    if server.template:
        return None
    return _of(request, "server", server, {"cluster": server.cluster.name, "server": str(server.vmid)})


@section("servers.node", order=ORDER)
def of_node(request: HttpRequest, node: Node) -> Section | None:
    """How a node fares."""
    return _of(request, "node", node, {"cluster": node.cluster.name, "node": node.name})


@section("servers.cluster", order=ORDER)
def of_cluster(request: HttpRequest, cluster: Cluster) -> Section | None:
    """How a cluster fares."""
    return _of(request, "cluster", cluster, {"cluster": cluster.name})


def _of(request: HttpRequest, thing: Thing, subject: Any, variables: Mapping[str, str]) -> Section | None:
    shown = panels.panels_of(thing)[:MOST]
    if not shown or not may(request.user, "view", subject):
        return None
    uid, bar = shown[0].dashboard_uid, rangebar.of(request)
    found = dashboards.answers(request, uid)
    context = {
        "bar": bar, "choices": [], "line": found.line, "panels": shown, "variables": variables, "range": bar.range,
        "frames": frames.single(shown, variables, found) if found.answers else [],
    }  # fmt: skip
    chosen = urlencode({access.PREFIX + name: value for name, value in variables.items()})
    return Section(
        _("Panels"), "monitoring/grafana/panels.html", context, icon="monitoring", wide=True,
        url=f"{reverse('dashboard', args=(uid,))}?{chosen}", url_text=_("As a dashboard"),
    )  # fmt: skip
