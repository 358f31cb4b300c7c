"""What the command search (Ctrl+K) finds beside pages: servers, nodes, storages and clusters, a few of each."""

from typing import Any, Final

from django.db.models import Case, Q, When
from django.http import HttpRequest
from django.utils.text import capfirst
from unfold.dataclasses import SearchResult

from portal.lib.access import may
from portal.lib.buttons import object_url
from servers.models import Cluster, Node, Server, Storage

OF_EACH: Final = 8
ICONS: Final[dict[Any, str]] = {Server: "dns", Node: "host", Storage: "hard_drive", Cluster: "hub"}


def search(request: HttpRequest, term: str) -> list[SearchResult]:
    """The first few things of each kind whose name, VMID or address has the term, for that person."""
    return [
        SearchResult(title=str(row), description=_where(row), link=object_url(row), icon=ICONS[model])
        for model, found in _queries(term)
        if may(request.user, "view", model)
        for row in found[:OF_EACH]
    ]


def _queries(term: str) -> list[tuple[Any, Any]]:
    servers = Q(name__icontains=term) | Q(tags__icontains=f";{term};")
    if term.isdecimal():
        servers |= Q(vmid=int(term))
    living = {"retired_at": None}
    exact = Q(name=term) | (Q(vmid=int(term)) if term.isdecimal() else Q())
    found = Server.objects.filter(servers, **living).select_related("cluster")
    return [
        (Server, found.order_by(Case(When(exact, then=0), default=1), "vmid")),
        (
            Node,
            Node.objects.filter(Q(name__icontains=term) | Q(address__icontains=term), **living).select_related(
                "cluster"
            ),
        ),
        (Storage, Storage.objects.filter(name__icontains=term, **living).select_related("cluster", "node")),
        (Cluster, Cluster.objects.filter(name__icontains=term)),
    ]


def _where(row: Any) -> str:
    kind = capfirst(str(row._meta.verbose_name))
    return kind if isinstance(row, Cluster) else f"{kind} · {row.cluster.name}"
