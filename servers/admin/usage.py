"""Usage figures for the pages: from the cache, one read per cluster and page, never a query per row."""

from typing import Any

from servers.models import Cluster, Node, Server, Snapshot
from servers.proxmox.types import Guest, NodeFacts


class Usage:
    """The figures of the clusters that one page speaks of. Live for one request."""

    def __init__(self) -> None:
        self._snapshots: dict[int, Snapshot | None] = {}
        self._guests: dict[int, dict[int, Guest]] = {}
        self._nodes: dict[int, dict[str, NodeFacts]] = {}

    def snapshot(self, cluster: Cluster) -> Snapshot | None:
        """The latest full answer of that cluster, read once."""
        if cluster.pk not in self._snapshots:
            found = cluster.snapshot()
            self._snapshots[cluster.pk] = found
            self._guests[cluster.pk] = {guest.vmid: guest for guest in found.guests} if found else {}
            self._nodes[cluster.pk] = {node.name: node for node in found.nodes} if found else {}
        return self._snapshots[cluster.pk]

    def of_server(self, server: Server) -> Guest | None:
        """What the server uses at present; None while that is unknown (retired, node offline, no snapshot)."""
        if server.is_retired or server.status == "unknown" or self.snapshot(server.cluster) is None:
            return None
        return self._guests[server.cluster_id].get(server.vmid)

    def of_node(self, node: Node) -> NodeFacts | None:
        """What the node uses at present; None while that is unknown."""
        if node.is_retired or node.status != "online" or self.snapshot(node.cluster) is None:
            return None
        return self._nodes[node.cluster_id].get(node.name)


def attach(rows: list[Any], usage: Usage) -> None:
    """Put the figures on the rows of a list page, as ``row.usage``."""
    for row in rows:
        row.usage = usage.of_server(row) if isinstance(row, Server) else usage.of_node(row)
