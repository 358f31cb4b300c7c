"""What changed, when, from what to what. Written in the transaction of the change, consumed later, kept as history."""

from typing import Any, Final

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.lib import clock, show
from servers.models.cluster import Cluster
from servers.models.inventory import Node, NodeStatus, Server, ServerStatus, Storage


class ChangeKind(models.TextChoices):
    """What sort of thing happened."""

    APPEARED = "appeared", _("appeared")
    STATUS = "status", _("status")
    CONFIGURATION = "configuration", _("configuration")
    MOVED = "moved", _("moved to another node")
    RETIRED = "retired", _("retired")
    SYNC = "sync", _("sync")


STATES: Final[dict[str, Any]] = {
    "available": _("available"),  # a storage
    **dict(NodeStatus.choices),
    **dict(ServerStatus.choices),
}
TURNS: Final[dict[str, Any]] = {"ok": _("works"), "failing": _("fails")}
SIZES: Final = frozenset({"max_memory", "max_disk", "size"})
ANSWERS: Final[dict[str, Any]] = {"True": _("yes"), "False": _("no")}


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
        old, new, what = self.before, self.after, self.column or self.get_kind_display()
        told = f"{old} → {new or show.DASH}" if old else new
        return f"{self.subject}: {what} {told}".strip()

    @property
    def column(self) -> str:
        """What changed, as people call it; '' where a thing came or went as a whole."""
        if self.kind == ChangeKind.SYNC:
            return str(self.get_kind_display())
        known = {column.name: column.verbose_name for column in Server._meta.fields}
        return str(known.get(self.field, self.field))

    @property
    def before(self) -> str:
        """``old`` in the reader's language."""
        return self._in_words(self.old)

    @property
    def after(self) -> str:
        """``new`` in the reader's language."""
        return self._in_words(self.new)

    def _in_words(self, text: str) -> str:
        """Sizes with their unit, states and answers in the reader's language, others (names, tags) as they are."""
        if self.kind == ChangeKind.SYNC:
            return str(TURNS.get(text, text))
        if self.kind in {ChangeKind.STATUS, ChangeKind.APPEARED, ChangeKind.RETIRED}:
            return str(STATES.get(text, text))
        if self.field in SIZES and text.isdecimal():
            return show.size(int(text))
        return str(ANSWERS.get(text, text)) if self.field == "template" else text

    @property
    def subject(self) -> "Server | Node | Storage | Cluster":
        """The thing that changed."""
        return self.server or self.node or self.storage or self.cluster
