"""What monitoring keeps: who was here, what sources said, what trouble there is, who reviewed the stack."""

from monitoring.models.coverage import ServerCoverage
from monitoring.models.hooks import HookToken, Inbound, Source, TokenKind
from monitoring.models.incident import Alert, AlertStatus, Condition, Incident, Severity
from monitoring.models.review import Review
from monitoring.models.threshold import AlertThreshold
from monitoring.models.users import ActiveUser
from monitoring.models.watching import ConditionOverride, Suspicion

__all__ = [
    "ActiveUser",
    "Alert",
    "AlertStatus",
    "AlertThreshold",
    "Condition",
    "ConditionOverride",
    "HookToken",
    "Inbound",
    "Incident",
    "Review",
    "ServerCoverage",
    "Severity",
    "Source",
    "Suspicion",
    "TokenKind",
]
