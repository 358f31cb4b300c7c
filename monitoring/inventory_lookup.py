"""Finds the things of our inventory that messages speak of; each name is asked for once per message."""

from functools import cached_property

from servers.models import Cluster, Node, Server

Things = tuple[Server | None, Node | None, Cluster | None]


class Lookup:
    """Clusters, nodes and servers by the names and numbers that others use. One per message, not kept."""

    def __init__(self) -> None:
        self._nodes: dict[tuple[int, str], Node | None] = {}
        self._servers: dict[tuple[int, int], Server | None] = {}

    @cached_property
    def _clusters(self) -> dict[str, Cluster]:
        return {cluster.name: cluster for cluster in Cluster.objects.all()}

    def cluster(self, name: str) -> Cluster | None:
        """The cluster of that name."""
        return self._clusters.get(name)

    def node(self, cluster: Cluster, name: str) -> Node | None:
        """The node of that name that is not retired."""
        key = (cluster.pk, name)
        if key not in self._nodes:
            self._nodes[key] = Node.objects.filter(cluster=cluster, name=name, retired_at=None).first()
        return self._nodes[key]

    def server(self, cluster: Cluster, vmid: str) -> Server | None:
        """The living server with that number."""
        if not vmid.isascii() or not vmid.isdecimal() or len(vmid) > 9:
            return None
        key = (cluster.pk, int(vmid))
        if key not in self._servers:
            living = Server.objects.filter(cluster=cluster, retired_at=None).select_related("node", "cluster")
            self._servers[key] = living.filter(vmid=int(vmid)).first()
        return self._servers[key]

    def things(self, labels: dict[str, str]) -> Things:
        """The server, node and cluster that labels name."""
        cluster = self.cluster(labels["cluster"]) if labels.get("cluster") else None
        if cluster is None:
            return None, None, None
        node = self.node(cluster, labels["node"]) if labels.get("node") else None
        return self.server(cluster, labels.get("vmid", "")), node, cluster
