"""Usage figures of the rows of a page: one call to the cache, never a query per row."""

from collections.abc import Sequence
from typing import Any

from servers import figures
from servers.figures import Figures
from servers.models import Node, NodeStatus, Server, ServerStatus


def attach(rows: Sequence[Any]) -> None:
    """Put the figures on servers or nodes, as ``row.usage``: None while unknown (retired, not there, none kept)."""
    servers: dict[tuple[int, int], Any] = {}
    nodes: dict[tuple[int, str], Any] = {}
    for row in rows:
        if isinstance(row, Server) and _server_is_known(row):
            servers[row.cluster_id, row.vmid] = row
        elif isinstance(row, Node) and _node_is_known(row):
            nodes[row.cluster_id, row.name] = row
    of_guests, of_nodes = figures.load(servers, nodes)
    for row in rows:
        row.usage = None
    for guest, server in servers.items():
        server.usage = of_guests.get(guest)
    for name, node in nodes.items():
        node.usage = of_nodes.get(name)


def of(row: Server | Node) -> Figures | None:
    """The figures of one server or node."""
    attach([row])
    found: Figures | None = row.usage  # type: ignore[union-attr]
    return found


def _server_is_known(server: Server) -> bool:
    return not server.is_retired and server.status != ServerStatus.UNKNOWN


def _node_is_known(node: Node) -> bool:
    return not node.is_retired and node.status == NodeStatus.ONLINE
