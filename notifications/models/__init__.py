"""The rows: channels, routes, what was said, what became of it, and why."""

from notifications.models.channel import AlertChannel
from notifications.models.counter import NotificationCounter, Result
from notifications.models.decision import Decision, SuppressionCounter
from notifications.models.delivery import Delivery, DeliveryAttempt, DeliveryState, Notification
from notifications.models.route import EscalationStep, Maintenance, QuietWindow, Route, Silence
from notifications.models.watch import Bundle, Watch, WatchState

__all__ = [
    "AlertChannel",
    "Bundle",
    "Decision",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryState",
    "EscalationStep",
    "Maintenance",
    "Notification",
    "NotificationCounter",
    "QuietWindow",
    "Result",
    "Route",
    "Silence",
    "SuppressionCounter",
    "Watch",
    "WatchState",
]
