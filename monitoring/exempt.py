"""What exceptions make of alerts from outside: rules know the usual thresholds only, the exceptions are known here."""

from dataclasses import replace
from typing import Final

from django.utils.translation import gettext as _

from monitoring.conditions import Finding
from monitoring.incidents import PORTAL
from monitoring.models import Alert, AlertStatus, Condition, ConditionOverride, Incident, Severity, Source
from monitoring.watching.policy import Policies
from servers.models import Cluster, Server

NOTHING: Final = (None, None)  # neither a threshold nor a delay
# Rules judge by numbers, which may be other ones here; Proxmox's own notifications tell what happened.
BY_NUMBERS: Final = frozenset({Source.ALERTMANAGER, Source.GRAFANA})


class Exemptions:
    """The exceptions, asked for when the first alert is judged: of most messages nothing is new."""

    def __init__(self) -> None:
        self._policies: Policies | None = None

    def judge(self, finding: Finding) -> Finding | None:
        """The alert as it is told; None where nobody is told. Where a server or a cluster is judged by a number or a
        delay of its own, the portal judges, and a rule's alert only joins the incident that the portal opened."""
        judged, found = self.heard(finding), self._of(finding.condition, finding.server, finding.cluster)
        ours = _judged_here(finding.condition, finding.server, found)
        return judged if judged is None or not ours or _is_open(finding) else None

    def heard(self, finding: Finding) -> Finding | None:
        """The same for what is no judgement by a number, such as a backup that failed."""
        found = self._of(finding.condition, finding.server, finding.cluster)
        if found is None:
            return finding
        if found.muted:
            return None
        return replace(finding, severity=Severity(found.severity)) if found.severity else finding

    def keeps_back(self, alert: Alert) -> str:
        """Why an alert that is open would be kept back if it came now; '' where it would not."""
        incident = alert.incident
        found = self._of(alert.condition, incident.server, incident.cluster)
        if found is not None and found.muted:
            return _("By an exception nobody is told of it.")
        if alert.source not in BY_NUMBERS or not _judged_here(alert.condition, incident.server, found):
            return ""
        seen = incident.alerts.filter(source=PORTAL, status=AlertStatus.FIRING).exists()
        return "" if seen else _("By what is set for it here, it is as it should be.")

    def _of(self, condition: str, server: Server | None, cluster: Cluster | None) -> ConditionOverride | None:
        self._policies = self._policies or Policies.load()
        return self._policies.of(condition, server.pk if server else None, cluster.pk if cluster else None)


def _judged_here(condition: str, server: Server | None, found: ConditionOverride | None) -> bool:
    """Whether the portal compares with a number, a delay or a wish of its own."""
    wish = server.backup_days if server and condition == Condition.BACKUP_TOO_OLD else None
    return wish is not None or (found is not None and (found.threshold, found.delay_minutes) != NOTHING)


def _is_open(finding: Finding) -> bool:
    known = Incident.objects.filter(condition=finding.condition, object_key=finding.object_key)
    return known.filter(closed_at=None).exists()
