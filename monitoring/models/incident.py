"""An alert is what one source says. An incident is one trouble of one thing; alerts join it, and only it is told."""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.lib import clock
from servers.models import Cluster, Node, Server


class Condition(models.TextChoices):
    """What can be wrong. Rules, webhooks and the portal share these names: they are how alerts find their incident."""

    GUEST_DOWN = "guest_down", _("server is down")
    GUEST_UNEXPECTED = "guest_unexpected", _("server runs unexpectedly")
    NODE_OFFLINE = "node_offline", _("node is offline")
    CLUSTER_UNREACHABLE = "cluster_unreachable", _("cluster cannot be synced")
    CLUSTER_NOT_QUORATE = "cluster_not_quorate", _("cluster has no quorum")
    STORAGE_FULL = "storage_full", _("storage is full")
    STORAGE_FAILED = "storage_failed", _("storage is out of reach")
    BACKUP_FAILED = "backup_failed", _("backup failed")
    BACKUP_TOO_OLD = "backup_too_old", _("backup is too old")
    NOT_IN_BACKUP_JOB = "not_in_backup_job", _("server is in no backup job")
    SNAPSHOT_TOO_OLD = "snapshot_too_old", _("snapshot is too old")
    CERTIFICATE_EXPIRING = "certificate_expiring", _("certificate ends soon")
    OPERATION_FAILED = "operation_failed", _("operation failed")
    DELIVERY_FAILING = "delivery_failing", _("messages do not arrive")
    CANARY_STALE = "canary_stale", _("alerts do not arrive")
    REPLICATION_FAILED = "replication_failed", _("replication failed")
    PACKAGE_UPDATES = "package_updates", _("updates are available")
    SYSTEM_MAIL = "system_mail", _("mail to root")
    DATASOURCE_NO_DATA = "datasource_no_data", _("a rule of Grafana gets no data")
    DATASOURCE_ERROR = "datasource_error", _("a rule of Grafana cannot be evaluated")


# What only the shipped rules tell, in words. Their names are no choices: a rule of one's own has any name.
TOLD_BY_RULES: Final = {
    "cpu_high": _("CPU usage is high"),
    "memory_high": _("memory usage is high"),
    "disk_full": _("file system is full"),
    "exporter_down": _("exporter does not answer"),
    "portal_down": _("portal does not answer"),
    "portal_errors": _("portal answers with errors"),
    "collector_failing": _("metrics are missing"),
    "delivery_late": _("messages are late"),
    "no_active_servers": _("no server is running"),
    "active_servers_unknown": _("nobody knows what is running"),
    "storage_filling": _("storage will be full soon"),
    "no_backup": _("servers have no backup"),
}


class Severity(models.TextChoices):
    """How bad it is."""

    INFO = "info", _("info")
    WARNING = "warning", _("warning")
    CRITICAL = "critical", _("critical")


class AlertStatus(models.TextChoices):
    """What a source says."""

    FIRING = "firing", _("firing")
    RESOLVED = "resolved", _("resolved")


class StepKind(models.TextChoices):
    """What happened to an incident after its beginning."""

    REOPENED = "reopened", _("came back")
    WORSE = "worse", _("got worse")
    ACKNOWLEDGED = "acknowledged", _("acknowledged")
    SNOOZED = "snoozed", _("snoozed")
    CLOSED = "closed", _("over")


def flapping_window() -> timedelta:
    """Trouble that is back within this time of its end is the same trouble, flapping."""
    return timedelta(minutes=settings.PORTAL_FLAPPING_MINUTES)


class Incident(models.Model):
    """One trouble of one thing, from the first alert until all are resolved.

    Acknowledged and suppressed are facts beside the state, not states.
    """

    condition = models.CharField(_("condition"), max_length=60)
    object_key = models.CharField(max_length=120)  # "server:12", "node:3", "cluster:1"
    cluster = models.ForeignKey(Cluster, on_delete=models.SET_NULL, null=True, verbose_name=_("cluster"))
    node = models.ForeignKey(Node, on_delete=models.SET_NULL, null=True, verbose_name=_("node"))
    server = models.ForeignKey(Server, on_delete=models.SET_NULL, null=True, verbose_name=_("server"))
    severity = models.CharField(_("severity"), max_length=10, choices=Severity)
    title = models.CharField(_("trouble"), max_length=200)
    text = models.TextField(_("what is known"), default="")
    labels = models.JSONField(default=dict)
    opened_at = models.DateTimeField(_("since"), default=clock.now, db_index=True)
    closed_at = models.DateTimeField(_("over"), null=True, db_index=True)
    ending = models.TextField(_("how it ended"), default="")
    # Trouble that comes back soon after its end is the same incident again: how often that was, and when last.
    flaps = models.PositiveIntegerField(_("came back"), default=0)
    reopened_at = models.DateTimeField(_("came back last"), null=True)
    # When its present state is told, if it stays so until then: the end of one that flaps, or that it is not over.
    tell_at = models.DateTimeField(null=True, db_index=True)
    told = models.PositiveIntegerField(default=0)  # the number of the last opening that was told, from 0
    acknowledged_at = models.DateTimeField(_("acknowledged"), null=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, verbose_name=_("acknowledged by")
    )
    # Until then nobody is reminded of it. Who asked for that is a step.
    snoozed_until = models.DateTimeField(_("snoozed until"), null=True)

    class Meta:
        verbose_name = _("incident")
        verbose_name_plural = _("incidents")
        ordering = ["-opened_at", "-pk"]
        permissions = [
            ("acknowledge_incident", _("Can acknowledge an incident")),
            ("close_incident", _("Can say that an incident is over")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["condition", "object_key"], condition=Q(closed_at=None), name="one_open_incident_of_a_thing"
            )
        ]
        indexes = [
            models.Index(fields=["closed_at", "severity"]),
            models.Index(fields=["condition", "object_key", "-closed_at"]),
        ]

    def __str__(self) -> str:
        return self.title

    def allows(self, action: str) -> bool:
        """Only what is open can be closed, and acknowledged, or snoozed under the same right, if it is not yet."""
        if action == "close":
            return self.is_open
        return action != "acknowledge" or (self.is_open and self.acknowledged_at is None)

    def get_condition(self) -> str:
        """What is wrong in the person's language; a rule of one's own has a name of its own."""
        return str({**TOLD_BY_RULES, **dict(Condition.choices)}.get(self.condition, self.condition))

    @property
    def is_open(self) -> bool:
        """Whether it is not over."""
        return self.closed_at is None

    @property
    def duration(self) -> timedelta:
        """How long it lasted, or has lasted until now."""
        return (self.closed_at or clock.now()) - self.opened_at

    @property
    def message_id(self) -> str:
        """What its opening and its recovery share on the way to the channels."""
        return f"incident-{self.pk}"

    @property
    def judged_labels(self) -> dict[str, str]:
        """What routes and silences judge its messages by."""
        own = {"condition": self.condition, "severity": self.severity, "incident": self.message_id}
        return {**self.labels, **own}

    def snoozed_at(self, moment: datetime) -> bool:
        """Whether somebody wanted to hear no more of it until later than that."""
        return self.is_open and self.snoozed_until is not None and self.snoozed_until > moment

    def flaps_at(self, moment: datetime) -> bool:
        """Whether it came back so lately that its next end need not be the last."""
        return self.reopened_at is not None and moment - self.reopened_at < flapping_window()

    def close(self, moment: datetime, ending: str, *, tell_at: datetime | None = None) -> bool:
        """Whether it was this process that closed it. ``tell_at``: its end is told then, if it stays over."""
        mine = Incident.objects.filter(pk=self.pk, closed_at=None)
        if not mine.order_by().update(closed_at=moment, ending=ending, tell_at=tell_at):
            return False
        self.closed_at, self.ending, self.tell_at = moment, ending, tell_at
        self.steps.create(kind=StepKind.CLOSED, at=moment, text=ending)
        return True

    def reopen(self, moment: datetime, *, flap: bool = True, tell_at: datetime | None = None) -> bool:
        """Whether it was this process that opened it again. ``tell_at``: that is told then, if it stays open."""
        mine = Incident.objects.filter(pk=self.pk, closed_at=self.closed_at).exclude(closed_at=None).order_by()
        values = {
            "closed_at": None, "ending": "", "tell_at": tell_at, "reopened_at": moment, "flaps": self.flaps + int(flap),
        }  # fmt: skip
        if not mine.update(**values):
            return False
        for name, value in values.items():
            setattr(self, name, value)
        self.steps.create(kind=StepKind.REOPENED, at=moment)
        return True


class Alert(models.Model):
    """What one source says, identified by source, fingerprint and start. Repeats update the row."""

    source = models.CharField(_("source"), max_length=20)
    fingerprint = models.CharField(_("fingerprint"), max_length=64)
    starts_at = models.DateTimeField(_("since"))
    ends_at = models.DateTimeField(_("over"), null=True)
    status = models.CharField(_("status"), max_length=10, choices=AlertStatus, default=AlertStatus.FIRING)
    condition = models.CharField(_("condition"), max_length=60)
    # The thing that the source speaks of; the incident's may be a part of it, or the whole.
    object_key = models.CharField(max_length=120, default="")
    severity = models.CharField(_("severity"), max_length=10, choices=Severity)
    title = models.CharField(_("title"), max_length=200)
    labels = models.JSONField(default=dict)
    link = models.TextField(_("where it comes from"), default="")
    last_received_at = models.DateTimeField(_("last heard"), default=clock.now)
    # Ended by a person or an exception, and not by its source: it begins again if that says it again.
    set_aside = models.BooleanField(default=False)
    incident = models.ForeignKey(
        Incident, on_delete=models.CASCADE, related_name="alerts", verbose_name=_("incident")
    )  # fmt: skip

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        ordering = ["-starts_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["source", "fingerprint", "starts_at"], name="one_row_per_alert")
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.source}: {self.title}"
