"""What exceptions make of alerts from outside: rules know the usual thresholds only, the exceptions are known here."""

from dataclasses import replace
from typing import Final

from monitoring.conditions import Finding
from monitoring.models import Condition, ConditionOverride, Incident, Severity
from monitoring.watching.policy import Policies

NOTHING: Final = (None, None)  # neither a threshold nor a delay


class Exemptions:
    """The exceptions, asked for when the first alert is judged: of most messages nothing is new."""

    def __init__(self) -> None:
        self._policies: Policies | None = None

    def judge(self, finding: Finding) -> Finding | None:
        """The alert as it is told; None where nobody is told. Where a server or a cluster is judged by a number or a
        delay of its own, the portal judges, and a rule's alert only joins the incident that the portal opened."""
        judged = self.heard(finding)
        return judged if judged is None or not self._is_ours(finding) or _is_open(finding) else None

    def heard(self, finding: Finding) -> Finding | None:
        """The same for what is no judgement by a number, such as a backup that failed."""
        found = self._of(finding)
        if found is None:
            return finding
        if found.muted:
            return None
        return replace(finding, severity=Severity(found.severity)) if found.severity else finding

    def _is_ours(self, finding: Finding) -> bool:
        wish = finding.server.backup_days if finding.server and finding.condition == Condition.BACKUP_TOO_OLD else None
        found = self._of(finding)
        return wish is not None or (found is not None and (found.threshold, found.delay_minutes) != NOTHING)

    def _of(self, finding: Finding) -> ConditionOverride | None:
        self._policies = self._policies or Policies.load()
        return self._policies.of_finding(finding)


def _is_open(finding: Finding) -> bool:
    known = Incident.objects.filter(condition=finding.condition, object_key=finding.object_key)
    return known.filter(closed_at=None).exists()
