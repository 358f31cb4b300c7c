"""Forgets what was said and decided long ago. Counters go on: they are rows of their own.

What belongs to trouble that is still kept is kept with it, however old it is: its page tells why somebody was told.
What a route still has to do something about is never touched.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import CharField, Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from notifications import canary
from notifications.models import Bundle, Decision, Delivery, Notification, Watch, WatchState
from notifications.models.delivery import PENDING
from portal.lib import batches

Ids = QuerySet[Any]


def forget(before: datetime, spared: Ids) -> int:
    """Forget what is older than that; of the ids of ``spared`` nothing. Returns how many messages, decisions, watches
    and bundles: a bounded number, the rest is left for the next round."""
    return sum(batches.delete(rows) for rows in _old(before, spared))


def _old(before: datetime, spared: Ids) -> Iterator["QuerySet[Any]"]:
    """What may go, in the order in which it may: first what points at others."""
    live = Watch.objects.filter(incident=OuterRef("incident")).exclude(state=WatchState.OVER)
    yield Decision.objects.filter(~Exists(live), at__lt=before).exclude(_kept(spared))
    yield Watch.objects.filter(~Exists(live), ended_at__lt=before, state=WatchState.OVER).exclude(_kept(spared))
    yield Bundle.objects.filter(~Exists(Watch.objects.filter(bundle=OuterRef("pk"))), closed_at__lt=before)
    yield _old_messages(before, spared)


def _kept(spared: Ids) -> Q:
    return Q(incident__in=spared) | Q(incident=canary.INCIDENT)


def _old_messages(before: datetime, spared: Ids) -> "QuerySet[Notification]":
    """Messages that nothing refers to any more, with their deliveries and attempts. A trouble that goes on needs its
    first ones: to find the thread that it was told in, and those who are to hear of its end."""
    mine = OuterRef("pk")
    watched = Watch.objects.filter(Q(notification=mine) | Q(recovery=mine))
    explained = Decision.objects.filter(notification=mine)
    recent = Delivery.objects.filter(Q(state__in=PENDING) | Q(queued_at__gte=before), notification=mine)
    together: Ids = Bundle.objects.annotate(
        said_as=Concat(F("kind"), Value("-"), Cast("pk", CharField()), output_field=models.CharField())
    ).values("said_as")
    old = Notification.objects.filter(~Exists(watched), ~Exists(explained), ~Exists(recent), created_at__lt=before)
    return old.exclude(_kept(spared) | Q(incident__in=together))
