"""Who may see a panel's numbers: every member of staff those of everything together, as in Grafana, and of one thing
whoever may see it. What is not there, or not for them, is not found: nobody learns from the difference."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db.models import Model, Q
from django.http import Http404

from monitoring.panel_queries import ALL
from monitoring.panels import Dashboard, Panel, UnknownDashboard, dashboard
from portal.lib.access import is_staff, may
from servers.models import Cluster, Node, Server

EVERYTHING: Final = frozenset({"", ALL, "All", "$__all"})
PREFIX: Final = "var-"
MOST_DIGITS: Final = 5  # of a port


def find_dashboard(user: Any, uid: str) -> Dashboard:
    """That dashboard. Raises Http404."""
    if not is_staff(user):
        raise Http404
    try:
        return dashboard(uid)
    except UnknownDashboard:
        raise Http404 from None


def find(user: Any, uid: str, number: int) -> Panel:
    """That panel of the catalogue. Raises Http404."""
    for one in find_dashboard(user, uid).panels:
        if one.id == number:
            return one
    raise Http404


def variables(user: Any, uid: str, asked: Mapping[str, str]) -> dict[str, str]:
    """The values of the dashboard's variables in ``var-NAME=VALUE``, each of a thing that is there and that this person
    may see. Raises Http404."""
    shown = find_dashboard(user, uid)
    known = {variable.name for variable in shown.variables} | {"cluster", "node", "server"}
    found = {name: asked.get(PREFIX + name, "") for name in known}
    chosen = {name: value for name, value in found.items() if value not in EVERYTHING}
    _demand(user, chosen, by_name=by_name(shown))
    _demand_machine(user, chosen.get("machine", ""))
    return chosen


def by_name(shown: Dashboard) -> bool:
    """Whether a server is chosen by its name there: where several can be; where it is one, it is by VMID."""
    return any(variable.name == "server" and variable.multiple for variable in shown.variables)


def _demand(user: Any, chosen: Mapping[str, str], *, by_name: bool) -> None:
    cluster, node, server = (chosen.get(name, "") for name in ("cluster", "node", "server"))
    if cluster:
        _each(user, Cluster.objects.filter(name=cluster))
    of_cluster: dict[str, Any] = {"cluster__name": cluster} if cluster else {}
    if node:
        _each(user, Node.objects.filter(name=node, **of_cluster))
    if server and by_name:
        _each(user, Server.objects.filter(name=server, **of_cluster).select_related("cluster"))
    elif server:
        if not server.isascii() or not server.isdigit() or len(server) > 9:
            raise Http404
        _each(user, Server.objects.filter(vmid=int(server), **of_cluster).select_related("cluster"))


def _demand_machine(user: Any, instance: str) -> None:
    """What a server's exporter tells is for whoever may see that server; other machines are nobody's in particular."""
    host, _colon, port = instance.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or len(port) > MOST_DIGITS:
        return
    host = host.removeprefix("[").removesuffix("]")
    here = Q(operator_address__iexact=host) | Q(operator_address="", agent_address__iexact=host)
    rows = list(Server.objects.filter(here, exporter_port=int(port), retired_at=None).select_related("cluster"))
    if not all(may(user, "view", row) for row in rows):
        raise Http404


def _each(user: Any, rows: Iterable[Model]) -> None:
    """Something is there, and all of it may be seen."""
    found = list(rows)
    if not found or not all(may(user, "view", row) for row in found):
        raise Http404
