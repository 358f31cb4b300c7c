"""The pages: channels, messages, deliveries."""

from notifications.admin.channels import AlertChannelAdmin
from notifications.admin.deliveries import DeliveryAdmin
from notifications.admin.messages import NotificationAdmin

__all__ = ["AlertChannelAdmin", "DeliveryAdmin", "NotificationAdmin"]
