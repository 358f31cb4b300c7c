"""The latest full answer of a cluster, compressed in the cache: usage figures are never written as rows."""

import json
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime

from django.core.cache import cache

from servers import figures
from servers.proxmox.types import Guest, NodeFacts, StorageFacts

KEEP_SECONDS = 15 * 60
FORMAT = 2  # raised when the types change, so that an old worker's entry counts as absent


@dataclass(slots=True, frozen=True)
class Snapshot:
    """What one cluster looked like at ``taken_at``."""

    taken_at: datetime
    nodes: list[NodeFacts]
    guests: list[Guest]
    storages: list[StorageFacts]


def save(cluster_id: int, snapshot: Snapshot) -> None:
    """Keep it for a quarter of an hour. Without Redis this does nothing."""
    rows = {
        "at": snapshot.taken_at.timestamp(),
        "nodes": snapshot.nodes,
        "guests": snapshot.guests,
        "storages": snapshot.storages,
    }
    packed = zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), level=1)
    cache.set(_key(cluster_id), packed, KEEP_SECONDS)
    cache.set_many(figures.pieces(cluster_id, snapshot.taken_at, snapshot.guests, snapshot.nodes), KEEP_SECONDS)


def load(cluster_id: int) -> Snapshot | None:
    """The latest one, or None where there is none (any more) or Redis cannot be reached."""
    packed = cache.get(_key(cluster_id))
    if packed is None:
        return None
    rows = json.loads(zlib.decompress(packed))
    return Snapshot(
        taken_at=datetime.fromtimestamp(rows["at"], UTC),
        nodes=[NodeFacts(*row) for row in rows["nodes"]],
        guests=[Guest(*row) for row in rows["guests"]],
        storages=[StorageFacts(*row) for row in rows["storages"]],
    )


def _key(cluster_id: int) -> str:
    return f"snapshot:{FORMAT}:{cluster_id}"
