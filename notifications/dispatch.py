"""From a message to its deliveries: rows only, nothing is sent here."""

import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from notifications.message import Message, Severity, Status
from notifications.models import AlertChannel, Delivery, DeliveryState, Notification
from portal.lib.nudge import nudge


def publish(message: Message, *, channels: Iterable[AlertChannel] | None = None) -> Notification:
    """See ``notifications.publish``."""
    with transaction.atomic():
        notification, fresh = _keep(message)
        if not fresh:
            return notification
        chosen = list(channels) if channels is not None else list(wanting(message))
        rows = [
            Delivery(
                notification=notification,
                channel=channel,
                channel_name=channel.name,
                kind=channel.kind,
                incident=message.id,
            )
            for channel in chosen
        ]
        for delivery in Delivery.objects.bulk_create(rows):
            wake(delivery)
    return notification


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
        notification, _fresh = _keep(message)
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


def wanting(message: Message) -> Iterable[AlertChannel]:
    """The channels that want this message: for a recovery those that were told of the trouble, whatever its severity
    is now; else every enabled one whose minimum it reaches. Routing will narrow it here."""
    enabled = AlertChannel.objects.filter(enabled=True).order_by("pk")
    if message.status == Status.RESOLVED:
        return enabled.filter(pk__in=_told(message).values("channel"))
    return [channel for channel in enabled if message.reaches(channel.minimum_severity)]


def _told(message: Message) -> Any:
    """Deliveries of what this recovery ends, that arrived or still may."""
    opening = Q(notification__incident=message.id) | Q(notification__key=message.previous)
    lost = (DeliveryState.DEAD, DeliveryState.DISMISSED)
    return Delivery.objects.filter(opening, notification__status=Status.FIRING).exclude(state__in=lost)


def wake(delivery: Delivery) -> None:
    """Have it sent as soon as this transaction is over."""
    from notifications.tasks import deliver

    nudge(deliver, delivery.pk)


def _keep(message: Message) -> tuple[Notification, bool]:
    return Notification.objects.get_or_create(
        key=message.key,
        defaults={
            "incident": message.id,
            "status": message.status,
            "severity": message.severity,
            "title": message.title,
            "body": message.as_json(),
        },
    )
