"""The servers app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ServersConfig(AppConfig):
    """Declares the app."""

    name = "servers"
    verbose_name = _("Servers")
