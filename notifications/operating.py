"""What people do with deliveries: send again, dismiss. Conditional updates, so that two people cannot do it twice."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from notifications.models import Delivery, DeliveryState, NotificationCounter, Result
from notifications.models.delivery import DISMISSABLE, RESENDABLE
from notifications.sending import wake_next
from notifications.telling import wake
from portal.lib import audit, clock


class NotPossible(Exception):
    """The delivery does not stand where this could be done. The text may be shown."""


def resend(delivery: Delivery) -> None:
    """Queue it again, from the start of its back-off, under its old idempotency key. Raises NotPossible."""
    words = {"delivery": delivery, "channel": delivery.channel_name}
    with transaction.atomic():
        if delivery.channel_id is None:
            raise NotPossible(
                _("“%(delivery)s” was not sent again: its channel was not saved, or was deleted.") % words
            )
        if not delivery.channel_enabled():
            raise NotPossible(_("“%(channel)s” is disabled: enable it, then send this again.") % words)
        if not delivery.move(RESENDABLE, **_afresh(clock.now())):
            raise NotPossible(_("“%(delivery)s” was not sent again: it has not failed.") % words)
        audit.note(delivery, {"state": (delivery.state, DeliveryState.QUEUED)})
        wake(delivery)


def _afresh(moment: datetime) -> dict[str, Any]:
    """The columns of a delivery that begins again. Its attempts stay on record."""
    begin = {"queued_at": moment, "due_at": moment, "nudged_at": moment, "attempts": 0}
    return {**begin, "state": DeliveryState.QUEUED, "last_error": "", "answer_code": None, "duration_seconds": None}


def dismiss(delivery: Delivery) -> None:
    """Stop trying, or stop listing it as failed. Raises NotPossible."""
    with transaction.atomic():
        if not delivery.move(DISMISSABLE, state=DeliveryState.DISMISSED, due_at=None, draft=""):
            raise NotPossible(_("“%(delivery)s” was not dismissed: it is being sent or over.") % {"delivery": delivery})
        audit.note(delivery, {"state": (delivery.state, DeliveryState.DISMISSED)})
        NotificationCounter.add(delivery.kind, Result.DISMISSED)
        wake_next(delivery)
