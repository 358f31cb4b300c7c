"""The families of what the rotation asks nodes for: load averages, and when certificates end."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q
from prometheus_client.core import GaugeMetricFamily, Metric

from servers.models import Cluster, Finding

# Older loads are the past. Certificates do not change with the hour.
LOAD_IS_FRESH_FOR: Final = timedelta(minutes=15)
MINUTES: Final = (1, 5, 15)


def finding_families(clusters: Iterable[Cluster], moment: datetime) -> Iterator[Metric]:
    """Of clusters whose last good sync is recent. A node that is offline is no longer asked, and has no samples."""
    names = {cluster.pk: cluster.name for cluster in clusters}
    loads = [
        GaugeMetricFamily(f"proxmox_node_load{minutes}", f"Load average of {minutes} min.", labels=["cluster", "node"])
        for minutes in MINUTES
    ]
    ends = GaugeMetricFamily(
        "proxmox_node_certificate_expiry_timestamp_seconds", "When a certificate of the node ends.",
        labels=["certificate", "cluster", "node"],
    )  # fmt: skip
    told = Q(key__startswith="load@") | Q(key__startswith="certificates@")
    rows = Finding.objects.filter(told, cluster__in=names).order_by("cluster_id", "key")
    for cluster, key, found, at in rows.values_list("cluster_id", "key", "value", "at"):
        kind, _, node = key.partition("@")
        labels = [names[cluster], node]
        if kind == "load" and moment - at <= LOAD_IS_FRESH_FOR:
            for family, value in zip(loads, found, strict=True):
                family.add_metric(labels, value)
        elif kind == "certificates":
            for name, end in sorted(found.items()):
                ends.add_metric([name, *labels], end)
    yield from (*loads, ends)
