"""Nodes: their status is the truth about everything on them, so they are brought in line first."""

from datetime import datetime
from typing import Any, Final

from servers.bulk import MISSES_BEFORE_RETIREMENT, bring_in_line, update_many
from servers.models import ChangeKind, Cluster, Node, NodeStatus, StateChange
from servers.proxmox.types import ClusterStatus, NodeFacts

COLUMNS: Final = (
    "status", "status_since", "address", "max_cpu", "max_memory", "max_disk", "support_level", "missing", "retired_at",
)  # fmt: skip


def is_down(cluster_id: int, name: str) -> bool:
    """Whether the last sync saw that the node of that name is not online. One that is not known is not said to be."""
    rows = Node.objects.filter(cluster_id=cluster_id, name=name, retired_at=None)
    return rows.exclude(status=NodeStatus.ONLINE).exists()


def reconcile_nodes(
    cluster: Cluster, rows: list[NodeFacts], status: ClusterStatus | None, moment: datetime, changes: list[StateChange]
) -> dict[str, Node]:
    """Bring the node rows in line. Returns the living ones by name. Call it inside the sync's transaction."""
    known = {node.name: node for node in Node.objects.filter(cluster=cluster, retired_at=None)}
    addresses = status.addresses if status else {}
    touched, new = [], []
    for facts in rows:
        node = known.get(facts.name)
        if node is None:
            node = Node(cluster=cluster, name=facts.name, status_since=moment, first_seen=moment)
            _set_node(node, facts, addresses, moment)
            new.append(node)
        elif _set_node(node, facts, addresses, moment, changes):
            touched.append(node)
    gone = _miss_nodes(known, {facts.name for facts in rows}, moment, changes) if status and status.quorate else []
    Node.objects.bulk_create(new)
    update_many(Node, [*touched, *gone], COLUMNS)
    if cluster.first_complete_at:
        changes += [StateChange(cluster=cluster, node=node, kind=ChangeKind.APPEARED, at=moment) for node in new]
    return {node.name: node for node in [*known.values(), *new] if not node.retired_at}


def _set_node(
    node: Node, facts: NodeFacts, addresses: dict[str, str], moment: datetime, changes: list[StateChange] | None = None
) -> bool:
    wanted: dict[str, Any] = {"status": facts.status, "support_level": facts.level or node.support_level, "missing": 0}
    wanted["address"] = addresses.get(facts.name) or node.address
    for field, value in (("max_cpu", facts.max_cpu), ("max_memory", facts.max_memory), ("max_disk", facts.max_disk)):
        wanted[field] = getattr(node, field) if value is None else value  # an offline row lacks them after 5 minutes
    return bring_in_line(node, wanted, moment, changes, node=node)


def _miss_nodes(known: dict[str, Node], listed: set[str], moment: datetime, changes: list[StateChange]) -> list[Node]:
    """A node that was taken out of a quorate cluster is not listed at all; a dead one is, as offline."""
    gone = [node for name, node in known.items() if name not in listed]
    for node in gone:
        node.missing += 1
        if node.missing >= MISSES_BEFORE_RETIREMENT:
            node.retired_at = moment
            changes.append(StateChange(cluster_id=node.cluster_id, node=node, kind=ChangeKind.RETIRED, at=moment))
    return gone
