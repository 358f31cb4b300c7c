"""A Proxmox VE cluster (or a single server, which is a cluster of one) and how to reach it."""

import re
import secrets
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.utils.translation import gettext_lazy as _

from portal.lib import clock
from portal.lib.encrypted import EncryptedTextField
from servers import snapshot
from servers.endpoints import parse_endpoints
from servers.snapshot import Snapshot
from servers.tls import parse_authority, parse_fingerprint

# A lease outlives the slowest honest call (5 s to connect, 30 s to read) and is prolonged before each one: so a dead
# worker's cluster goes on within the minute, however many calls a sync has.
LEASE = timedelta(seconds=60)
TOKEN_ID = re.compile(r"[^\s@!]+@[^\s@!]+![A-Za-z][\w.-]+")
FRESH_FOR = timedelta(minutes=5)
# Between two syncs of a cluster that refuses the token.
LONGEST_REST = timedelta(minutes=15)


class TlsMode(models.TextChoices):
    """How the server's certificate is judged. There is no mode "off"."""

    SYSTEM = "system", _("The system's certificate authorities")
    CA = "ca", _("A certificate authority of its own")
    FINGERPRINT = "fingerprint", _("The certificate's SHA-256 fingerprint")


class Cluster(models.Model):
    """Connection (owned by the operator) and state (owned by the sync). The two never write each other's columns."""

    # --- the operator's columns
    name = models.CharField(
        _("name"),
        max_length=60,
        unique=True,
        validators=[RegexValidator(r"^[\w][\w .-]*$", _("Use letters, digits, spaces, dots and hyphens."))],
        help_text=_("How people and metrics call it: it becomes the label “cluster”. Renaming starts new series."),
    )
    endpoints = models.JSONField(
        _("endpoints"),
        default=list,
        help_text=_("The addresses of its nodes, tried in order, e.g. https://pve1.example.org:8006."),
    )
    token_id = models.CharField(
        _("API token id"), max_length=200, help_text=_("USER@REALM!TOKENID, e.g. portal@pve!manager.")
    )
    token_secret = EncryptedTextField(_("API token secret"), help_text=_("Encrypted at rest and never shown again."))
    tls_mode = models.CharField(_("certificate check"), max_length=12, choices=TlsMode, default=TlsMode.SYSTEM)
    ca_certificate = models.TextField(_("CA certificate"), blank=True, default="", help_text=_("PEM text."))
    fingerprint = models.CharField(
        _("fingerprint"), max_length=95, blank=True, default="", help_text=_("SHA-256, 32 pairs of hex digits.")
    )
    enabled = models.BooleanField(_("enabled"), default=True, help_text=_("A disabled cluster is not synced."))
    interval = models.PositiveIntegerField(
        _("interval (seconds)"),
        default=15,
        validators=[MinValueValidator(5), MaxValueValidator(3600)],
        help_text=_("Seconds between two syncs."),
    )
    retirements_allowed_until = models.DateTimeField(_("retirements allowed until"), null=True, blank=True)
    created_at = models.DateTimeField(_("added"), auto_now_add=True)

    # --- the sync's columns
    due_at = models.DateTimeField(_("next sync"), default=clock.now, db_index=True)
    lease_until = models.DateTimeField(null=True)
    lease_token = models.CharField(max_length=32, default="")
    version = models.CharField(_("Proxmox VE"), max_length=40, default="")
    quorate = models.BooleanField(_("quorate"), null=True)
    last_attempt_at = models.DateTimeField(_("last attempt"), null=True)
    last_success_at = models.DateTimeField(_("last success"), null=True)
    last_duration = models.FloatField(_("duration (s)"), null=True)
    last_error = models.TextField(_("last error"), default="")
    last_error_kind = models.CharField(max_length=40, default="")
    last_warning = models.TextField(_("last warning"), default="")  # a good sync that has something to say
    failing_since = models.DateTimeField(_("failing since"), null=True)
    failures = models.PositiveIntegerField(_("failed syncs in a row"), default=0)
    refusals = models.PositiveIntegerField(default=0)  # of the token in a row, since somebody last asked for a sync
    first_complete_at = models.DateTimeField(null=True)
    held_retirements = models.PositiveIntegerField(_("retirements held back"), default=0)
    endpoint_state = models.JSONField(default=dict)
    identity = models.JSONField(default=list)  # which cluster it is, whatever it is called (servers/identity.py)
    # --- the rotation's columns: what /cluster/resources lacks, fetched slowly and bounded
    rotation = models.JSONField(default=dict)
    rotation_due_at = models.DateTimeField(default=clock.now, db_index=True)
    rotation_lease_until = models.DateTimeField(null=True)
    rotation_error = models.TextField(_("last error of the rotation"), default="")

    class Meta:
        verbose_name = _("cluster")
        verbose_name_plural = _("clusters")
        ordering = ["name"]
        permissions = [("sync_cluster", _("Can sync a cluster and check its connection"))]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Bring what was typed into one form. Raises ValidationError with a sentence for the person who typed it."""
        self.endpoints = parse_endpoints(self.endpoints)
        if not TOKEN_ID.fullmatch(self.token_id):
            raise ValidationError({"token_id": _("A token id has the form USER@REALM!TOKENID.")})
        if self.tls_mode == TlsMode.FINGERPRINT:
            self.fingerprint = parse_fingerprint(self.fingerprint)
        elif self.tls_mode == TlsMode.CA:
            self.ca_certificate = parse_authority(self.ca_certificate)

    # --- the lease: one sync of a cluster at a time, whatever the number of workers

    def claim(self, moment: datetime) -> str:
        """A lease token if this process may sync the cluster now, else ''. The claim also sets the next due time."""
        token = secrets.token_hex(16)
        free = Q(lease_until=None) | Q(lease_until__lt=moment)
        claimed = Cluster.objects.filter(free, pk=self.pk, enabled=True).update(
            lease_token=token,
            lease_until=moment + LEASE,
            due_at=moment + timedelta(seconds=self.interval),
            last_attempt_at=moment,
        )
        return token if claimed else ""

    def prolong(self, token: str, moment: datetime) -> bool:
        """Keep the lease for its whole length from now on; False if it had passed to another process."""
        mine = Cluster.objects.filter(pk=self.pk, lease_token=token)
        return bool(mine.update(lease_until=moment + LEASE))

    def release(self, token: str, **columns: object) -> bool:
        """End the lease and write the sync's columns; False if the lease had passed to another process meanwhile."""
        mine = Cluster.objects.filter(pk=self.pk, lease_token=token)
        return bool(mine.update(lease_until=None, lease_token="", **columns))

    @classmethod
    def due(cls, moment: datetime) -> "models.QuerySet[Cluster]":
        """Enabled clusters whose time has come and that nobody is syncing."""
        free = Q(lease_until=None) | Q(lease_until__lt=moment)
        return cls.objects.filter(free, enabled=True, due_at__lte=moment).order_by("due_at")

    def is_due(self, moment: datetime) -> bool:
        """Whether ``due`` would find it."""
        return self.enabled and self.due_at <= moment and (self.lease_until is None or self.lease_until < moment)

    def sync_soon(self) -> None:
        """Make the next sync due at once, and forget how often the token was refused."""
        Cluster.objects.filter(pk=self.pk).update(due_at=clock.now(), refusals=0)

    def rest(self, moment: datetime) -> dict[str, object]:
        """The columns after another refusal of the token: the next sync is due later each time, unless somebody asked
        for one meanwhile. A token that is refused again and again locks accounts and fills Proxmox's log."""
        usual = timedelta(seconds=self.interval)
        pause = max(usual, min(usual * 2 ** min(self.refusals, 10), LONGEST_REST))
        unasked = When(due_at=self.due_at, then=Value(moment + pause))
        again = Case(When(due_at=self.due_at, then=Value(self.refusals + 1)), default=Value(0))
        return {"due_at": Case(unasked, default=F("due_at")), "refusals": again}

    # --- judgements

    @property
    def healthy(self) -> bool:
        """Whether the last sync succeeded."""
        return self.last_success_at is not None and not self.last_error

    def is_fresh(self, moment: datetime) -> bool:
        """Whether the last good sync is recent enough for its figures to be shown as the present."""
        return self.last_success_at is not None and moment - self.last_success_at <= FRESH_FOR

    def snapshot(self) -> Snapshot | None:
        """The usage figures of the last good sync, if they are still in the cache."""
        return snapshot.load(self.pk)
