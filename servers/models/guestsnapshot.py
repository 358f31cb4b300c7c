"""The snapshots that servers have, as the rotation last saw them."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from servers.models.inventory import Server


class GuestSnapshot(models.Model):
    """One snapshot of one server. The row goes when Proxmox no longer has it."""

    server = models.ForeignKey(Server, on_delete=models.CASCADE, related_name="snapshots", verbose_name=_("server"))
    name = models.CharField(_("name"), max_length=40)
    description = models.TextField(_("description"), default="")
    taken_at = models.DateTimeField(_("taken"), null=True, db_index=True)
    parent = models.CharField(_("after"), max_length=40, default="")
    memory = models.BooleanField(_("with memory"), default=False)

    class Meta:
        verbose_name = _("snapshot")
        verbose_name_plural = _("snapshots")
        ordering = ["-taken_at", "name"]
        constraints = [models.UniqueConstraint(fields=["server", "name"], name="one_snapshot_of_a_name")]

    def __str__(self) -> str:
        return self.name
