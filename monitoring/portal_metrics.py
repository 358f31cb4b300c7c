"""The families about the business: servers, backups, people; and about the portal itself."""

import platform
import tomllib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Final

import django
from django.conf import settings
from django.db.models import Count, Q
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from monitoring.models import ActiveUser, AlertThreshold
from servers.models import Backup, Cluster, Counter, Server, ServerStatus

WINDOWS: Final = {"5m": timedelta(minutes=5), "1h": timedelta(hours=1), "1d": timedelta(days=1)}
VERIFICATIONS: Final = {"": "unverified", "ok": "verified", "failed": "failed"}


def server_families() -> Iterator[Metric]:
    """How many servers there are in each state. Templates are no servers, and retired rows are history."""
    counts = {str(status): 0 for status in ServerStatus.values}
    # "IN (false)" and not "NOT template": so the index on these columns answers, a third of the time.
    rows = Server.objects.filter(retired_at=None, template__in=[False]).order_by().values_list("status")
    counts |= dict(rows.annotate(number=Count("pk")))
    yield GaugeMetricFamily("active_servers_total", "Servers that are running.", value=counts[ServerStatus.RUNNING])
    servers = GaugeMetricFamily("portal_servers", "Servers by state.", labels=["status"])
    for status, number in sorted(counts.items()):
        servers.add_metric([status], number)
    yield servers


def counter_families(clusters: Iterable[Cluster]) -> Iterator[Metric]:
    """What was counted in rows, which never fall. Each is there with 0 before the first event."""
    values = {
        (name, cluster): value for name, cluster, value in Counter.objects.values_list("name", "cluster", "value")
    }
    for name, text in (
        (Counter.CREATED, "Servers that appeared, whoever made them."),
        (Counter.DELETED, "Servers that were deleted, whoever did it."),
    ):
        total = sum(value for (counted, _cluster), value in values.items() if counted == name)
        yield CounterMetricFamily(name, text, value=total)
    known = {cluster.name for cluster in clusters}
    for name, text in (
        (Counter.BACKUP_SUCCESS, "Backup runs that succeeded."),
        (Counter.BACKUP_FAILURE, "Backup runs that failed."),
    ):
        family = CounterMetricFamily(name, text, labels=["cluster"])
        for cluster in sorted(known | {cluster for counted, cluster in values if counted == name}):
            family.add_metric([cluster], values.get((name, cluster), 0))
        yield family


def backup_families(clusters: Iterable[Cluster]) -> Iterator[Metric]:
    """How many backups there are, by what is known of their soundness."""
    names = {cluster.pk: cluster.name for cluster in clusters}
    counts = {(name, word): 0 for name in names.values() for word in VERIFICATIONS.values()}
    rows = Backup.objects.filter(gone_at=None, cluster__in=names).order_by().values_list("cluster_id", "verification")
    for cluster, verification, number in rows.annotate(number=Count("*")):
        counts[names[cluster], VERIFICATIONS.get(verification, verification)] = number
    yield GaugeMetricFamily("backup_count_total", "Backups that exist now.", value=sum(counts.values()))
    backups = GaugeMetricFamily(
        "portal_backups", "Backups that exist now, by cluster and verification.", labels=["cluster", "status"]
    )
    for (cluster, status), number in sorted(counts.items()):
        backups.add_metric([cluster, status], number)
    yield backups


def user_families(moment: datetime) -> Iterator[Metric]:
    """How many people worked with the portal lately."""
    counts = ActiveUser.objects.aggregate(
        **{f"last_{name}": Count("pk", filter=Q(last_seen__gte=moment - span)) for name, span in WINDOWS.items()}
    )
    users = GaugeMetricFamily("active_users", "People with a request in this time.", labels=["window"])
    for name in WINDOWS:
        users.add_metric([name], counts[f"last_{name}"])
    yield users


def threshold_families() -> Iterator[Metric]:
    """With what the alert rules compare."""
    thresholds = GaugeMetricFamily(
        "portal_alert_threshold", "With what the alert rule of that name compares.", labels=["alert"]
    )
    for alert, value in AlertThreshold.objects.order_by("alert").values_list("alert", "value"):
        thresholds.add_metric([alert], value)
    yield thresholds


def build_families() -> Iterator[Metric]:
    """What runs here."""
    info = GaugeMetricFamily("portal_build_info", "Always 1: versions.", labels=["django", "python", "version"])
    info.add_metric([django.get_version(), platform.python_version(), version()], 1)
    yield info


@cache
def version() -> str:
    """The portal's version, as the project's file says."""
    with (settings.BASE_DIR / "pyproject.toml").open("rb") as stream:
        return str(tomllib.load(stream)["project"]["version"])
