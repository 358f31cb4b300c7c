"""Decisions as they are taken: kept as rows, and counted in the same transaction, so that both agree."""

from collections import Counter
from collections.abc import Iterable, Mapping
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
    _of_deliveries({delivery.pk: until}, reason, {"sentence": sentence} if sentence else {})


def failed(deliveries: Iterable[int], sentence: str) -> None:
    """They will not be sent any more. Call it inside the transaction that says so."""
    _of_deliveries(dict.fromkeys(deliveries), Reason.FAILED, {"sentence": sentence})


def limited(untils: Mapping[int, datetime]) -> None:
    """Their channel has sent as much as it may until then. Noted once of each, however often it has to wait."""
    noted = Decision.objects.filter(delivery__in=untils, reason=Reason.RATE_LIMITED)
    known = set(noted.values_list("delivery_id", flat=True))
    _of_deliveries({pk: until for pk, until in untils.items() if pk not in known}, Reason.RATE_LIMITED, {})


def _of_deliveries(untils: Mapping[int, datetime | None], reason: Reason, detail: dict[str, str]) -> None:
    queued = Decision.objects.filter(delivery__in=untils, reason__in=QUEUED_REASONS).order_by("pk")
    keep([
        Decision(
            at=clock.now(), incident=row.incident, notification_id=row.notification_id, route_id=row.route_id,
            route_name=row.route_name, channel_id=row.channel_id, channel_name=row.channel_name,
            delivery_id=row.delivery_id, reason=reason, until=untils.get(row.delivery_id or 0), detail=detail,
        )
        for row in queued
    ])  # fmt: skip


# The decisions that made a delivery.
QUEUED_REASONS = (Reason.QUEUED, Reason.GROUPED, Reason.REPEATED, Reason.ESCALATED)
