"""The notifications app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    """Declares the app, and what the audit trail follows of it."""

    name = "notifications"
    verbose_name = _("Notifications")

    def ready(self) -> None:
        """The operator's columns of a channel are audited; that a secret changed is noted, and nothing of it."""
        from auditlog.registry import auditlog

        from notifications.models import AlertChannel

        if not auditlog.contains(AlertChannel):
            auditlog.register(
                AlertChannel,
                include_fields=["name", "kind", "enabled", "minimum_severity", "config", "secrets", "managed_by"],
                mask_fields=["secrets"],
                mask_callable="portal.lib.audit.hide",
            )
