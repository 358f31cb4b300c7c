"""From a decision to deliveries: rows only, nothing is sent here."""

from collections.abc import Iterable

from notifications.deciding import Book
from notifications.message import Message
from notifications.models import Delivery, Notification
from notifications.routing.plan import Target
from notifications.routing.reasons import Reason
from notifications.routing.rules import Receiver, RouteRule
from portal.lib.nudge import nudge


def keep(message: Message, key: str = "") -> tuple[Notification, bool]:
    """The row of a message, and whether it is new: a message of the same key is kept once."""
    return Notification.objects.get_or_create(
        key=key or message.key,
        defaults={
            "incident": message.id,
            "status": message.status,
            "severity": message.severity,
            "title": message.title,
            "body": message.as_json(),
        },
    )


def tell(notification: Notification, channels: Iterable[Receiver]) -> list[Delivery]:
    """One delivery per channel, to be sent as soon as this transaction is over. A channel that has one of this message
    already gets no second one."""
    known = set(notification.delivery_set.values_list("channel", flat=True))
    rows = [
        Delivery(
            notification=notification,
            channel_id=channel.pk,
            channel_name=channel.name,
            kind=channel.kind,
            incident=notification.incident,
        )
        for channel in channels
        if channel.pk not in known
    ]
    made = Delivery.objects.bulk_create(rows)
    for delivery in made:
        wake(delivery)
    return made


def tell_targets(
    book: Book, route: RouteRule, targets: Iterable[Target], notification: Notification, reason: Reason
) -> None:
    """Tell the channels that are to be told, and note for every one of them what was decided."""
    wanted = list(targets)
    made = {
        delivery.channel_id: delivery
        for delivery in tell(notification, [target.channel for target in wanted if target.reason is None])
    }
    for target in wanted:
        if target.reason is not None:
            book.note(target.reason, route, target.channel, by=target.by)
        elif target.channel.pk in made:
            book.note(reason, route, target.channel, delivery=made[target.channel.pk])
        else:
            book.note(Reason.DUPLICATE, route, target.channel)
    if not wanted:
        book.note(Reason.NO_CHANNEL, route)


def wake(delivery: Delivery) -> None:
    """Have it sent as soon as this transaction is over."""
    from notifications.tasks import deliver

    nudge(deliver, delivery.pk)
