"""The canary's last stage: a message that bothers nobody, on the way that all messages take.

It is written, the routes are asked about it, a worker claims it and sends it through the channel ``null``. Its rows are
few: the last ones, and the last one that arrived.
"""

import json
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from notifications import rulebook
from notifications.deciding import Book
from notifications.message import Message, Severity, Status
from notifications.models import Delivery, DeliveryState, Notification
from notifications.models.delivery import PENDING
from notifications.routing.reasons import Reason
from notifications.telling import keep, wake
from notifications.watching import judge

INCIDENT: Final = "canary"
KIND: Final = "null"
KEPT: Final = 5


def send(moment: datetime) -> bool:
    """Send one on its way. False if the one before has not arrived yet: then that one is waited for, so that a queue
    that is stuck does not fill up with them."""
    if Delivery.objects.filter(incident=INCIDENT, kind=KIND, state__in=PENDING).exists():
        return False
    message = Message(
        id=INCIDENT, title=_("The canary"), status=Status.TEST, severity=Severity.INFO, timestamp=moment,
        sequence=int(moment.timestamp() * 1_000_000), labels={"condition": INCIDENT},
    )  # fmt: skip
    # Whatever the routes say of it, nobody is told: what counts is that they can be asked.
    judge(rulebook.load(moment), message, moment)
    with transaction.atomic():
        notification, _fresh = keep(message)
        # As the test of a channel that was not saved: it needs no row of a channel that somebody could find.
        delivery = Delivery.objects.create(
            notification=notification, channel_name=KIND, kind=KIND, incident=INCIDENT, draft=json.dumps({})
        )
        book = Book(INCIDENT, notification, moment)
        book.note(Reason.QUEUED, delivery=delivery)
        book.write()
        wake(delivery)
        _prune()
    return True


def delivered_at() -> datetime | None:
    """When the last one arrived; while none ever did, since when the first one is on its way."""
    rows = Delivery.objects.filter(incident=INCIDENT, kind=KIND).order_by("pk")
    found: datetime | None = rows.aggregate(last=Max("delivered_at"))["last"]
    return found or rows.values_list("queued_at", flat=True).first()


def _prune() -> None:
    """Keep the last few, and of older ones only the last that arrived."""
    rows = Delivery.objects.filter(incident=INCIDENT, kind=KIND).order_by("-pk")
    kept = list(rows.values_list("notification_id", flat=True)[:KEPT])
    arrived = rows.filter(state=DeliveryState.DELIVERED).values_list("notification_id", flat=True).first()
    Notification.objects.filter(incident=INCIDENT).exclude(pk__in=[*kept, arrived or 0]).delete()
