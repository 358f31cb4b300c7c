"""Decisions as they are taken: kept as rows, and counted in the same transaction, so that both agree."""

from collections import Counter
from datetime import datetime
from typing import Any

from notifications.models import Decision, Delivery, DeliveryState, Notification, SuppressionCounter
from notifications.routing.plan import Lane
from notifications.routing.reasons import SUPPRESSED, Reason
from notifications.routing.rules import Receiver, RouteRule
from portal.lib import clock


class Book:
    """The decisions of one act about one incident, written together. Use it inside a transaction."""

    def __init__(self, incident: str, notification: Notification | None, moment: datetime) -> None:
        self.incident, self.notification, self.moment = incident, notification, moment
        self.rows: list[Decision] = []

    def note(
        self,
        reason: Reason,
        route: RouteRule | None = None,
        channel: Receiver | None = None,
        *,
        delivery: Delivery | None = None,
        until: datetime | None = None,
        **detail: Any,
    ) -> None:
        """One decision more."""
        self.rows.append(
            Decision(
                at=self.moment,
                incident=self.incident,
                notification=self.notification,
                route_id=(route.pk or None) if route else None,
                route_name=route.name if route else "",
                channel_id=channel.pk if channel else None,
                channel_name=channel.name if channel else "",
                delivery=delivery,
                reason=reason,
                until=until,
                detail=detail,
            )
        )

    def lane(self, lane: Lane) -> None:
        """Whether a route matched, and why not."""
        if lane.matched:
            self.note(Reason.MATCHED, lane.route)
        elif lane.failed is not None:
            self.note(Reason.NOT_MATCHED, lane.route, matcher=str(lane.failed))
        else:
            self.note(Reason.STOPPED, lane.route, by=lane.stopped_by, rest=lane.route.is_default)

    def write(self) -> None:
        """Keep them."""
        keep(self.rows)
        self.rows = []


def keep(rows: list[Decision]) -> None:
    """Write decisions and raise the counters of those that kept somebody from being told."""
    Decision.objects.bulk_create(rows)
    counts = Counter(row.reason for row in rows if row.reason in SUPPRESSED)
    for reason, number in sorted(counts.items()):
        SuppressionCounter.add(reason, number)


_OUTCOMES = {
    DeliveryState.DELIVERED: Reason.DELIVERED,
    DeliveryState.RETRYING: Reason.RETRIED,
    DeliveryState.DEAD: Reason.FAILED,
    DeliveryState.DISMISSED: Reason.UNTOLD,
}


def settled(delivery: Delivery, state: DeliveryState, until: datetime | None, sentence: str) -> None:
    """What became of an attempt, for every incident that the delivery tells of. Call it inside the transaction."""
    of_delivery(delivery, _OUTCOMES[state], until=until, sentence=sentence)


def of_delivery(delivery: Delivery, reason: Reason, *, until: datetime | None = None, sentence: str = "") -> None:
    """A decision about a delivery: one row for each incident and route that it tells of."""
    queued = Decision.objects.filter(delivery=delivery, reason__in=QUEUED_REASONS).order_by("pk")
    keep([
        Decision(
            at=clock.now(), incident=row.incident, notification_id=row.notification_id, route_id=row.route_id,
            route_name=row.route_name, channel_id=row.channel_id, channel_name=row.channel_name, delivery=delivery,
            reason=reason, until=until, detail={"sentence": sentence} if sentence else {},
        )
        for row in queued
    ])  # fmt: skip


def limited(delivery: Delivery, until: datetime) -> None:
    """Its channel has sent as much as it may for now. Noted once, however often it has to wait."""
    if not Decision.objects.filter(delivery=delivery, reason=Reason.RATE_LIMITED).exists():
        of_delivery(delivery, Reason.RATE_LIMITED, until=until)


# The decisions that made a delivery.
QUEUED_REASONS = (Reason.QUEUED, Reason.GROUPED, Reason.REPEATED, Reason.ESCALATED)
