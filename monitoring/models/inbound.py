"""What others told us, as it came: kept first, thought about later, and replayable."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.lib import clock


class Inbound(models.Model):
    """One request that a webhook took."""

    source = models.CharField(_("source"), max_length=20)
    body = models.TextField(_("body"))
    received_at = models.DateTimeField(_("received"), default=clock.now, db_index=True)
    processed_at = models.DateTimeField(_("processed"), null=True, db_index=True)
    taken = models.PositiveIntegerField(_("alerts taken"), default=0)
    error = models.TextField(_("left out, and why"), default="")

    class Meta:
        verbose_name = _("inbound message")
        verbose_name_plural = _("inbound messages")
        ordering = ["-received_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.source} {self.received_at:%Y-%m-%d %H:%M:%S}"
