"""What a cluster has to make servers from and on: templates, storages, bridges, nodes.

Most of it are rows already. Bridges and container templates are asked of Proxmox when a form opens, within a few
seconds in all and kept for a minute; a cluster that does not answer says so, and the form opens all the same.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from django.core.cache import cache
from django.utils.translation import gettext as _

from portal.lib import clock
from servers.failover import Endpoints, ask
from servers.models import Cluster, Kind, Node, NodeStatus, Server, Storage
from servers.proxmox.errors import EndpointError, ProxmoxError
from servers.proxmox.gateway import Gateway

SECONDS: Final = 6.0  # for all calls of one opening
READ_SECONDS: Final = 3.0
KEPT_SECONDS: Final = 60
NODES_ASKED: Final = 8
CONTENT: Final = {Kind.QEMU: "images", Kind.LXC: "rootdir"}


@dataclass
class Offer:
    """What was found. ``bridges`` and ``images`` map a name to the nodes that have it; ``trouble`` says what could not
    be asked."""

    cluster: Cluster
    nodes: dict[str, Node] = field(default_factory=dict)  # the online ones
    templates: dict[int, Server] = field(default_factory=dict)
    storages: list[Storage] = field(default_factory=list)
    bridges: dict[str, list[str]] = field(default_factory=dict)
    images: dict[str, list[str]] = field(default_factory=dict)
    addresses: list[str] = field(default_factory=list)  # the nodes' own, on their bridges
    trouble: str = ""

    def fitting(self, kind: str) -> list[Storage]:
        """The storages that can hold disks of that kind of guest and are there."""
        wanted = CONTENT[Kind(kind)]
        return [one for one in self.storages if wanted in one.content.split(",") and one.status == "available"]

    def free_on(self, storage: str) -> int | None:
        """The bytes that are free on it, where one of that name has the most; None where nobody knows."""
        known = [(one.size, one.used) for one in self.storages if one.name == storage]
        return max((size - used for size, used in known if size is not None and used is not None), default=None)

    def nodes_of(self, storage: str) -> set[str]:
        """The nodes that have that storage: all for a shared one."""
        rows = [one for one in self.storages if one.name == storage and one.status == "available"]
        if any(one.node is None for one in rows):
            return set(self.nodes)
        return {one.node.name for one in rows if one.node} & set(self.nodes)


def of_cluster(cluster: Cluster, *, asked: bool = True) -> Offer:
    """What it offers. Asks Proxmox, unless it did within the last minute: call it outside of transactions."""
    living: dict[str, Any] = {"cluster": cluster, "retired_at": None}
    nodes = {node.name: node for node in Node.objects.filter(**living, status=NodeStatus.ONLINE)}
    templates = Server.objects.filter(**living, template=True).select_related("node")
    storages = Storage.objects.filter(**living).select_related("node")
    offer = Offer(cluster, nodes, {row.vmid: row for row in templates}, list(storages))
    if asked:
        _ask(offer)
    return offer


def _ask(offer: Offer) -> None:
    key = f"offer:1:{offer.cluster.pk}"
    found: dict[str, Any] | None = cache.get(key)
    if found is None:
        found = {"bridges": {}, "images": {}, "addresses": []}
        try:
            whole = ask(
                offer.cluster, lambda gateway: _visit(gateway, offer, found),
                Endpoints(list(offer.cluster.endpoints), dict(offer.cluster.endpoint_state)), read_seconds=READ_SECONDS,
            )  # fmt: skip
        except ProxmoxError as error:
            offer.trouble = f"{error.sentence} {error.hint}".strip()
        else:
            if whole:
                cache.set(key, found, KEPT_SECONDS)
            else:
                offer.trouble = _("Not every node answered in time: what is on the others is not offered.")
    offer.bridges, offer.images, offer.addresses = found["bridges"], found["images"], found["addresses"]


def _visit(gateway: Gateway, offer: Offer, found: dict[str, Any]) -> bool:
    """Whether everything was asked in time."""
    until, whole = time.monotonic() + SECONDS, True
    for node in sorted(offer.nodes)[:NODES_ASKED]:
        if time.monotonic() > until:
            return False
        try:
            _visit_node(gateway, offer, node, found)
        except EndpointError:
            raise
        except ProxmoxError:
            whole = False
    return whole


def _visit_node(gateway: Gateway, offer: Offer, node: str, found: dict[str, Any]) -> None:
    for bridge in gateway.bridges(node):
        _add(found["bridges"], bridge.name, node)
        found["addresses"] += [address.partition("/")[0] for address in bridge.addresses]
    for storage in offer.storages:
        here = storage.node.name == node if storage.node else node == min(offer.nodes)
        if here and storage.status == "available" and "vztmpl" in storage.content.split(","):
            for volume in gateway.volumes(node, storage.name, "vztmpl"):
                for one in [node] if storage.node else sorted(offer.nodes):
                    _add(found["images"], volume.volume, one)


def _add(into: dict[str, list[str]], name: str, node: str) -> None:
    if node not in into.setdefault(name, []):
        into[name].append(node)


@dataclass(frozen=True)
class Room:
    """What is free on a node: ``memory`` in bytes (None: unknown), ``load`` as a part of its cores."""

    memory: int | None
    load: float


def rooms(cluster: Cluster) -> dict[str, Room]:
    """Of every node that the last sync saw; without a cache the sizes alone are known."""
    snapshot = cluster.snapshot() if cluster.is_fresh(clock.now()) else None
    if snapshot is None:
        return {}
    return {
        node.name: Room(None if node.max_memory is None or node.memory is None else node.max_memory - node.memory,
                        node.cpu or 0.0)
        for node in snapshot.nodes
        if node.status == NodeStatus.ONLINE
    }  # fmt: skip


def spread(cluster: Cluster, nodes: Iterable[str], count: int, memory: int) -> list[str]:
    """A node for each server: all of the nodes have their part, as large as their share of free memory and idle
    processors (as seats go to parties by d'Hondt's method), so that one that fails takes few of them along. Empty where
    one of them finds no room. Where nobody knows the figures, in turn."""
    known = rooms(cluster)
    free = {name: known[name].memory or 0 for name in nodes if name in known and known[name].memory is not None}
    if not free:
        order = sorted(nodes)
        return [order[number % len(order)] for number in range(count)]
    weight = {name: room * (1.0 - min(known[name].load, 0.95)) for name, room in free.items()}
    found: list[str] = []
    for _number in range(count):
        fitting = [name for name in sorted(free) if free[name] >= memory]
        if not fitting:
            return []
        best = max(fitting, key=lambda name: weight[name] / (found.count(name) + 1))
        free[best] -= memory
        found.append(best)
    return found
