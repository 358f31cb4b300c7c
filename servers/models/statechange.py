"""What changed, when, from what to what. Written in the transaction of the change, consumed later, kept as history."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.lib import clock
from servers.models.cluster import Cluster
from servers.models.inventory import Node, Server, Storage


class ChangeKind(models.TextChoices):
    """What sort of thing happened."""

    APPEARED = "appeared", _("appeared")
    STATUS = "status", _("status")
    CONFIGURATION = "configuration", _("configuration")
    MOVED = "moved", _("moved to another node")
    RETIRED = "retired", _("retired")
    SYNC = "sync", _("sync")


class StateChange(models.Model):
    """One change of one thing. ``old`` and ``new`` are texts as Proxmox spells them."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, verbose_name=_("cluster"))
    node = models.ForeignKey(Node, on_delete=models.CASCADE, null=True, blank=True, verbose_name=_("node"))
    storage = models.ForeignKey(Storage, on_delete=models.CASCADE, null=True, blank=True, verbose_name=_("storage"))
    server = models.ForeignKey(Server, on_delete=models.CASCADE, null=True, blank=True, verbose_name=_("server"))
    kind = models.CharField(_("kind"), max_length=20, choices=ChangeKind)
    field = models.CharField(_("what"), max_length=40, default="")
    old = models.TextField(_("before"), default="")
    new = models.TextField(_("after"), default="")
    at = models.DateTimeField(_("when"), default=clock.now, db_index=True)
    processed_at = models.DateTimeField(null=True, db_index=True)  # by monitoring.incidents

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["server", "-at"]), models.Index(fields=["cluster", "-at"])]

    def __str__(self) -> str:
        return f"{self.subject}: {self.field} {self.old} → {self.new}".strip()

    @property
    def subject(self) -> "Server | Node | Storage | Cluster":
        """The thing that changed."""
        return self.server or self.node or self.storage or self.cluster
