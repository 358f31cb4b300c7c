"""The families about work: what waits, how long it has waited, what became of it. From rows; lengths from the broker.

Celery's own counters live in its processes and die with them, so they are not used: what must be right is a row, and
the outcomes of tasks are counted in Redis (``portal.lib.outcomes``).
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import redis
from django.conf import settings
from django.core.cache import cache
from django.db.models import Count, Min, QuerySet
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from monitoring.models import Inbound, Incident, Severity
from notifications import figures as figures_of_messages
from portal.lib.outcomes import counts as task_outcomes
from servers.models import Cluster, Operation, OperationState, StateChange

TICK_KEY: Final = "monitoring:tick"
BROKER_SECONDS: Final = 1.0


def note_tick(moment: datetime) -> None:
    """A task of the beat has run: the beat, the broker and a worker are alive."""
    cache.set(TICK_KEY, moment.timestamp(), 24 * 3600)


def notification_families() -> Iterator[Metric]:
    """What became of messages, and what is on its way."""
    figures = figures_of_messages()
    total = CounterMetricFamily(
        "portal_notifications", "Deliveries of messages, by channel kind and result.", labels=["kind", "result"]
    )
    for (kind, result), number in sorted(figures.counts.items()):
        total.add_metric([kind, result], number)
    queue = GaugeMetricFamily("portal_deliveries", "Deliveries that somebody has to deal with.", labels=["state"])
    for state, number in sorted(figures.queue.items()):
        queue.add_metric([state], number)
    suppressed = CounterMetricFamily(
        "notification_suppressed", "How often somebody was not told, by reason.", labels=["reason"]
    )
    for reason, number in sorted(figures.suppressed.items()):
        suppressed.add_metric([reason], number)
    yield total
    yield suppressed
    yield queue
    yield GaugeMetricFamily(
        "portal_delivery_oldest_due_seconds", "How late the latest delivery is.", value=figures.oldest_due_seconds
    )


def incident_families() -> Iterator[Metric]:
    """Open incidents."""
    rows = Incident.objects.filter(closed_at=None).order_by().values_list("severity").annotate(Count("pk"))
    counts = {str(severity): 0 for severity in Severity.values} | dict(rows)
    family = GaugeMetricFamily("portal_incidents", "Open incidents, by severity.", labels=["severity"])
    for severity, number in sorted(counts.items()):
        family.add_metric([severity], number)
    yield family


def work_families(moment: datetime) -> Iterator[Metric]:
    """Operations under way and changes that nobody has looked at."""
    active = Operation.objects.filter(state__in=Operation.ACTIVE)
    rows = active.order_by().values_list("state").annotate(Count("pk"))
    counts = {str(state): 0 for state in Operation.ACTIVE} | dict(rows)
    family = GaugeMetricFamily("portal_operations", "Operations that are not over, by state.", labels=["state"])
    for state, number in sorted(counts.items()):
        family.add_metric([state], number)
    yield family
    oldest = active.aggregate(oldest=Min("requested_at"))["oldest"]
    age = (moment - oldest).total_seconds() if oldest else 0.0
    yield GaugeMetricFamily("portal_operation_oldest_seconds", "Age of the oldest operation under way.", value=age)
    failed = Operation.objects.filter(state__in=[OperationState.FAILED, OperationState.LOST]).count()
    succeeded = Operation.objects.filter(state__in=[OperationState.SUCCEEDED, OperationState.WARNINGS]).count()
    ended = GaugeMetricFamily("portal_operations_ended", "Operations kept that are over.", labels=["result"])
    ended.add_metric(["failed"], failed)
    ended.add_metric(["succeeded"], succeeded)
    yield ended
    yield from _backlog(moment)


def _backlog(moment: datetime) -> Iterator[Metric]:
    """The rows that are the queues: how much is due, and how long the oldest has been."""
    active = Operation.objects.filter(state__in=Operation.ACTIVE)
    queues: dict[str, tuple[QuerySet[Any], str]] = {
        "changes": (StateChange.objects.filter(processed_at=None), "at"),
        "operations": (active.filter(due_at__lte=moment), "due_at"),
        "syncs": (Cluster.due(moment), "due_at"),
        "webhooks": (Inbound.objects.filter(processed_at=None), "received_at"),
    }
    length = GaugeMetricFamily("portal_work_due", "Rows that a worker is to look at, by kind.", labels=["queue"])
    age = GaugeMetricFamily("portal_work_oldest_due_seconds", "How long the oldest of them waits.", labels=["queue"])
    for name, (rows, column) in queues.items():
        found = rows.order_by().aggregate(number=Count("pk"), oldest=Min(column))
        length.add_metric([name], found["number"])
        age.add_metric([name], max(0.0, (moment - found["oldest"]).total_seconds()) if found["oldest"] else 0.0)
        if name == "changes":
            waiting = found["number"]
    yield length
    yield age
    yield GaugeMetricFamily("portal_changes_unprocessed", "Changes that no worker has looked at.", value=waiting)


def broker_families(moment: datetime) -> Iterator[Metric]:
    """How many tasks wait in Redis, how tasks ended, and when one of the beat last ran. Raises where Redis cannot be
    reached."""
    with redis.Redis.from_url(
        settings.PORTAL_REDIS_URL, socket_connect_timeout=BROKER_SECONDS, socket_timeout=BROKER_SECONDS
    ) as client:
        ours = settings.CELERY_BROKER_URL.startswith("redis")
        length = client.llen(settings.CELERY_TASK_DEFAULT_QUEUE) if ours else None
        outcomes = task_outcomes(client)
    if length is not None:
        yield GaugeMetricFamily("portal_queue_length", "Tasks that wait for a worker.", value=float(length))
    ended = CounterMetricFamily("portal_tasks", "Runs of tasks, by how they ended.", labels=["result", "task"])
    for (task, result), number in sorted(outcomes.items()):
        ended.add_metric([result, task], number)
    yield ended
    if (tick := cache.get(TICK_KEY)) is not None:
        yield GaugeMetricFamily("portal_last_tick_timestamp_seconds", "When a task of the beat last ran.", value=tick)
        lag = max(0.0, moment.timestamp() - tick)
        yield GaugeMetricFamily("portal_beat_lag_seconds", "How long ago a task of the beat last ran.", value=lag)
