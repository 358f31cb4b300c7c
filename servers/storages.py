"""Storages: Proxmox lists one row per node, also where the storage is shared. Ours is one row for a shared one."""

from datetime import datetime
from typing import Any, Final

from servers.bulk import MISSES_BEFORE_RETIREMENT, bring_in_line, update_many
from servers.models import ChangeKind, Cluster, Node, NodeStatus, StateChange, Storage
from servers.proxmox.types import StorageFacts

COLUMNS: Final = ("plugin_type", "content", "shared", "status", "status_since", "used", "size", "missing", "retired_at")
NOTICEABLE: Final = 0.005  # a row is written when the used part of the size moved by half a percent

Key = tuple[str, str]  # (node name or "" for a shared one, storage name)


def reconcile_storages(
    cluster: Cluster, nodes: dict[str, Node], rows: list[StorageFacts], moment: datetime, changes: list[StateChange]
) -> None:
    """Bring the storage rows in line. Call it inside the sync's transaction."""
    listed = _merge(rows, nodes)
    living = Storage.objects.filter(cluster=cluster, retired_at=None).select_related("node")
    known: dict[Key, Storage] = {(row.node.name if row.node else "", row.name): row for row in living}
    new, touched = [], []
    for key, facts in listed.items():
        storage = known.get(key)
        if storage is None:
            storage = Storage(cluster=cluster, node=nodes[key[0]] if key[0] else None, name=facts.name)
            storage.first_seen = moment
            _set(storage, facts, moment, None)
            new.append(storage)
        elif _set(storage, facts, moment, changes):
            touched.append(storage)
    for key in known.keys() - listed.keys():
        touched.append(_miss(known[key], moment, changes))
    update_many(Storage, touched, COLUMNS)
    Storage.objects.bulk_create(new)
    if cluster.first_complete_at:
        changes += [StateChange(cluster=cluster, storage=s, kind=ChangeKind.APPEARED, at=moment) for s in new]


def _merge(rows: list[StorageFacts], nodes: dict[str, Node]) -> dict[Key, StorageFacts]:
    """One entry per storage: of a shared one, the view of a node that sees it."""
    merged: dict[Key, StorageFacts] = {}
    for facts in rows:
        node = nodes.get(facts.node)
        if node is None:
            continue
        key = ("", facts.name) if facts.shared else (facts.node, facts.name)
        seen = _as_seen(facts, node)
        if key not in merged or (merged[key].status != "available" and seen.status == "available"):
            merged[key] = seen
    return merged


def _as_seen(facts: StorageFacts, node: Node) -> StorageFacts:
    """A dead node's storages go on saying "available" for five minutes: its status is the truth."""
    if node.status == NodeStatus.ONLINE:
        return facts
    return StorageFacts(
        facts.name, facts.node, facts.plugin_type, facts.content, facts.shared, "unknown", None, None
    )  # fmt: skip


def _set(storage: Storage, facts: StorageFacts, moment: datetime, changes: list[StateChange] | None) -> bool:
    wanted: dict[str, Any] = {"status": facts.status, "shared": facts.shared, "missing": 0}
    wanted["plugin_type"] = facts.plugin_type or storage.plugin_type
    wanted["content"] = facts.content or storage.content
    if facts.size is not None and facts.size != storage.size:
        wanted["size"] = facts.size
    if facts.used is not None and _noticeable(storage, facts):
        wanted["used"] = facts.used
    return bring_in_line(storage, wanted, moment, changes, storage=storage)


def _noticeable(storage: Storage, facts: StorageFacts) -> bool:
    if storage.used is None or not facts.size or facts.used is None:
        return True
    return abs(facts.used - storage.used) >= facts.size * NOTICEABLE


def _miss(storage: Storage, moment: datetime, changes: list[StateChange]) -> Storage:
    storage.missing = min(storage.missing + 1, MISSES_BEFORE_RETIREMENT)
    if storage.missing >= MISSES_BEFORE_RETIREMENT:
        storage.retired_at = moment
        changes.append(
            StateChange(cluster_id=storage.cluster_id, storage=storage, kind=ChangeKind.RETIRED, at=moment)
        )  # fmt: skip
    return storage
