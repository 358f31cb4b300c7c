"""The labels by which routes, silences and maintenance windows know a server, a node or a cluster."""

from collections.abc import Callable, Collection
from typing import Any, Final

from django.db.models import Q

from servers.models import Cluster, Node, Server

# Columns of which few values occur, and those that tell every server apart.
_SHARED: Final = {
    "cluster": "cluster__name", "owner": "owner", "environment": "environment", "tags": "tags", "type": "kind",
}  # fmt: skip
_OWN: Final = {"node": "node__name", "name": "name", "vmid": "vmid"}
MOST_GROUPS: Final = 200


def labels_of(thing: Server | Node | Cluster) -> dict[str, str]:
    """What a message about that thing says of it."""
    if isinstance(thing, Cluster):
        return {"cluster": thing.name}
    if isinstance(thing, Node):
        return {"cluster": thing.cluster.name, "node": thing.name}
    found = {
        "cluster": thing.cluster.name, "node": thing.node.name if thing.node else "", "name": thing.name,
        "vmid": str(thing.vmid), "type": thing.kind, "owner": thing.owner, "environment": thing.environment,
        "tags": ",".join(thing.tag_list),
    }  # fmt: skip
    return {name: value for name, value in found.items() if value}


def identity_of(thing: Server | Node | Cluster) -> dict[str, str]:
    """The labels that mean that thing alone, and with it what is on it."""
    labels = labels_of(thing)
    keep = ("cluster", "vmid") if isinstance(thing, Server) else ("cluster", "node")
    return {name: labels[name] for name in keep if name in labels}


def servers_where(holds: Callable[[dict[str, str]], bool], names: Collection[str]) -> Q:
    """The condition of the living servers whose labels fulfil that. ``names`` are the labels that make a difference:
    servers that agree in them are asked about once."""
    own = {label: column for label, column in _OWN.items() if label in names}
    columns: dict[str, str] = {**_SHARED, **own}
    living = Server.objects.filter(retired_at=None, template=False).order_by()
    if own:
        return Q(pk__in=[pk for pk, *values in living.values_list("pk", *columns.values())
                         if holds(_as_labels(columns, values))])  # fmt: skip
    groups = [
        values for values in living.values_list(*columns.values()).distinct() if holds(_as_labels(columns, values))
    ]
    if len(groups) > MOST_GROUPS:
        found = {tuple(values) for values in groups}
        rows = living.values_list("pk", *columns.values())
        return Q(pk__in=[pk for pk, *values in rows if tuple(values) in found])
    together = Q(pk__in=[])
    for values in groups:
        together |= Q(**dict(zip(columns.values(), values, strict=True)))
    return together


def _as_labels(columns: dict[str, str], values: Any) -> dict[str, str]:
    found = dict(zip(columns, values, strict=True))
    return {name: str(value).strip(";") for name, value in found.items() if value is not None}
