"""The composition root as a Django app: its templates, static files, translations and checks."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Loads the system checks."""

    name = "portal"
    verbose_name = "Portal"

    def ready(self) -> None:
        """Register the checks."""
        from portal import checks  # noqa: F401
