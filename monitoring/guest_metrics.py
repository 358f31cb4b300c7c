"""The families with a line per guest: rendered once per sync, kept in the process as bytes.

Usage comes from the latest snapshot in the cache, states and backups from rows. A guest on a node that is not online,
and every guest of a cluster whose last good sync is older than five minutes, has no sample: unknown is not 0.
"""

import logging
import pickle
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, Final

from redis.exceptions import RedisError

from monitoring import guest_rows
from monitoring.exposition import Family, Format, Packed, escape
from portal.lib import clock
from servers.models import Cluster, NodeStatus, ServerStatus, Snapshot

# Rows change between syncs too (an operator's word, a backup that a rotation found): look again after this time.
GUESTS_AGAIN: Final = timedelta(seconds=10)
BACKUPS_AGAIN: Final = timedelta(minutes=1)
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
    guests_key: object = None
    guests_looked_at: datetime | None = None
    backups_looked_at: datetime | None = None
    snapshot: Snapshot | None = None  # without its guests: nodes and storages are few
    text: dict[str, bytes] = field(default_factory=dict)
    version: int = 0

    def guests_outdated(self, key: object, moment: datetime) -> bool:
        """Whether the states have to be read again."""
        return self.guests_key != key or _passed(self.guests_looked_at, moment, GUESTS_AGAIN)

    def put_all(self, told: Mapping[Family, list[str]], watched: Family | None = None) -> bool:
        """Keep the lines; the version moves only with their content. Returns whether the watched ones changed."""
        changed = {family for family, lines in told.items() if self._put(family, lines)}
        return watched in changed

    def _put(self, family: Family, lines: list[str]) -> bool:
        text = "".join(lines).encode("utf-8", "replace")
        if self.text.get(family.name) == text:
            return False
        self.text[family.name] = text
        self.version += 1
        return True


class GuestTexts:
    """The rendered families of all clusters. One object per process; the threads of a worker share it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._kept: dict[int, Rendered] = {}
        self._packed: dict[str, tuple[object, Packed]] = {}
        # Texts of other parts, by part and format: for what they were made, when, and the text.
        self.others: dict[tuple[str, str], tuple[object, datetime, bytes]] = {}

    def forget(self) -> None:
        """Render everything anew at the next scrape."""
        with self.lock:
            self._kept.clear()
            self._packed.clear()
            self.others.clear()

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
                complete = self._renew(cluster, kept) if time.monotonic() < deadline else _render(cluster, kept, None)
                kept.usage_key = key if complete else None
            if kept.usage_key is None:
                missing.append(cluster.name)
            elif kept.snapshot is not None:
                oldest = min(oldest or kept.snapshot.taken_at, kept.snapshot.taken_at)
        if missing:
            raise SnapshotMissing(f"No snapshot of {', '.join(missing)} in the cache.")
        return oldest

    def refresh_guests(self, clusters: list[Cluster], moment: datetime) -> datetime | None:
        """Render states anew where a sync or ten seconds have passed. Returns the oldest look's time."""
        keys = {cluster.pk: (cluster.name, cluster.last_success_at) for cluster in clusters}
        if any(self._of(cluster).guests_outdated(keys[cluster.pk], moment) for cluster in clusters):
            told = guest_rows.guest_lines(clusters, moment)
            for cluster in clusters:
                kept = self._of(cluster)
                if kept.put_all(told[cluster.pk], guest_rows.INFO):
                    kept.backups_looked_at = None  # somebody came, went or changed the name
                kept.guests_key, kept.guests_looked_at = keys[cluster.pk], moment
        return min((looked for cluster in clusters if (looked := self._of(cluster).guests_looked_at)), default=None)

    def refresh_backups(self, clusters: list[Cluster], moment: datetime) -> datetime | None:
        """Render each guest's newest backup anew once a minute, and when guests changed. Returns the look's time."""
        if any(_passed(self._of(cluster).backups_looked_at, moment, BACKUPS_AGAIN) for cluster in clusters):
            told = guest_rows.backup_lines(clusters, moment)
            for cluster in clusters:
                kept = self._of(cluster)
                kept.put_all(told[cluster.pk])
                kept.backups_looked_at = moment
        return min((looked for cluster in clusters if (looked := self._of(cluster).backups_looked_at)), default=None)

    def drop(self, clusters: Iterable[Cluster], families: Iterable[Family]) -> None:
        """These could not be read: nobody knows whether the texts are still true."""
        for kept in (self._of(cluster) for cluster in clusters):
            kept.guests_key = kept.backups_looked_at = None
            kept.put_all({family: [] for family in families})

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

    @staticmethod
    def _renew(cluster: Cluster, kept: Rendered) -> bool:
        """Render the snapshot in the cache. Returns whether it is the one of the last good sync."""
        try:
            return _render(cluster, kept, cluster.snapshot())
        except UNREADABLE as error:
            logger.warning("The snapshot of %s cannot be read (%s).", cluster.name, type(error).__name__)
            return _render(cluster, kept, None)


def _render(cluster: Cluster, kept: Rendered, snapshot: Snapshot | None) -> bool:
    guests = _visible(cluster.name, snapshot) if snapshot and _is_recent(snapshot) else []
    for family, value in USAGE:
        name = family.name
        # "+ 0" raises where a value is no number: one such line would make the whole page invalid.
        lines = [f"{name}{who} {v + 0}\n" for who, guest in guests if (v := value(guest)) is not None]
        kept.put_all({family: lines})
    kept.snapshot = Snapshot(snapshot.taken_at, snapshot.nodes, [], snapshot.storages) if snapshot else None
    return snapshot is not None and snapshot.taken_at >= (cluster.last_success_at or snapshot.taken_at)


def _passed(looked_at: datetime | None, moment: datetime, span: timedelta) -> bool:
    return looked_at is None or abs(moment - looked_at) > span


def _is_recent(snapshot: Snapshot) -> bool:
    return clock.now() - snapshot.taken_at <= timedelta(minutes=5)


def _visible(cluster: str, snapshot: Snapshot) -> list[tuple[str, Any]]:
    """(labels, guest) of each guest whose figures are true. A vmid counts once, also if it is listed twice."""
    online = {node.name for node in snapshot.nodes if node.status == NodeStatus.ONLINE}
    guests = {guest.vmid: guest for guest in reversed(snapshot.guests)}
    seen = ((vmid, guests[vmid]) for vmid in sorted(guests))
    start = f'cluster="{escape(cluster)}"'
    return [
        (f'{{{start},name="{escape(guest.name)}",vmid="{vmid}"}}', guest)
        for vmid, guest in seen
        if guest.node in online and not guest.template and guest.status != ServerStatus.UNKNOWN
    ]
