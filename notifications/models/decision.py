"""Why somebody was told, or was not: one row per decision, in order, and what they add up to."""

from typing import Any

from django.db import models
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from notifications.models.channel import AlertChannel
from notifications.models.delivery import Delivery, Notification
from notifications.models.route import Route
from notifications.routing.reasons import SUPPRESSED, Reason
from portal.lib import clock


class Decision(models.Model):
    """One decision about an incident, for a route or for one of its channels. Written, never changed."""

    at = models.DateTimeField(_("when"), default=clock.now, db_index=True)
    incident = models.CharField(_("incident"), max_length=180, db_index=True)
    notification = models.ForeignKey(
        Notification, on_delete=models.CASCADE, null=True, related_name="decisions", verbose_name=_("message")
    )
    route = models.ForeignKey(Route, on_delete=models.SET_NULL, null=True, verbose_name=_("route"))
    route_name = models.CharField(_("route"), max_length=80, default="")
    channel = models.ForeignKey(AlertChannel, on_delete=models.SET_NULL, null=True, verbose_name=_("channel"))
    channel_name = models.CharField(_("channel"), max_length=80, default="")
    delivery = models.ForeignKey(Delivery, on_delete=models.SET_NULL, null=True, verbose_name=_("delivery"))
    reason = models.CharField(_("decision"), max_length=20, choices=[(reason.value, reason.value) for reason in Reason])
    # What the sentence needs: the matcher that failed, the silence's name, who acknowledged.
    detail = models.JSONField(default=dict)
    until = models.DateTimeField(_("until"), null=True)

    class Meta:
        verbose_name = _("decision")
        verbose_name_plural = _("decisions")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.incident}: {self.reason}"

    @property
    def suppressed(self) -> bool:
        """Whether it counts as "somebody was not told"."""
        return self.reason in SUPPRESSED


class SuppressionCounter(models.Model):
    """How often somebody was not told, by reason: as many as there were decisions. Pruning never touches it."""

    reason = models.CharField(max_length=20, unique=True)
    value = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.reason} {self.value}"

    @classmethod
    def add(cls, reason: str, amount: int = 1) -> None:
        """Raise a counter. Call it inside the transaction that writes what is counted."""
        cls.objects.get_or_create(reason=reason)
        cls.objects.filter(reason=reason).update(value=F("value") + amount)

    @classmethod
    def values(cls) -> dict[str, int]:
        """Every reason and its number, 0 where nothing was counted yet."""
        found: dict[str, Any] = {str(reason): 0 for reason in SUPPRESSED}
        return found | dict(cls.objects.values_list("reason", "value"))
