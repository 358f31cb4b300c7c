"""What forms offer: a node's bridges, the container templates that can be downloaded."""

from __future__ import annotations

import time
from typing import Any

from simulator import formats
from simulator.errors import bad_parameter
from simulator.model import MiB, Volume
from simulator.params import TEXT, choice, required
from simulator.routing import Call, route
from simulator.tasks import Body, Task

KINDS = ("bridge", "bond", "eth", "alias", "vlan", "fabric", "OVSBridge", "OVSBond", "OVSPort", "OVSIntPort", "vnet",
         "any_bridge", "any_local_bridge", "include_sdn")  # fmt: skip
APPLIANCES = (
    ("debian-13-standard", "13.1-1", "debian-13", "Debian 13 Trixie (standard)"),
    ("debian-12-standard", "12.7-1", "debian-12", "Debian 12 Bookworm (standard)"),
    ("ubuntu-24.04-standard", "24.04-2", "ubuntu-24.04", "Ubuntu 24.04 Noble (standard)"),
    ("alpine-3.22-default", "20250617", "alpine", "Alpine 3.22 (default)"),
)


@route("GET", "/nodes/{node}/network", takes={"type": choice(*KINDS)})
def network(call: Call) -> Any:
    """Return the node's interfaces; bridges only with ``any_bridge``, and only those the caller may use."""
    kind, node = call.params.get("type", ""), call.cluster.nodes[call.node]
    rows: list[dict[str, Any]] = []
    for number, name in enumerate(call.cluster.bridges):
        row: dict[str, Any] = {
            "iface": name, "type": "bridge", "active": 1, "autostart": 1, "priority": 4 + number, "method6": "manual",
            "bridge_ports": f"nic{number}", "bridge_stp": "off", "bridge_fd": "0", "families": ["inet"],
        }  # fmt: skip
        if not number:
            row |= {"address": node.ip, "netmask": "24", "cidr": f"{node.ip}/24", "method": "static"}
        else:
            row |= {"method": "manual", "bridge_vlan_aware": 1, "bridge_vids": "2-4094", "comments": "VLANs\n"}
        if call.rights.may(f"/sdn/zones/localnetwork/{name}", "SDN.Use", "SDN.Audit"):
            rows.append(row)
        rows.append({
            "iface": f"nic{number}", "type": "eth", "active": 1, "autostart": 1, "priority": 2, "families": ["inet"],
            "method": "manual", "method6": "manual",
        })  # fmt: skip
    wanted = ("bridge",) if kind in ("any_bridge", "any_local_bridge", "bridge") else (kind,)
    return [row for row in rows if not kind or kind == "include_sdn" or row["type"] in wanted]


def _file(package: str, version: str) -> str:
    return f"{package}_{version}_amd64.tar.zst"


@route("GET", "/nodes/{node}/aplinfo")
def appliances(call: Call) -> Any:
    """Return the container templates that can be downloaded."""
    return [
        {
            "template": _file(package, version), "package": package, "version": version, "os": system, "type": "lxc",
            "section": "system", "headline": headline, "source": "https://download.example.com",
            "description": f"{headline}\n", "architecture": "amd64",
            "infopage": "https://www.example.com", "maintainer": "support@example.com",
            "location": f"https://download.example.com/{_file(package, version)}", "sha512sum": "0" * 128,
        }
        for package, version, system, headline in APPLIANCES
    ]  # fmt: skip


@route(
    "POST", "/nodes/{node}/aplinfo", takes={"storage": required(formats.STORAGE), "template": required(TEXT)},
)  # fmt: skip
def download(call: Call) -> Any:
    """Return the task that downloads a template. Raises the 400 of one that does not exist."""
    name, template = call.params["storage"], call.params["template"]
    call.rights.require(f"/storage/{name}", "Datastore.AllocateTemplate")
    if template not in {_file(package, version) for package, version, *_ in APPLIANCES}:
        raise bad_parameter(template="no such template")
    storage = call.cluster.storages.get(name)
    if storage is None or "vztmpl" not in storage.content:
        raise bad_parameter(storage=f"storage '{name}' does not support templates")

    def body(task: Task) -> Body:
        task.say(f"downloading https://download.example.com/{template} to /var/lib/vz/template/cache/{template}")
        yield call.cluster.task_seconds
        node = "" if storage.shared else call.node
        volume = Volume(f"{name}:vztmpl/{template}", name, "vztmpl", "tzst", 126 * MiB, int(time.time()), node)
        call.cluster.volumes[node, volume.volid] = volume
        call.cluster.touch()
        task.say("download of template finished")

    return call.cluster.book.start(call.node, "download", template, call.user, body)
