"""Exceptions to what is told, and trouble that has not lasted long enough to be told."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from monitoring.models.incident import Condition, Severity
from portal.lib import clock
from servers.models import Cluster, Server

# What can be judged in another way for one server or one cluster, and the unit of its threshold ("" has none).
OF_SERVERS = {
    Condition.GUEST_DOWN: "", Condition.GUEST_UNEXPECTED: "", Condition.BACKUP_TOO_OLD: _("days"),
    Condition.SNAPSHOT_TOO_OLD: _("days"), Condition.NOT_IN_BACKUP_JOB: "", Condition.OPERATION_FAILED: "",
    Condition.BACKUP_FAILED: "",
}  # fmt: skip
OF_CLUSTERS = OF_SERVERS | {
    Condition.STORAGE_FULL: _("%"), Condition.STORAGE_FAILED: "", Condition.CLUSTER_NOT_QUORATE: "",
    Condition.CERTIFICATE_EXPIRING: "", Condition.NODE_OFFLINE: "", Condition.CLUSTER_UNREACHABLE: "",
}  # fmt: skip


class ConditionOverride(models.Model):
    """How one condition is judged for one server, or for all of one cluster. What is left empty stays as usual."""

    condition = models.CharField(_("condition"), max_length=60, choices=Condition)
    server = models.ForeignKey(Server, on_delete=models.CASCADE, null=True, blank=True, verbose_name=_("server"))
    cluster = models.ForeignKey(
        Cluster, on_delete=models.CASCADE, null=True, blank=True, verbose_name=_("cluster"),
        help_text=_("For all of a cluster. Choose a server or a cluster, not both."),
    )  # fmt: skip
    muted = models.BooleanField(_("never tell"), default=False, help_text=_("No incident and no message for this."))
    threshold = models.FloatField(
        _("threshold"), null=True, blank=True,
        help_text=_("Days for ages, percent for storages. Empty: the one under Thresholds."),
    )  # fmt: skip
    delay_minutes = models.PositiveIntegerField(
        _("tell after (minutes)"), null=True, blank=True, help_text=_("How long it must last. Empty: as usual.")
    )
    severity = models.CharField(_("severity"), max_length=10, choices=Severity, blank=True, default="")
    note = models.CharField(_("note"), max_length=200, blank=True, default="", help_text=_("Why it differs."))

    class Meta:
        verbose_name = _("exception")
        verbose_name_plural = _("exceptions")
        ordering = ["condition", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["condition", "server"], condition=Q(cluster=None), name="one_exception_of_a_server",
                violation_error_message=_("There is an exception for this server and condition: change that one."),
            ),
            models.UniqueConstraint(
                fields=["condition", "cluster"], condition=Q(server=None), name="one_exception_of_a_cluster",
                violation_error_message=_("There is an exception for this cluster and condition: change that one."),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.get_condition_display()}: {self.server or self.cluster or '?'}"

    def clean(self) -> None:
        """Raises ValidationError where it is about nothing, or changes nothing."""
        if (self.server is None) == (self.cluster is None):
            raise ValidationError({"server": _("Choose a server or a cluster, one of the two.")})
        allowed = OF_SERVERS if self.server else OF_CLUSTERS
        if self.condition not in allowed:
            raise ValidationError({"condition": _("This is not judged by server: choose the cluster.")})
        if self.threshold is not None and not allowed[Condition(self.condition)]:
            raise ValidationError({"threshold": _("This condition has no threshold: leave it empty.")})
        if self.threshold is not None and not 0 < self.threshold <= 3650:
            raise ValidationError({"threshold": _("Write a number above 0, at most 3650.")})
        if not (self.muted or self.severity) and self.threshold is None and self.delay_minutes is None:
            raise ValidationError(_("This changes nothing: say what is to be different."))


class Suspicion(models.Model):
    """Trouble that is seen and not told yet, because it has to last for a while first."""

    condition = models.CharField(max_length=60)
    object_key = models.CharField(max_length=120)
    since = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = _("suspicion")
        verbose_name_plural = _("suspicions")
        constraints = [models.UniqueConstraint(fields=["condition", "object_key"], name="one_suspicion_of_a_thing")]

    def __str__(self) -> str:
        return f"{self.condition} {self.object_key}"
