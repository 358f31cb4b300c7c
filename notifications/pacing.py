"""Which deliveries the ring wakes a worker for: of each channel as many as it may send now.

What is more gets the minute in which it will be its turn, all at once: a thousand that are woken only to learn that
they must wait would stand in the workers' queue before everybody else's tasks.
"""

from collections import defaultdict
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from notifications import deciding
from notifications.message import Status
from notifications.models import AlertChannel, Delivery
from notifications.models.channel import MINUTE
from notifications.models.delivery import WAITING

BATCH: Final = 200
PUT_OFF: Final = 500
# Whoever lets a channel send more need not wait for longer than that to see it.
FARTHEST: Final = 10


def due(moment: datetime) -> list[int]:
    """The keys of what is to be sent now, the oldest first, marked as woken."""
    waiting = Delivery.due(moment).exclude(channel=None).exclude(notification__status=Status.TEST).order_by()
    counts = dict(waiting.values_list("channel").annotate(Count("pk")))
    for channel in AlertChannel.objects.filter(pk__in=counts):
        room = channel.room(moment)
        if counts[channel.pk] > room:
            _put_off(channel, room, moment)
    found = list(Delivery.due(moment).values_list("pk", flat=True)[:BATCH])
    Delivery.objects.filter(pk__in=found).update(nudged_at=moment)
    return found


def _put_off(channel: AlertChannel, room: int, moment: datetime) -> None:
    """Give those that it has no room for a later minute each, as many a minute as it may send."""
    mine = Delivery.objects.filter(channel=channel, state__in=WAITING).exclude(notification__status=Status.TEST)
    late = Delivery.due(moment).filter(pk__in=mine.values("pk")).order_by("due_at", "pk")
    keys = list(late.values_list("pk", flat=True)[room : room + PUT_OFF])
    before = mine.filter(due_at__gt=moment).count()
    minutes: dict[int, list[int]] = defaultdict(list)
    for number, pk in enumerate(keys, before):
        minutes[min(FARTHEST, 1 + number // channel.max_per_minute)].append(pk)
    words = _("The channel takes %(number)d messages a minute: this one waits for its turn.")
    untils: dict[int, datetime] = {}
    with transaction.atomic():
        for minute, pks in minutes.items():
            until = moment + minute * MINUTE
            columns = {"due_at": until, "nudged_at": None, "last_error": words % {"number": channel.max_per_minute}}
            Delivery.objects.filter(pk__in=pks, state__in=WAITING).update(**columns)
            untils |= dict.fromkeys(pks, until)
        deciding.limited(untils)
