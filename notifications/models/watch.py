"""What routes still have to do about incidents: rows with a time at which it is due. They are the queue."""

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from notifications.models.delivery import Notification
from notifications.models.route import Route
from portal.lib import clock


class Bundle(models.Model):
    """Troubles that one route tells together: a group, or what happened in quiet hours. Open until all are over."""

    GROUP, DIGEST = "group", "digest"

    # Empty when the route was deleted: the name stays.
    route = models.ForeignKey(Route, on_delete=models.SET_NULL, null=True)
    route_name = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, choices=[(GROUP, _("group")), (DIGEST, _("digest"))], default=GROUP)
    key = models.CharField(max_length=500)
    created_at = models.DateTimeField(default=clock.now)
    due_at = models.DateTimeField(null=True, db_index=True)
    said_at = models.DateTimeField(null=True)
    sequence = models.PositiveIntegerField(default=0)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["route", "kind", "key"], condition=Q(closed_at=None), name="one_open_bundle_of_a_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.route_name}: {self.key}"

    @property
    def message_id(self) -> str:
        """What all that is said of it shares on the way to the channels."""
        return f"{self.kind}-{self.pk}"


class WatchState(models.TextChoices):
    """Where a route stands with an incident."""

    WAITING = "waiting", _("waiting")
    TOLD = "told", _("told")
    ENDING = "ending", _("its end waits")
    OVER = "over", _("over")


class Watch(models.Model):
    """One incident as one route follows it, until it is over: told or held, repeated, escalated, acknowledged."""

    incident = models.CharField(max_length=180, db_index=True)
    route = models.ForeignKey(Route, on_delete=models.SET_NULL, null=True)
    route_name = models.CharField(max_length=80)
    bundle = models.ForeignKey(Bundle, on_delete=models.SET_NULL, null=True)
    # What was published last about it, and what was published of its end.
    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="watches")
    recovery = models.ForeignKey(Notification, on_delete=models.SET_NULL, null=True, related_name="+")
    state = models.CharField(max_length=10, choices=WatchState, default=WatchState.WAITING)
    # Why it waits: the reason of the decision ("silenced", "maintenance", "quiet", "grouped").
    held_by = models.CharField(max_length=20, default="")
    # When something is to be done about it next; empty while its bundle decides.
    due_at = models.DateTimeField(null=True, db_index=True)
    told_at = models.DateTimeField(null=True)
    repeats = models.PositiveIntegerField(default=0)
    repeat_at = models.DateTimeField(null=True)
    step = models.PositiveIntegerField(default=0)
    escalate_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=150, default="")
    snoozed_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["incident", "route"], condition=~Q(state="over"), name="one_open_watch_of_an_incident"
            )
        ]
        indexes = [models.Index(fields=["state", "held_by"])]

    def __str__(self) -> str:
        return f"{self.incident} → {self.route_name}"

    @classmethod
    def open_of(cls, incident: str) -> "models.QuerySet[Watch]":
        """What is not over of that incident."""
        return cls.objects.filter(incident=incident).exclude(state=WatchState.OVER)

    def put(self, **columns: Any) -> None:
        """Write these columns, and the time at which something is due next. Call it inside a transaction."""
        for name, value in columns.items():
            setattr(self, name, value)
        self.due_at = columns.pop("due_at") if "due_at" in columns else self.next_due()
        Watch.objects.filter(pk=self.pk).update(**columns, due_at=self.due_at)

    def next_due(self) -> datetime | None:
        """The earlier of repetition and escalation, while it is told and nobody looks after it."""
        if self.state != WatchState.TOLD or self.acknowledged_at is not None:
            return None
        times = [moment for moment in (self.repeat_at, self.escalate_at) if moment]
        found = min(times, default=None)
        return max(found, self.snoozed_until) if found and self.snoozed_until else found
