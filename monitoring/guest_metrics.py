"""The families with a line per guest: rendered once per sync, kept in the process as bytes.

Usage comes from the latest snapshot in the cache, states and backups from rows. A guest on a node that is not online,
and every guest of a cluster whose last good sync is older than five minutes, has no sample: unknown is not 0.
"""

import logging
import pickle
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, Final

from redis.exceptions import RedisError

from monitoring import guest_rows
from monitoring.exposition import Family, Format, Packed, labels
from portal.lib import clock
from servers.models import Cluster, NodeStatus, ServerStatus, Snapshot

# Rows change between syncs too (an operator's word, a backup found by a rotation): look again after this time.
LOOK_AGAIN: Final = timedelta(seconds=10)
# A cache that answers slowly, or not at all, holds a scrape up for this many seconds and not once per cluster.
PATIENCE: Final = 1.5
UNREADABLE: Final = (
    zlib.error, pickle.UnpicklingError, EOFError, ValueError, TypeError, LookupError, AttributeError, RedisError,
)  # fmt: skip
logger = logging.getLogger(__name__)

USAGE: Final[tuple[tuple[Family, Callable[[Any], int | float | None]], ...]] = tuple(
    (Family(f"proxmox_guest_{name}", kind, text), attrgetter(attribute))
    for name, kind, text, attribute in (
        ("cpu_ratio", "gauge", "Used part of the guest's cores, 0 to 1.", "cpu"),
        ("cpu_cores", "gauge", "Cores of the guest.", "max_cpu"),
        ("memory_used_bytes", "gauge", "Memory the guest uses.", "memory"),
        ("memory_size_bytes", "gauge", "Memory the guest has.", "max_memory"),
        ("disk_used_bytes", "gauge", "Used space of a container's root disk; Proxmox does not know a VM's.", "disk"),
        ("disk_size_bytes", "gauge", "Size of the guest's root disk.", "max_disk"),
        ("network_receive_bytes_total", "counter", "Bytes the guest received since its start.", "net_in"),
        ("network_transmit_bytes_total", "counter", "Bytes the guest sent since its start.", "net_out"),
        ("disk_read_bytes_total", "counter", "Bytes the guest read from its disks since its start.", "disk_read"),
        ("disk_written_bytes_total", "counter", "Bytes the guest wrote to its disks since its start.", "disk_write"),
        ("uptime_seconds", "gauge", "Seconds since the guest's start, 0 while it is not running.", "uptime"),
    )
)
FAMILIES: Final = (*(family for family, _value in USAGE), *guest_rows.FAMILIES)


class SnapshotMissing(Exception):
    """The cache has not got what the last good sync put there."""


@dataclass(slots=True)
class Rendered:
    """What is kept of one cluster: bytes per family."""

    usage_key: object = None
    rows_key: object = None
    looked_at: datetime | None = None
    snapshot: Snapshot | None = None  # without its guests: nodes and storages are few
    text: dict[str, bytes] = field(default_factory=dict)
    version: int = 0

    def put(self, family: Family, text: bytes) -> None:
        """Keep the text; the version moves only with its content."""
        if self.text.get(family.name) != text:
            self.text[family.name] = text
            self.version += 1


class GuestTexts:
    """The rendered families of all clusters. One object per process; the threads of a worker share it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._kept: dict[int, Rendered] = {}
        self._packed: dict[str, tuple[object, Packed]] = {}

    def forget(self) -> None:
        """Render everything anew at the next scrape."""
        with self.lock:
            self._kept.clear()
            self._packed.clear()

    def refresh_usage(self, clusters: Iterable[Cluster]) -> datetime | None:
        """Render the usage of the clusters that were synced since. Returns the oldest snapshot's time.

        Raises SnapshotMissing (after having done all others) where a cluster's snapshot is not in the cache.
        """
        missing: list[str] = []
        oldest: datetime | None = None
        self._keep_only(clusters)
        deadline = time.monotonic() + PATIENCE
        for cluster in clusters:
            kept, key = self._of(cluster), (cluster.name, cluster.last_success_at)
            if kept.usage_key != key:
                snapshot = _load(cluster) if time.monotonic() < deadline else None
                complete = snapshot is not None and snapshot.taken_at >= (cluster.last_success_at or snapshot.taken_at)
                kept.usage_key = key if complete else None
                self._render_usage(cluster, kept, snapshot)
            if kept.usage_key is None:
                missing.append(cluster.name)
            elif kept.snapshot is not None:
                oldest = min(oldest or kept.snapshot.taken_at, kept.snapshot.taken_at)
        if missing:
            raise SnapshotMissing(f"No snapshot of {', '.join(missing)} in the cache.")
        return oldest

    def refresh_rows(self, clusters: list[Cluster], moment: datetime) -> datetime | None:
        """Render states and backups anew where a sync or ten seconds have passed. Returns the oldest look's time."""
        keys = {cluster.pk: (cluster.name, cluster.last_success_at) for cluster in clusters}
        if any(self._outdated(self._of(cluster), keys[cluster.pk], moment) for cluster in clusters):
            states, backups = guest_rows.guests(clusters), guest_rows.backups(clusters)
            for cluster in clusters:
                kept = self._of(cluster)
                kept.rows_key, kept.looked_at = keys[cluster.pk], moment
                for family, samples in guest_rows.guest_samples(cluster.name, states[cluster.pk]):
                    kept.put(family, family.lines(samples))
                for family, samples in guest_rows.backup_samples(cluster.name, backups[cluster.pk], moment):
                    kept.put(family, family.lines(samples))
        return min((looked for cluster in clusters if (looked := self._of(cluster).looked_at)), default=None)

    def drop_rows(self, clusters: Iterable[Cluster]) -> None:
        """The rows could not be read: nobody knows whether the texts are still true."""
        for kept in (self._of(cluster) for cluster in clusters):
            kept.rows_key = None
            for family in guest_rows.FAMILIES:
                kept.put(family, b"")

    def snapshot(self, cluster: Cluster) -> Snapshot | None:
        """Nodes and storages of the cluster's latest snapshot, as ``refresh_usage`` found it. Its guests are gone."""
        return self._of(cluster).snapshot

    def pieces(self, clusters: list[Cluster], fmt: Format) -> Iterator[bytes]:
        """All families of these clusters, family by family."""
        for family in FAMILIES:
            yield family.header(fmt)
            for cluster in clusters:
                yield self._of(cluster).text.get(family.name, b"")

    def packed(self, clusters: list[Cluster], fmt: Format) -> Packed:
        """The same, deflated, and kept until one of them changes."""
        key = tuple((cluster.pk, cluster.name, self._of(cluster).version) for cluster in clusters)
        known = self._packed.get(fmt.name)
        if known is None or known[0] != key:
            known = self._packed[fmt.name] = (key, Packed.of(self.pieces(clusters, fmt)))
        return known[1]

    def _keep_only(self, clusters: Iterable[Cluster]) -> None:
        living = {cluster.pk for cluster in clusters}
        for gone in self._kept.keys() - living:
            del self._kept[gone]

    def _of(self, cluster: Cluster) -> Rendered:
        return self._kept.setdefault(cluster.pk, Rendered())

    def _render_usage(self, cluster: Cluster, kept: Rendered, snapshot: Snapshot | None) -> None:
        guests = _visible(cluster.name, snapshot) if snapshot and _is_recent(snapshot) else []
        for family, value in USAGE:
            name = family.name
            text = "".join([f"{name}{label} {v}\n" for label, guest in guests if (v := value(guest)) is not None])
            kept.put(family, text.encode("utf-8", "replace"))
        kept.snapshot = Snapshot(snapshot.taken_at, snapshot.nodes, [], snapshot.storages) if snapshot else None

    @staticmethod
    def _outdated(kept: Rendered, key: object, moment: datetime) -> bool:
        return kept.rows_key != key or kept.looked_at is None or abs(moment - kept.looked_at) > LOOK_AGAIN


def _load(cluster: Cluster) -> Snapshot | None:
    """The cluster's snapshot; None also where the cache holds something that is none."""
    try:
        return cluster.snapshot()
    except UNREADABLE as error:
        logger.warning("The snapshot of %s cannot be read (%s).", cluster.name, type(error).__name__)
        return None


def _is_recent(snapshot: Snapshot) -> bool:
    return clock.now() - snapshot.taken_at <= timedelta(minutes=5)


def _visible(cluster: str, snapshot: Snapshot) -> list[tuple[str, Any]]:
    """(labels, guest) of each guest whose figures are true. A vmid counts once, also if it is listed twice."""
    online = {node.name for node in snapshot.nodes if node.status == NodeStatus.ONLINE}
    guests = {guest.vmid: guest for guest in reversed(snapshot.guests)}
    return [
        (labels(cluster=cluster, name=guest.name, vmid=vmid), guest)
        for vmid, guest in sorted(guests.items())
        if guest.node in online and not guest.template and guest.status != ServerStatus.UNKNOWN
    ]
