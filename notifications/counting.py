"""Figures about messages for the metrics. Reads rows and changes nothing."""

from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, Min, Q

from notifications import channels
from notifications.message import Status
from notifications.models import Delivery, NotificationCounter, Result, SuppressionCounter
from notifications.models.delivery import PENDING, DeliveryState
from portal.lib import clock


@dataclass(frozen=True)
class Figures:
    """``counts``: (kind of channel, result) to a number that never falls. ``queue``: state to the number of deliveries
    that somebody or something still has to deal with. ``oldest_due_seconds``: how late the latest one is, 0 if none.
    ``suppressed``: reason to how often somebody was not told, a number that never falls."""

    counts: dict[tuple[str, str], int]
    queue: dict[str, int]
    oldest_due_seconds: float
    suppressed: dict[str, int] = field(default_factory=dict)


def given_up(since: datetime) -> dict[str, int]:
    """See ``notifications.given_up``."""
    dead = Delivery.objects.filter(state=DeliveryState.DEAD, deliveryattempt__at__gte=since)
    real = dead.exclude(notification__status=Status.TEST).order_by()
    rows = real.values_list("channel_name").annotate(Count("pk", distinct=True))
    return {str(name): number for name, number in rows}


def read() -> Figures:
    """The figures of this moment; every known kind and result is there from the first scrape on, as 0."""
    counts = {(kind, str(result)): 0 for kind in channels.KINDS for result in Result.values}
    for kind, result, value in NotificationCounter.objects.values_list("kind", "result", "value"):
        counts[kind, result] = value
    open_states = [*PENDING, DeliveryState.DEAD]
    # The test of a form that was not saved told its person how it went; nobody has to deal with it any more.
    over = Q(state=DeliveryState.DEAD, channel=None, notification__status=Status.TEST)
    waiting = Delivery.objects.filter(state__in=open_states).exclude(over)
    rows = waiting.order_by().values_list("state").annotate(Count("pk"))
    queue = {str(state): 0 for state in open_states} | {str(state): number for state, number in rows}
    return Figures(counts, queue, _lateness() if any(queue[state] for state in PENDING) else 0.0,
                   SuppressionCounter.values())  # fmt: skip


def _lateness() -> float:
    """Of those that could be sent now: a recovery that waits for its opening is not late."""
    moment = clock.now()
    oldest = Delivery._free(moment).aggregate(oldest=Min("due_at"))["oldest"]
    return max(0.0, (moment - oldest).total_seconds()) if oldest else 0.0
