"""The families about work: what waits, how long it has waited, what became of it. From rows; lengths from the broker.

Celery's own counters live in its processes and die with them, so they are not used: what must be right is a row, and
the outcomes of tasks are counted in Redis (``portal.lib.outcomes``).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.core.cache import cache
from django.db.models import Count, Min, Q, QuerySet
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from monitoring.models import Inbound, Incident, Severity
from notifications import figures as figures_of_messages
from portal.lib.outcomes import client_of
from portal.lib.outcomes import counts as task_outcomes
from servers.models import Cluster, Operation, OperationState, StateChange

TICK_KEY: Final = "monitoring:tick"
ENDED: Final = {
    "failed": (OperationState.FAILED, OperationState.LOST),
    "succeeded": (OperationState.SUCCEEDED, OperationState.WARNINGS),
}
Waiting = tuple[int, datetime | None]  # how many rows, and since when the oldest


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


def work_families(clusters: Iterable[Cluster], moment: datetime) -> Iterator[Metric]:
    """Operations under way and over, and the rows that are the queues: how much is due, and since when."""
    active = _active(moment)
    family = GaugeMetricFamily("portal_operations", "Operations that are not over, by state.", labels=["state"])
    for state in sorted(Operation.ACTIVE):
        family.add_metric([state], active[state].number if state in active else 0)
    yield family
    age = _age(min((found.requested for found in active.values()), default=None), moment)
    yield GaugeMetricFamily("portal_operation_oldest_seconds", "Age of the oldest operation under way.", value=age)
    rows = Operation.objects.filter(state__in=sum(ENDED.values(), ())).order_by().values_list("state")
    numbers = dict(rows.annotate(number=Count("pk")))
    ended = GaugeMetricFamily("portal_operations_ended", "Operations kept that are over.", labels=["result"])
    for result, states in ENDED.items():
        ended.add_metric([result], sum(numbers.get(state, 0) for state in states))
    yield ended
    due = [(found.due, found.due_since) for found in active.values()]
    yield from _backlog(
        {
            "changes": _waiting(StateChange.objects.filter(processed_at=None), "at"),
            "operations": (sum(number for number, _at in due), min((at for _n, at in due if at), default=None)),
            "syncs": _syncs_due(clusters, moment),
            "webhooks": _waiting(Inbound.objects.filter(processed_at=None), "received_at"),
        },
        moment,
    )


@dataclass(slots=True, frozen=True)
class OfState:
    """The operations in one state: how many, since when, how many of them are due, and since when."""

    number: int
    requested: datetime
    due: int
    due_since: datetime | None


def _active(moment: datetime) -> dict[str, OfState]:
    due = Q(due_at__lte=moment)
    rows = Operation.objects.filter(state__in=Operation.ACTIVE).order_by().values_list("state")
    found = rows.annotate(
        number=Count("pk"),
        requested=Min("requested_at"),
        n_due=Count("pk", filter=due),
        since=Min("due_at", filter=due),
    )
    return {state: OfState(*columns) for state, *columns in found}


def _waiting(rows: QuerySet[Any], column: str) -> Waiting:
    found = rows.order_by().aggregate(number=Count("pk"), oldest=Min(column))
    return found["number"], found["oldest"]


def _syncs_due(clusters: Iterable[Cluster], moment: datetime) -> Waiting:
    due = [cluster.due_at for cluster in clusters if cluster.is_due(moment)]
    return len(due), min(due, default=None)


def _backlog(queues: dict[str, Waiting], moment: datetime) -> Iterator[Metric]:
    length = GaugeMetricFamily("portal_work_due", "Rows that a worker is to look at, by kind.", labels=["queue"])
    age = GaugeMetricFamily("portal_work_oldest_due_seconds", "How long the oldest of them waits.", labels=["queue"])
    for name, (number, oldest) in queues.items():
        length.add_metric([name], number)
        age.add_metric([name], _age(oldest, moment))
    yield length
    yield age
    changes = queues["changes"][0]
    yield GaugeMetricFamily("portal_changes_unprocessed", "Changes that no worker has looked at.", value=changes)


def _age(since: datetime | None, moment: datetime) -> float:
    return max(0.0, (moment - since).total_seconds()) if since else 0.0


def broker_families(moment: datetime) -> Iterator[Metric]:
    """How many tasks wait in Redis, how tasks ended, and when one of the beat last ran. Raises where Redis cannot be
    reached."""
    client = client_of(settings.PORTAL_REDIS_URL)
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
