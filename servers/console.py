"""How a person gets at a server: Proxmox's own console in a browser, and a shell. No credentials in either."""

from urllib.parse import urlencode, urlsplit

from servers.models import Action, Kind, Operation, Server


def url(server: Server) -> str:
    """Proxmox's noVNC for that guest, at the cluster's first endpoint; any node of a cluster leads to all guests. ''
    where its node is not known."""
    if server.node is None or not server.cluster.endpoints:
        return ""
    parts = urlsplit(str(server.cluster.endpoints[0]))
    asked = {
        "console": "kvm" if server.kind == Kind.QEMU else "lxc", "novnc": 1, "vmid": server.vmid,
        "vmname": server.name, "node": server.node.name, "resize": "off",
    }  # fmt: skip
    return f"{parts.scheme}://{parts.netloc}/?{urlencode(asked)}"


def shell_line(server: Server) -> str:
    """The line for a terminal; '' while no address is known. The user is the one that it was made with here; of others
    nobody knows it."""
    if not server.address:
        return ""
    made = Operation.objects.filter(server=server, action=Action.CREATE).first()
    user = str(made.parameters.get("user") or "") if made and server.kind == Kind.QEMU else "root" if made else ""
    return f"ssh {user}@{server.address}" if user else f"ssh {server.address}"
