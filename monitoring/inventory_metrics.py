"""The families about clusters, nodes and storages. Their last known numbers stay when a sync fails."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

from prometheus_client.core import GaugeMetricFamily, Metric

from servers.models import Cluster, Node, NodeStatus, Snapshot, Storage

CLUSTER_COLUMNS: Final = (
    "name", "enabled", "version", "quorate", "last_attempt_at", "last_success_at", "last_duration", "last_error",
    "failures", "held_retirements", "due_at", "lease_until",
)  # fmt: skip
NODE_USAGE: Final[tuple[tuple[str, str, Callable[[Any], float | None]], ...]] = (
    ("cpu_ratio", "Used part of the node's cores, 0 to 1.", attrgetter("cpu")),
    ("cpu_cores", "Logical cores of the node.", attrgetter("max_cpu")),
    ("memory_used_bytes", "Memory in use on the node.", attrgetter("memory")),
    ("memory_size_bytes", "Memory of the node.", attrgetter("max_memory")),
    ("disk_used_bytes", "Used space of the node's root file system.", attrgetter("disk")),
    ("disk_size_bytes", "Size of the node's root file system.", attrgetter("max_disk")),
    ("uptime_seconds", "Seconds since the node's start.", attrgetter("uptime")),
)


def cluster_families(clusters: Iterable[Cluster]) -> Iterator[Metric]:
    """What is known of each cluster and of its syncs. A cluster that was never tried has not failed."""
    info = GaugeMetricFamily("portal_cluster_info", "Always 1: the cluster's version.", labels=["cluster", "version"])
    quorate = _per_cluster("portal_cluster_quorate", "1 where the cluster has a quorum, else 0.")
    success = _per_cluster("portal_sync_success", "1 where the last sync was good, else 0.")
    duration = _per_cluster("portal_sync_duration_seconds", "Time the last sync took.")
    last = _per_cluster("portal_sync_timestamp_seconds", "When the last good sync began.")
    failures = _per_cluster("portal_sync_failures", "Failed syncs in a row.")
    held = _per_cluster("portal_sync_held_retirements", "Servers that are gone and wait for a person's word.")
    for cluster in clusters:
        name = [cluster.name]
        info.add_metric([*name, cluster.version], 1)
        held.add_metric(name, cluster.held_retirements)
        if cluster.enabled and cluster.quorate is not None:
            quorate.add_metric(name, float(cluster.quorate))
        if cluster.last_success_at:
            last.add_metric(name, cluster.last_success_at.timestamp())
        if cluster.enabled and cluster.last_attempt_at and (cluster.last_success_at or cluster.last_error):
            success.add_metric(name, float(cluster.healthy))
            failures.add_metric(name, cluster.failures)
            duration.add_metric(name, cluster.last_duration or 0.0)
    yield from (info, quorate, success, duration, last, failures, held)


def node_families() -> Iterator[Metric]:
    """Whether each node is online; no sample where nobody knows, nor where nobody asks: a rule would fire for good."""
    status = GaugeMetricFamily("proxmox_node_status", "1 where the node is online, 0 where it is offline.",
                               labels=["cluster", "node"])  # fmt: skip
    rows = Node.objects.filter(retired_at=None, cluster__enabled=True).order_by("cluster__name", "name")
    for cluster, node, state in rows.values_list("cluster__name", "name", "status"):
        if state in (NodeStatus.ONLINE, NodeStatus.OFFLINE):
            status.add_metric([cluster, node], float(state == NodeStatus.ONLINE))
    yield status


def node_usage_families(snapshots: Iterable[tuple[Cluster, Snapshot]]) -> Iterator[Metric]:
    """What each online node of these clusters used at its cluster's last good sync."""
    nodes = [
        ([cluster.name, node.name], node)
        for cluster, snapshot in snapshots
        for node in snapshot.nodes
        if node.status == NodeStatus.ONLINE
    ]
    for name, text, value in NODE_USAGE:
        family = GaugeMetricFamily(f"proxmox_node_{name}", text, labels=["cluster", "node"])
        for labels, node in nodes:
            if (number := value(node)) is not None:
                family.add_metric(labels, number)
        yield family


def storage_families(snapshots: Iterable[tuple[Cluster, Snapshot]]) -> Iterator[Metric]:
    """Used and whole space of each storage: a shared one once, with an empty node.

    Rows are written when the use moved noticeably; where a snapshot is at hand, its figure is the exact one.
    """
    names = ["cluster", "node", "shared", "storage"]
    used = GaugeMetricFamily("proxmox_storage_usage", "Used space of the storage in bytes.", labels=names)
    size = GaugeMetricFamily("proxmox_storage_size_bytes", "Size of the storage.", labels=names)
    ratio = GaugeMetricFamily("proxmox_storage_usage_ratio", "Used part of the storage, 0 to 1.", labels=names)
    exact = _exact(snapshots)
    rows = Storage.objects.filter(retired_at=None, status="available", cluster__enabled=True).order_by(
        "cluster__name", "name", "node__name"
    )
    told = {
        (cluster, node or "", storage, shared): exact.get((cluster, node or "", storage), (taken, whole))
        for cluster, node, storage, shared, taken, whole in rows.values_list(
            "cluster__name", "node__name", "name", "shared", "used", "size"
        )
    }
    for (cluster, node, storage, shared), (taken, whole) in told.items():
        labels = [cluster, node, "true" if shared else "false", storage]
        if taken is not None:
            used.add_metric(labels, taken)
        if whole is not None:
            size.add_metric(labels, whole)
        if taken is not None and whole:
            ratio.add_metric(labels, taken / whole)
    yield from (used, size, ratio)


def _exact(snapshots: Iterable[tuple[Cluster, Snapshot]]) -> dict[tuple[str, str, str], tuple[int, int]]:
    """(cluster, node or "", storage) → (used, size) of what the snapshots say."""
    return {
        (cluster.name, "" if facts.shared else facts.node, facts.name): (facts.used, facts.size)
        for cluster, snapshot in snapshots
        for facts in snapshot.storages
        if facts.used is not None and facts.size is not None and facts.status == "available"
    }


def oldest(snapshots: Iterable[tuple[Cluster, Snapshot]]) -> datetime | None:
    """When the oldest of them was taken."""
    return min((snapshot.taken_at for _cluster, snapshot in snapshots), default=None)


def _per_cluster(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=["cluster"])
