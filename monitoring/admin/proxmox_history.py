"""What Proxmox itself keeps of a server, on its page: open where nothing else can be drawn, else at hand below."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from monitoring.drawing import definitions
from portal.lib.access import may
from portal.lib.sections import Section, section
from servers.models import Server


@section("servers.server", order=16)
def proxmox_history(request: HttpRequest, server: Server) -> Section | None:
    """Processor, memory, network and disk as Proxmox keeps them, and how to see more than that."""
    if server.is_retired or server.template or server.node is None or not may(request.user, "view", server):
        return None
    context: dict[str, Any] = {
        "panels": definitions.moved_together(definitions.every_of(server)),
        "variables": {},
        "marks": definitions.marks("server", {"cluster": server.cluster.name, "server": str(server.vmid)}),
        "open": server.exporter_port is None,
        "lead": _lead(server),
    }
    return Section(_("What Proxmox keeps itself"), "monitoring/panels/proxmox.html", context, bare=True)


def _lead(server: Server) -> str:
    if server.exporter_port is None:
        return _(
            "Proxmox sees this server from outside. For its file systems, its load and what its memory is used for, "
            "install node_exporter in it (Debian and Ubuntu: apt install prometheus-node-exporter) and enter the port, "
            "usually 9100, as “exporter port” above: Prometheus finds it within a minute."
        )
    return _("Proxmox keeps these curves itself, for a year. They are here also while Prometheus is away.")
