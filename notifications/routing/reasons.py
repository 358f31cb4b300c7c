"""Why something was said, or was not. The label ``reason`` of ``notification_suppressed_total`` uses these words."""

from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """One decision about a message, for a route or for one of its channels."""

    MATCHED = "matched"
    NOT_MATCHED = "not_matched"
    STOPPED = "stopped"
    QUEUED = "queued"
    GROUPED = "grouped"
    REPEATED = "repeated"
    ESCALATED = "escalated"
    RETRIED = "retried"
    DELIVERED = "delivered"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    RESUMED = "resumed"
    # --- somebody was not told, at least not now
    FAILED = "failed"
    SILENCED = "silenced"
    MAINTENANCE = "maintenance"
    QUIET = "quiet"
    NO_ROUTE = "no_route"
    NO_CHANNEL = "no_channel"
    SEVERITY = "severity"
    DISABLED = "channel_disabled"
    DUPLICATE = "duplicate"
    RATE_LIMITED = "rate_limited"
    OVER = "over"
    UNTOLD = "untold"


# Counted as suppressed. A failed delivery is counted by portal_notifications_total already.
SUPPRESSED: Final = (
    Reason.SILENCED, Reason.MAINTENANCE, Reason.QUIET, Reason.NO_ROUTE, Reason.NO_CHANNEL, Reason.SEVERITY,
    Reason.DISABLED, Reason.DUPLICATE, Reason.RATE_LIMITED, Reason.OVER, Reason.UNTOLD, Reason.ACKNOWLEDGED,
    Reason.SNOOZED,
)  # fmt: skip
