"""What happened to an incident, and where else it is marked."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from monitoring.models.incident import Incident, StepKind
from portal.lib import clock


class IncidentStep(models.Model):
    """One thing that happened to an incident after its beginning. Written in the transaction of what happened."""

    incident = models.ForeignKey(
        Incident, on_delete=models.CASCADE, related_name="steps", verbose_name=_("incident")
    )  # fmt: skip
    at = models.DateTimeField(_("when"), default=clock.now)
    kind = models.CharField(_("what"), max_length=20, choices=StepKind)
    by = models.CharField(_("by"), max_length=150, default="")  # the name outlives the account
    until = models.DateTimeField(_("until"), null=True)
    text = models.TextField(default="")

    class Meta:
        verbose_name = _("step of an incident")
        verbose_name_plural = _("steps of incidents")
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.incident_id}: {self.kind}"


class Annotation(models.Model):
    """The mark of an incident on Grafana's graphs: one each, made once, ended when the incident ends."""

    incident = models.OneToOneField(
        Incident, on_delete=models.CASCADE, related_name="annotation", verbose_name=_("incident")
    )
    grafana_id = models.PositiveBigIntegerField(null=True)
    marked_end = models.DateTimeField(null=True)  # the end that Grafana was told of
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(default=clock.now)
    claimed_until = models.DateTimeField(null=True)
    last_error = models.TextField(default="")

    def __str__(self) -> str:
        return f"{self.incident_id}: {self.grafana_id}"

    @classmethod
    def due(cls, moment: datetime) -> "models.QuerySet[Annotation]":
        """Those that Grafana does not show as they are, and that nobody is at."""
        end = F("incident__closed_at")
        stale = Q(grafana_id=None) | Q(marked_end__lt=end) | Q(marked_end__gt=end)
        stale |= Q(marked_end=None, incident__closed_at__isnull=False)
        stale |= Q(marked_end__isnull=False, incident__closed_at=None)
        free = Q(claimed_until=None) | Q(claimed_until__lt=moment)
        return cls.objects.filter(free, stale, due_at__lte=moment)
