"""The thresholds that administrators set."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from monitoring.thresholds import DEFAULTS, Threshold


class AlertThreshold(models.Model):
    """The number with which an alert rule compares. One row per rule, made by migrations."""

    alert = models.CharField(_("alert rule"), max_length=60, unique=True, editable=False)
    value = models.FloatField(_("threshold"))
    note = models.CharField(_("note"), max_length=200, blank=True, default="", help_text=_("Why it differs."))

    class Meta:
        verbose_name = _("threshold")
        verbose_name_plural = _("thresholds")
        ordering = ["alert"]

    def __str__(self) -> str:
        return self.alert

    def clean(self) -> None:
        """Raises ValidationError on a value that makes no sense for this rule."""
        shipped = self.shipped
        if shipped is not None and self.value is not None and (why := shipped.objection(self.value)):
            raise ValidationError({"value": why})

    @property
    def shipped(self) -> Threshold | None:
        """Its default, unit, bounds and meaning; None for a rule that is no longer shipped."""
        return DEFAULTS.get(self.alert)

    @property
    def unit(self) -> Any:
        """In what it is measured."""
        return self.shipped.unit if self.shipped else ""

    @property
    def description(self) -> Any:
        """What it means."""
        return self.shipped.description if self.shipped else ""

    @property
    def is_default(self) -> bool:
        """Whether it is as it was shipped."""
        return self.shipped is not None and self.shipped.value == self.value
