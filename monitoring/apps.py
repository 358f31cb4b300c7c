"""The monitoring app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from prometheus_client import disable_created_metrics


class MonitoringConfig(AppConfig):
    """Declares the app, and that no counter is doubled by the time of its creation."""

    name = "monitoring"
    verbose_name = _("Monitoring")

    def ready(self) -> None:
        """A ``…_created`` series beside each counter doubles a page that nobody reads twice. And clusters may send
        their notifications here."""
        disable_created_metrics()
        from monitoring.listening import ProxmoxListener
        from portal.lib import subscriptions

        subscriptions.register(ProxmoxListener())
