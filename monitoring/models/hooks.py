"""Who may tell us something, and what they told, as it came: kept first, thought about later, and replayable."""

from datetime import datetime, timedelta
from typing import Final

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.lib import clock
from portal.lib.encrypted import EncryptedTextField
from servers.models import Cluster

# A message is given up after so many workers that died over it or failed; a person may start it again.
MOST_ATTEMPTS: Final = 5
# Long enough for a slow step, short enough for a message whose worker died; what is longer is read in several goes.
CLAIM: Final = timedelta(seconds=60)


class Source(models.TextChoices):
    """Who sends."""

    ALERTMANAGER = "alertmanager", "Alertmanager"
    GRAFANA = "grafana", "Grafana"
    PROXMOX = "proxmox", "Proxmox VE"


class TokenKind(models.TextChoices):
    """How a sender proves that it is the one."""

    BEARER = "bearer", _("token")
    SIGNATURE = "signature", _("signature key")


class HookToken(models.Model):
    """A token of a sender. Of a bearer token only the digest is kept; a signature needs the key itself."""

    source = models.CharField(_("sender"), max_length=20, choices=Source)
    kind = models.CharField(_("kind"), max_length=10, choices=TokenKind, default=TokenKind.BEARER)
    cluster = models.ForeignKey(
        Cluster, on_delete=models.CASCADE, null=True, blank=True, verbose_name=_("cluster"),
        help_text=_("Of a token for Proxmox: the cluster that it stands for."),
    )  # fmt: skip
    digest = models.CharField(max_length=64, unique=True, editable=False)
    secret = EncryptedTextField(_("key"), default="", editable=False)
    created_at = models.DateTimeField(_("made"), default=clock.now, editable=False)
    created_by = models.CharField(_("made by"), max_length=200, default="", editable=False)
    expires_at = models.DateTimeField(_("ends"), null=True, editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)

    class Meta:
        verbose_name = _("webhook token")
        verbose_name_plural = _("webhook tokens")
        ordering = ["source", "cluster__name", "-created_at"]
        indexes = [models.Index(fields=["source", "kind"])]
        permissions = [("revoke_hooktoken", _("Can end a webhook's token"))]

    def __str__(self) -> str:
        whose = f"{self.get_source_display()} {self.cluster}" if self.cluster else self.get_source_display()
        return f"{whose} {self.created_at:%Y-%m-%d %H:%M}"

    def allows(self, action: str) -> bool:
        """Only a token that is still taken can be ended."""
        return action != "revoke" or self.lives(clock.now())

    def lives(self, moment: datetime) -> bool:
        """Whether it is taken at that moment."""
        return self.expires_at is None or self.expires_at > moment

    @staticmethod
    def living(moment: datetime) -> Q:
        """Those that are taken at that moment."""
        return Q(expires_at=None) | Q(expires_at__gt=moment)


class Inbound(models.Model):
    """One request that a webhook took."""

    source = models.CharField(_("sender"), max_length=20, choices=Source)
    cluster = models.ForeignKey(Cluster, on_delete=models.SET_NULL, null=True, verbose_name=_("cluster"))
    body = models.TextField(_("body"))
    received_at = models.DateTimeField(_("received"), default=clock.now, db_index=True)
    claimed_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    processed_at = models.DateTimeField(_("processed"), null=True, db_index=True)
    taken = models.PositiveIntegerField(_("alerts taken"), default=0)
    position = models.PositiveIntegerField(default=0)  # how many of its alerts were read: many are read in several goes
    error = models.TextField(_("left out, and why"), default="")
    # Nothing but the canary: of these only the last few are kept.
    canary = models.BooleanField(default=False, editable=False)

    class Meta:
        verbose_name = _("inbound message")
        verbose_name_plural = _("inbound messages")
        ordering = ["-received_at", "-pk"]
        indexes = [models.Index(fields=["received_at"], condition=Q(canary=True), name="inbound_canaries")]
        permissions = [("replay_inbound", _("Can process an inbound message again"))]

    def __str__(self) -> str:
        return f"{self.get_source_display()} {self.received_at:%Y-%m-%d %H:%M:%S}"

    def allows(self, action: str) -> bool:
        """Only what was processed can be processed again."""
        return action != "replay" or self.processed_at is not None

    def claim(self, moment: datetime) -> bool:
        """Whether this process may read it now. A claim ends by itself, so a worker that died keeps nothing."""
        free = Q(claimed_until=None) | Q(claimed_until__lt=moment)
        mine = Inbound.objects.filter(free, pk=self.pk, processed_at=None).order_by()
        return bool(mine.update(claimed_until=moment + CLAIM, attempts=models.F("attempts") + 1))
