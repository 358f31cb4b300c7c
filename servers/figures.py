"""Usage figures for pages: small pieces of the snapshot, so that a page of fifty servers reads fifty servers' figures.

The whole snapshot of ten thousand guests takes 70 ms to read, and a page may show servers of ten clusters. The pieces
lie beside it in the cache, one per hundred VMIDs and one per cluster for its nodes; a page gets those that it needs in
one call, whatever the number of its clusters.
"""

import json
import zlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.core.cache import cache

from servers.proxmox.types import Guest, NodeFacts

SPAN: Final = 100
FORMAT: Final = 1


@dataclass(slots=True, frozen=True)
class Figures:
    """What one guest or node uses, as Proxmox told it at ``taken_at``: parts of one, bytes, seconds. None: unknown."""

    taken_at: datetime
    cpu: float | None
    memory: int | None
    disk: int | None
    uptime: int | None
    net_in: int | None = None
    net_out: int | None = None


def pieces(
    cluster_id: int, taken_at: datetime, guests: Iterable[Guest], nodes: Iterable[NodeFacts]
) -> dict[str, bytes]:
    """The entries to put into the cache."""
    found: dict[str, dict[str, list[Any]]] = defaultdict(dict)
    for guest in guests:
        row = [guest.cpu, guest.memory, guest.disk, guest.uptime, guest.net_in, guest.net_out]
        found[_guest_key(cluster_id, guest.vmid)][str(guest.vmid)] = row
    found[_node_key(cluster_id)] = {node.name: [node.cpu, node.memory, node.disk, node.uptime] for node in nodes}
    return {key: _pack(taken_at, rows) for key, rows in found.items()}


def load(
    guests: Iterable[tuple[int, int]], nodes: Iterable[tuple[int, str]]
) -> tuple[dict[tuple[int, int], Figures], dict[tuple[int, str], Figures]]:
    """The figures of guests (cluster, VMID) and nodes (cluster, name) that are known; one call to the cache."""
    wanted_guests = {pair: _guest_key(*pair) for pair in guests}
    wanted_nodes = {pair: _node_key(pair[0]) for pair in nodes}
    keys = {*wanted_guests.values(), *wanted_nodes.values()}
    found = {key: _unpack(value) for key, value in cache.get_many(keys).items()} if keys else {}
    of_guests = {pair: _of(found.get(key), str(pair[1])) for pair, key in wanted_guests.items()}
    of_nodes = {pair: _of(found.get(key), pair[1]) for pair, key in wanted_nodes.items()}
    return (
        {pair: figures for pair, figures in of_guests.items() if figures},
        {pair: figures for pair, figures in of_nodes.items() if figures},
    )


def _of(piece: tuple[datetime, dict[str, list[Any]]] | None, name: str) -> Figures | None:
    return Figures(piece[0], *piece[1][name]) if piece and name in piece[1] else None


def _pack(taken_at: datetime, rows: dict[str, list[Any]]) -> bytes:
    return zlib.compress(json.dumps([taken_at.timestamp(), rows], separators=(",", ":")).encode(), level=1)


def _unpack(packed: bytes) -> tuple[datetime, dict[str, list[Any]]]:
    moment, rows = json.loads(zlib.decompress(packed))
    return datetime.fromtimestamp(moment, UTC), rows


def _guest_key(cluster_id: int, vmid: int) -> str:
    return f"figures:{FORMAT}:{cluster_id}:{vmid // SPAN}"


def _node_key(cluster_id: int) -> str:
    return f"figures:{FORMAT}:{cluster_id}:nodes"
