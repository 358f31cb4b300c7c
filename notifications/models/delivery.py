"""What was said, and the way of each message through each channel. The rows are the queue."""

import secrets
import uuid
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import models, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from notifications.message import Message
from notifications.models.channel import AlertChannel
from portal.lib import clock
from portal.lib.encrypted import EncryptedTextField

# Longer than any honest sending (its timeouts, and the task's time limit), and short enough for a dead worker's
# message to go out soon.
CLAIM: Final = timedelta(seconds=120)
# A nudge that nobody answered (Redis was away, or the queue is long) is repeated after this long.
NUDGE_AGAIN: Final = timedelta(seconds=10)


class Notification(models.Model):
    """One message, kept as it was said."""

    key = models.CharField(_("key"), max_length=200, unique=True)
    incident = models.CharField(_("incident"), max_length=180, db_index=True)
    status = models.CharField(_("status"), max_length=10)
    severity = models.CharField(_("severity"), max_length=10)
    title = models.CharField(_("title"), max_length=200)
    body = models.JSONField(_("message"), default=dict)
    created_at = models.DateTimeField(_("when"), default=clock.now, db_index=True)

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.title

    @property
    def message(self) -> Message:
        """What is to be sent."""
        return Message.from_json(self.body)


class DeliveryState(models.TextChoices):
    """Where a delivery stands."""

    QUEUED = "queued", _("queued")
    SENDING = "sending", _("being sent")
    RETRYING = "retrying", _("to be tried again")
    DELIVERED = "delivered", _("delivered")
    DEAD = "dead", _("failed for good")
    DISMISSED = "dismissed", _("dismissed")


WAITING: Final = (DeliveryState.QUEUED, DeliveryState.RETRYING)
PENDING: Final = (*WAITING, DeliveryState.SENDING)
RESENDABLE: Final = (DeliveryState.DEAD, DeliveryState.DISMISSED)
DISMISSABLE: Final = (*WAITING, DeliveryState.DEAD)


class Delivery(models.Model):
    """One message through one channel. Claimed by a conditional update, so that one worker sends it; a claim expires,
    so that a worker's death does not keep it; the idempotency key stays the same however often it is tried."""

    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, verbose_name=_("message"))
    # Empty for a test of a channel that was not saved yet, and for one that was deleted: the name stays.
    channel = models.ForeignKey(AlertChannel, on_delete=models.SET_NULL, null=True, verbose_name=_("channel"))
    channel_name = models.CharField(_("channel"), max_length=80)
    kind = models.CharField(_("kind"), max_length=30)
    incident = models.CharField(max_length=180)
    state = models.CharField(_("state"), max_length=10, choices=DeliveryState, default=DeliveryState.QUEUED)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    queued_at = models.DateTimeField(_("queued"), default=clock.now)
    due_at = models.DateTimeField(_("due"), default=clock.now, null=True)
    nudged_at = models.DateTimeField(null=True, default=clock.now)  # whoever makes the row nudges a worker
    claimed_until = models.DateTimeField(null=True)
    claim_token = models.CharField(max_length=32, default="")
    delivered_at = models.DateTimeField(_("delivered"), null=True)
    duration_seconds = models.FloatField(_("duration (s)"), null=True)
    answer_code = models.PositiveIntegerField(_("answer"), null=True)
    last_error = models.TextField(_("what happened"), default="")
    idempotency_key = models.UUIDField(_("idempotency key"), default=uuid.uuid4, unique=True)
    # What the receiver calls the message (Slack's channel and timestamp, an alert's labels): the way to its thread.
    reference = models.TextField(default="", editable=False)
    # The values typed into a form that was not saved (JSON), for the time of one test.
    draft = EncryptedTextField(default="", editable=False)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["state", "due_at"]),
            models.Index(fields=["channel", "incident", "state"]),
        ]
        permissions = [
            ("resend_delivery", _("Can send a failed delivery again")),
            ("dismiss_delivery", _("Can dismiss a failed delivery")),
        ]

    def __str__(self) -> str:
        return f"{self.notification} → {self.channel_name}"

    def allows(self, action: str) -> bool:
        """What can be done with it as it stands; the question of who may do it is ``may``'s."""
        if action == "resend":
            return self.state in RESENDABLE and self.channel_id is not None
        if action == "dismiss":
            return self.state in DISMISSABLE
        return action == "view"

    def channel_enabled(self) -> bool:
        """Whether there is a channel that may send it, as of now."""
        return self.channel_id is not None and AlertChannel.objects.filter(pk=self.channel_id, enabled=True).exists()

    def thread(self) -> str:
        """What this channel's receiver calls the first message about the same trouble; '' where it has no name."""
        told = Delivery.objects.filter(channel=self.channel, incident=self.incident, pk__lt=self.pk).exclude(
            reference=""
        )
        return told.order_by("pk").values_list("reference", flat=True).first() or ""

    # --- the queue

    @classmethod
    def _free(cls, moment: datetime) -> "QuerySet[Delivery]":
        """What may be claimed now: due or abandoned, and not overtaking an earlier one of the same trouble."""
        waiting = Q(state__in=WAITING, due_at__lte=moment)
        abandoned = Q(state=DeliveryState.SENDING, claimed_until__lt=moment)
        earlier = cls.objects.filter(
            channel=OuterRef("channel"), incident=OuterRef("incident"), pk__lt=OuterRef("pk"), state__in=PENDING
        )
        return cls.objects.filter(waiting | abandoned).filter(~Exists(earlier))

    @classmethod
    def due(cls, moment: datetime) -> "QuerySet[Delivery]":
        """What should be sent now and was not nudged a moment ago."""
        again = Q(nudged_at=None) | Q(nudged_at__lt=moment - NUDGE_AGAIN)
        return cls._free(moment).filter(again).order_by("due_at")

    def claim(self, moment: datetime) -> str:
        """A token if this process may send it now, else ''. The attempt is written with the claim, so that one which
        never came to an end is seen too."""
        token = secrets.token_hex(16)
        with transaction.atomic():
            mine = Delivery._free(moment).filter(pk=self.pk)
            if not mine.update(
                state=DeliveryState.SENDING, claim_token=token, claimed_until=moment + CLAIM, attempts=F("attempts") + 1
            ):
                return ""
            self.deliveryattempt_set.filter(outcome=DeliveryAttempt.SENDING).update(outcome=DeliveryAttempt.LOST)
            DeliveryAttempt.objects.create(delivery=self, at=moment, claim_token=token)
        self.refresh_from_db()
        return token

    def settle(self, token: str, **columns: Any) -> bool:
        """End the claim and write what came of it; False if the claim had passed to another process meanwhile."""
        mine = Delivery.objects.filter(pk=self.pk, claim_token=token, state=DeliveryState.SENDING)
        return bool(mine.update(claim_token="", claimed_until=None, nudged_at=None, **columns))

    def move(self, states: tuple[str, ...], **columns: Any) -> bool:
        """Write these columns if it still stands in one of the states; False if somebody was faster."""
        return bool(Delivery.objects.filter(pk=self.pk, state__in=states).update(**columns))


class DeliveryAttempt(models.Model):
    """One try: when, how long, and how it went, in our own words."""

    SENDING, DELIVERED, FAILED, LOST = "sending", "delivered", "failed", "lost"
    OUTCOMES = [
        (SENDING, _("being sent")),
        (DELIVERED, _("delivered")),
        (FAILED, _("failed")),
        (LOST, _("the worker died")),
    ]

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE)
    at = models.DateTimeField(_("when"), default=clock.now)
    duration_seconds = models.FloatField(_("duration (s)"), null=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=OUTCOMES, default=SENDING)
    answer_code = models.PositiveIntegerField(_("answer"), null=True)
    sentence = models.TextField(_("what happened"), default="")
    claim_token = models.CharField(max_length=32, default="", editable=False)

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.outcome}"
