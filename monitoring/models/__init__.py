"""What monitoring keeps: who was here, what sources said, what trouble there is, who reviewed the stack."""

from monitoring.models.coverage import ServerCoverage
from monitoring.models.hooks import HookToken, Inbound, Source, TokenKind
from monitoring.models.incident import TOLD_BY_RULES, Alert, AlertStatus, Condition, Incident, Severity, StepKind
from monitoring.models.review import Review
from monitoring.models.story import Annotation, IncidentStep
from monitoring.models.threshold import AlertThreshold
from monitoring.models.users import ActiveUser
from monitoring.models.watching import ConditionOverride, Suspicion

__all__ = [
    "TOLD_BY_RULES",
    "ActiveUser",
    "Alert",
    "AlertStatus",
    "AlertThreshold",
    "Annotation",
    "Condition",
    "ConditionOverride",
    "HookToken",
    "Inbound",
    "Incident",
    "IncidentStep",
    "Review",
    "ServerCoverage",
    "Severity",
    "Source",
    "StepKind",
    "Suspicion",
    "TokenKind",
]
