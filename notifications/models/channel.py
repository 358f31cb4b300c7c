"""Where messages go: a mailbox, a Slack channel, a webhook."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.validators import MinValueValidator
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from notifications import channels
from notifications.channels.base import Channel
from notifications.message import Severity, Status
from portal.lib import audit
from portal.lib.encrypted import EncryptedTextField, Sealed, Undecryptable

MINUTE: Final = timedelta(minutes=1)


class AlertChannel(models.Model):
    """A channel as the operator set it up, and how it fares. The kind decides what ``config`` and ``secrets`` hold."""

    # --- the operator's columns
    name = models.CharField(_("name"), max_length=80, unique=True, help_text=_("How people call it."))
    kind = models.CharField(_("kind"), max_length=30, editable=False)
    enabled = models.BooleanField(_("enabled"), default=True, help_text=_("A disabled channel gets no messages."))
    minimum_severity = models.CharField(
        _("from severity"),
        max_length=10,
        choices=[(Severity.INFO, _("info")), (Severity.WARNING, _("warning")), (Severity.CRITICAL, _("critical"))],
        default=Severity.INFO,
        help_text=_("Messages that are less severe are not sent here."),
    )
    max_per_minute = models.PositiveSmallIntegerField(
        _("messages per minute"),
        default=30,
        validators=[MinValueValidator(1)],
        help_text=_("What is more waits for its turn; nothing is left out. Tests do not count."),
    )
    config = models.JSONField(default=dict, blank=True, editable=False)
    secrets = EncryptedTextField(default="", blank=True, editable=False)
    # Says which variable of the environment the channel follows, and whether an edit by hand ended that.
    managed_by = models.CharField(max_length=40, default="", editable=False)
    created_at = models.DateTimeField(_("added"), auto_now_add=True)

    # --- the sender's columns
    last_success_at = models.DateTimeField(_("last success"), null=True, editable=False)
    last_error = models.TextField(_("last error"), default="", editable=False)
    last_error_at = models.DateTimeField(_("last error at"), null=True, editable=False)
    disabled_at = models.DateTimeField(_("disabled at"), null=True, editable=False)
    disabled_reason = models.TextField(_("why it was disabled"), default="", editable=False)

    class Meta:
        verbose_name = _("alert channel")
        verbose_name_plural = _("alert channels")
        ordering = ["name"]
        permissions = [("test_alertchannel", _("Can send a test through a channel"))]

    def __str__(self) -> str:
        return self.name

    # --- what it holds

    def settings(self) -> dict[str, Any]:
        """Public values and secrets together, as the channel's code wants them. Raises Undecryptable."""
        if isinstance(self.secrets, Sealed):
            raise Undecryptable
        return {**self.config, **(json.loads(self.secrets) if self.secrets else {})}

    def kept_secrets(self) -> dict[str, str]:
        """The secrets that are there and readable, by field name."""
        return json.loads(self.secrets) if self.secrets else {}

    def keep(self, values: Mapping[str, Any]) -> None:
        """Take these values, each where it belongs. Nothing is written yet."""
        public, secret = channels.get(self.kind).split(values)
        self.config = public
        self.secrets = json.dumps(secret, sort_keys=True) if secret else ""

    def transport(self, thread: str = "") -> Channel:
        """The code that sends through it. Raises Undecryptable, or LookupError for a kind that is gone."""
        return channels.get(self.kind)(self.settings(), thread)

    def kind_label(self) -> str:
        """What its kind is called."""
        try:
            return str(channels.get(self.kind).label)
        except LookupError:
            return self.kind

    def target(self) -> str:
        """Where it leads, without anything secret: addresses, or a host's name."""
        try:
            return self.transport().target()
        except (LookupError, Undecryptable):
            return ""

    def free_at(self, moment: datetime) -> datetime | None:
        """When it may send again, if it has sent as much as it may in the last minute; None if it may now."""
        tried = self.delivery_set.filter(deliveryattempt__at__gt=moment - MINUTE).exclude(
            notification__status=Status.TEST
        )
        last = tried.order_by("-deliveryattempt__at").values_list("deliveryattempt__at", flat=True)
        full = list(last[self.max_per_minute - 1 : self.max_per_minute])
        return full[0] + MINUTE if full else None

    def room(self, moment: datetime) -> int:
        """How many more it may send at that moment."""
        tried = self.delivery_set.exclude(notification__status=Status.TEST)
        sent = tried.filter(deliveryattempt__at__gt=moment - MINUTE).values("deliveryattempt").count()
        return max(0, self.max_per_minute - sent)

    # --- how it fares

    def succeeded(self, moment: datetime, remark: str = "") -> None:
        """A message arrived; ``remark`` says what went wrong all the same."""
        columns: dict[str, Any] = {"last_success_at": moment, "last_error": remark}
        if remark:
            columns["last_error_at"] = moment
        AlertChannel.objects.filter(pk=self.pk).update(**columns)

    def failed(self, moment: datetime, sentence: str) -> None:
        """A message did not arrive."""
        AlertChannel.objects.filter(pk=self.pk).update(last_error=sentence, last_error_at=moment)

    def disable(self, moment: datetime, reason: str) -> bool:
        """Take it out of service; False if it was already. Call it inside a transaction."""
        enabled = AlertChannel.objects.filter(pk=self.pk, enabled=True)
        if not enabled.update(enabled=False, disabled_at=moment, disabled_reason=reason):
            return False
        audit.note(self, {"enabled": (True, False), "disabled_reason": ("", reason)})
        return True

    @classmethod
    def named(cls, name: str) -> "AlertChannel":
        """The channel of that name, in any case. Raises AlertChannel.DoesNotExist."""
        with transaction.atomic():
            return cls.objects.filter(name=name).first() or cls.objects.get(name__iexact=name)
