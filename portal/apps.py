"""The composition root as a Django app: its templates, static files, translations and checks."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Loads the system checks and the audit trail."""

    name = "portal"
    verbose_name = "Portal"

    def ready(self) -> None:
        """Register the checks and what the audit trail follows."""
        from portal import audit, checks  # noqa: F401

        audit.register()
