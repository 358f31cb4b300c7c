"""The monitoring app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MonitoringConfig(AppConfig):
    """Declares the app."""

    name = "monitoring"
    verbose_name = _("Monitoring")
