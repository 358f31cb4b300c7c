"""Exceptions to how conditions are judged, by server or by cluster."""

from dataclasses import dataclass, replace

from monitoring.conditions import Finding, Verdict
from monitoring.models import ConditionOverride, Severity


@dataclass(frozen=True)
class Policies:
    """The exceptions, by condition. The one of a server goes before the one of its cluster."""

    of_servers: dict[tuple[str, int], ConditionOverride]
    of_clusters: dict[tuple[str, int], ConditionOverride]

    @classmethod
    def load(cls) -> "Policies":
        """As they are set: one query."""
        rows = list(ConditionOverride.objects.all())
        return cls(
            {(row.condition, row.server_id): row for row in rows if row.server_id},
            {(row.condition, row.cluster_id): row for row in rows if row.cluster_id},
        )

    def of(self, condition: str, server: int | None, cluster: int | None) -> ConditionOverride | None:
        """The exception that holds for that server of that cluster."""
        found = self.of_servers.get((condition, server)) if server else None
        return found or (self.of_clusters.get((condition, cluster)) if cluster else None)

    def threshold(self, condition: str, server: int | None, cluster: int | None, otherwise: float) -> float:
        """The number to compare with."""
        found = self.of(condition, server, cluster)
        return found.threshold if found is not None and found.threshold is not None else otherwise

    def thresholds(self, condition: str) -> list[float]:
        """Every other number that anything is compared with."""
        rows = (*self.of_servers.values(), *self.of_clusters.values())
        return [row.threshold for row in rows if row.condition == condition and row.threshold is not None]

    def of_finding(self, finding: Finding) -> ConditionOverride | None:
        """The exception that holds for what was found."""
        server = finding.server.pk if finding.server else None
        return self.of(finding.condition, server, finding.cluster.pk if finding.cluster else None)

    def applied(self, verdicts: "dict[tuple[str, str], Verdict]") -> "dict[tuple[str, str], Verdict]":
        """The verdicts without those that nobody wants to hear of, and with the severities that were asked for."""
        return {
            key: self._apply(verdict) if isinstance(verdict, Finding) else verdict for key, verdict in verdicts.items()
        }

    def _apply(self, finding: Finding) -> Verdict:
        found = self.of_finding(finding)
        if found is None:
            return finding
        if found.muted:
            return None
        return replace(finding, severity=Severity(found.severity)) if found.severity else finding
