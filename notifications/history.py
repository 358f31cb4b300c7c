"""What was said about one incident, and to whom: for the page of whoever published it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.safestring import SafeString

from notifications.models import Decision, Delivery, DeliveryState
from portal.lib import clock, show
from portal.lib.buttons import object_url

MOST: Final = 50


@dataclass(frozen=True, slots=True)
class Told:
    """One message through one channel. ``title`` links to the delivery's page; ``tone`` is one of ``show``'s."""

    title: SafeString
    channel: str
    state: str
    tone: str
    at: datetime
    remark: str


def of(message_id: str) -> list[Told]:
    """The deliveries of the messages with that id, the newest first."""
    from notifications.admin.shown import STATE_TONES, status_badge

    rows = Delivery.objects.filter(incident=message_id).select_related("notification").order_by("-pk")[:MOST]
    return [
        Told(
            title=show.link(object_url(row), status_badge(row.notification.status)),
            channel=row.channel_name,
            state=row.get_state_display(),
            tone=STATE_TONES[DeliveryState(row.state)],
            at=row.delivered_at or row.queued_at,
            remark=row.last_error,
        )
        for row in rows
    ]


def untold(message_ids: list[str]) -> set[str]:
    """Those without a delivery, and without a decision to wait that still holds."""
    given = Delivery.objects.filter(incident__in=message_ids).values_list("incident", flat=True)
    waiting = Decision.objects.filter(incident__in=message_ids, until__gt=clock.now())
    return set(message_ids) - set(given) - set(waiting.values_list("incident", flat=True))
