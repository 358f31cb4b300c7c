"""Servers, as monitoring sees them."""

from django.utils.translation import gettext_lazy as _

from servers.models import Server


class ServerCoverage(Server):
    """A server and what of monitoring it lacks. No table of its own."""

    class Meta:
        proxy = True
        verbose_name = _("server's coverage")
        verbose_name_plural = _("monitoring coverage")
        ordering = ["cluster__name", "vmid"]
