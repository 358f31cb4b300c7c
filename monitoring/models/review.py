"""The weekly review of the monitoring stack, signed by a person."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.lib import clock


class Review(models.Model):
    """What somebody looked at, when, and what they found. Nobody changes one afterwards."""

    signed_at = models.DateTimeField(_("signed"), default=clock.now, db_index=True, editable=False)
    signed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, editable=False, verbose_name=_("person")
    )
    # The name stays when the account goes.
    signer = models.CharField(_("signed by"), max_length=200, editable=False)
    retention_checked = models.BooleanField(
        _("Retention checked"),
        default=False,
        help_text=_("Prometheus keeps its data as long as intended, and its disk has room for it."),
    )
    rules_reviewed = models.BooleanField(
        _("Alert rules reviewed"),
        default=False,
        help_text=_("Rules that fire all day were mended or given another threshold; of those that never fire it is "
                    "known why."),
    )  # fmt: skip
    dashboards_reviewed = models.BooleanField(
        _("Dashboards reviewed"),
        default=False,
        help_text=_("They show what people ask for, and no panel of them is empty or slow."),
    )
    note = models.TextField(
        _("note"), blank=True, default="", max_length=4000, help_text=_("What was found and what is to be done.")
    )

    class Meta:
        verbose_name = _("weekly review")
        verbose_name_plural = _("weekly reviews")
        ordering = ["-signed_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.signed_at:%Y-%m-%d} {self.signer}"

    def clean(self) -> None:
        """Raises ValidationError where a part was left out: half a review would count as one."""
        parts = ("retention_checked", "rules_reviewed", "dashboards_reviewed")
        words = _(
            "Look at it and tick it: the signature is for all three. What could not be done belongs into the note."
        )
        left_out = {name: words for name in parts if not getattr(self, name)}
        if left_out:
            raise ValidationError(left_out)
