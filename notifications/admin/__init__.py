"""The pages: channels, routes, silences, maintenance windows, messages, deliveries, decisions."""

from notifications.admin.channels import AlertChannelAdmin
from notifications.admin.decisions import DecisionAdmin
from notifications.admin.deliveries import DeliveryAdmin
from notifications.admin.messages import NotificationAdmin
from notifications.admin.mutes import MaintenanceAdmin, SilenceAdmin
from notifications.admin.routes import RouteAdmin

__all__ = [
    "AlertChannelAdmin",
    "DecisionAdmin",
    "DeliveryAdmin",
    "MaintenanceAdmin",
    "NotificationAdmin",
    "RouteAdmin",
    "SilenceAdmin",
]
