"""What belongs to the thing of an incident: itself, and what it rests on. Each as a condition for one kind of row."""

from dataclasses import dataclass
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q

from monitoring.models import Incident
from servers.models import Cluster, Node, Server, Storage


@dataclass(frozen=True)
class Scope:
    """The server, node, storages and cluster that an incident is about or rests on."""

    cluster: Cluster | None
    node: Node | None
    server: Server | None
    storages: tuple[int, ...]

    @classmethod
    def of(cls, incident: Incident) -> "Scope":
        """That of an incident. One query, for its storages."""
        server = incident.server
        node = incident.node or (server.node if server else None)
        cluster = incident.cluster or (server.cluster if server else None)
        return cls(cluster, node, server, _storages(incident, cluster, node))

    def of_changes(self) -> Q:
        """Changes of these things; of a node also those of what is on it, of a cluster all."""
        if self.cluster is None:
            return Q(pk__in=[])
        whole = Q(cluster=self.cluster)
        if self.server is None and self.node is None and not self.storages:
            return whole
        found = Q(storage__in=self.storages) | Q(server=None, node=None, storage=None)
        if self.node:
            found |= Q(node=self.node, server=None)
        if self.server:
            found |= Q(server=self.server)
        elif self.node:
            found |= Q(server__node=self.node)
        return whole & found

    def of_work(self) -> Q:
        """Operations and backup runs: on that server, on its node, in its cluster."""
        if self.cluster is None:
            return Q(pk__in=[])
        if self.server:
            own = Q(server=self.server)
            return Q(cluster=self.cluster) & (own | Q(node_name=self.node.name) if self.node else own)
        return Q(cluster=self.cluster, node_name=self.node.name) if self.node else Q(cluster=self.cluster)

    def of_edits(self) -> Q:
        """Entries of the audit trail about these things."""
        found = Q(pk__in=[])
        for model, keys in self._keys().items():
            if keys:
                found |= Q(content_type=ContentType.objects.get_for_model(model), object_id__in=keys)
        return found

    def _keys(self) -> dict[type[Model], list[int]]:
        one: Any = {Cluster: self.cluster, Node: self.node, Server: self.server}
        keys: dict[type[Model], list[int]] = {model: [thing.pk] if thing else [] for model, thing in one.items()}
        return keys | {Storage: list(self.storages)}


def _storages(incident: Incident, cluster: Cluster | None, node: Node | None) -> tuple[int, ...]:
    """The storage that it is about, else those that its node reaches."""
    if cluster is None:
        return ()
    near = Storage.objects.filter(cluster=cluster, retired_at=None)
    if named := incident.labels.get("storage"):
        near = near.filter(name=named)
    elif node is None:
        return ()
    if node:
        near = near.filter(Q(node=node) | Q(node=None))
    return tuple(near.order_by().values_list("pk", flat=True))
