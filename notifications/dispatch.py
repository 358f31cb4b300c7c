"""From a message to its deliveries: rows only, nothing is sent here."""

import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from notifications import rulebook, watching
from notifications.deciding import Book
from notifications.message import Message, Severity, Status
from notifications.models import AlertChannel, Delivery, Notification
from notifications.routing.reasons import Reason
from notifications.telling import keep, tell, wake
from portal.lib import clock


def publish(message: Message, *, channels: Iterable[AlertChannel] | None = None) -> Notification:
    """See ``notifications.publish``."""
    with transaction.atomic():
        notification, fresh = keep(message)
        if not fresh:
            return notification
        if channels is not None:
            _to_named(notification, message, channels)
        elif message.status == Status.RESOLVED:
            watching.recovery(notification, message)
        else:
            watching.opening(notification, message)
    return notification


def _to_named(notification: Notification, message: Message, channels: Iterable[AlertChannel]) -> None:
    book = Book(message.id, notification, clock.now())
    receivers = {channel.pk: rulebook.as_receiver(channel) for channel in channels}
    for delivery in tell(notification, receivers.values()):
        book.note(Reason.QUEUED, None, receivers[delivery.channel_id or 0], delivery=delivery)
    book.write()


def publish_test(
    channel: AlertChannel | None, *, kind: str, name: str, draft: Mapping[str, Any] | None = None
) -> Delivery:
    """A test message on the one path that all messages take. ``draft`` holds values typed into a form that was not
    saved; they are kept encrypted on the delivery until it is over, and used instead of the channel's."""
    message = Message(
        id=f"test-{uuid.uuid4()}",
        title=_("This is a test of “%(name)s”") % {"name": name or kind},
        text=_("If you can read this, messages about trouble will arrive here."),
        severity=Severity.INFO,
        status=Status.TEST,
        labels={"channel": name or kind, "kind": kind},
    )
    with transaction.atomic():
        notification, _fresh = keep(message)
        delivery = Delivery.objects.create(
            notification=notification,
            channel=channel,
            channel_name=name or kind,
            kind=kind,
            incident=message.id,
            draft=json.dumps(draft) if draft is not None else "",
        )
        wake(delivery)
    return delivery
