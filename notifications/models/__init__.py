"""The rows: channels, what was said, and what became of it."""

from notifications.models.channel import AlertChannel
from notifications.models.counter import NotificationCounter, Result
from notifications.models.delivery import Delivery, DeliveryAttempt, DeliveryState, Notification

__all__ = [
    "AlertChannel",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryState",
    "Notification",
    "NotificationCounter",
    "Result",
]
