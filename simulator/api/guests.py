"""Reads of one guest: configuration, state, snapshots, addresses."""

from __future__ import annotations

import time
from typing import Any

from simulator import config, rows
from simulator.errors import failure
from simulator.model import Guest
from simulator.params import FLAG, TEXT
from simulator.routing import Call, route

AUDIT = ("/vms/{vmid}", "VM.Audit")
BOOT_SECONDS = 20.0


def the_guest(call: Call) -> Guest:
    """Return the guest of the path. Raises the 500 that says its configuration file does not exist."""
    return call.cluster.guest(call.node, call.kind, call.vmid)


@route("GET", "/nodes/{node}/{type}/{vmid}/config", takes={"current": FLAG, "snapshot": TEXT}, needs=AUDIT)
def guest_config(call: Call) -> Any:
    """Return the configuration, as it will be unless ``current`` is given; or that of a snapshot."""
    guest = the_guest(call)
    if name := call.params.get("snapshot"):
        for snapshot in guest.snapshots:
            if snapshot.name == name:
                return snapshot.config or config.config(guest, call.cluster.release.major)
        raise failure(f"snapshot '{name}' does not exist")
    return config.config(guest, call.cluster.release.major, in_force=bool(call.params.get("current")))


@route("GET", "/nodes/{node}/{type}/{vmid}/pending", needs=AUDIT)
def pending(call: Call) -> Any:
    """Return the values in force and those that wait for a restart."""
    guest = the_guest(call)
    values = config.config(guest, call.cluster.release.major, in_force=True)
    result: list[dict[str, Any]] = [{"key": key, "value": value} for key, value in values.items()]
    for row in result:
        if row["key"] in guest.pending:
            value = guest.pending[row["key"]]
            row.update({"delete": 1} if value is None else {"pending": value})
    fresh = [(key, value) for key, value in guest.pending.items() if key not in values and value is not None]
    return result + [{"key": key, "pending": value} for key, value in fresh]


@route("GET", "/nodes/{node}/{type}/{vmid}/status/current", needs=AUDIT)
def current(call: Call) -> Any:
    """Return the state of this moment."""
    return rows.current_status(call.cluster, the_guest(call))


@route("GET", "/nodes/{node}/{type}/{vmid}/snapshot", needs=AUDIT)
def snapshots(call: Call) -> Any:
    """Return the snapshots and the entry ``current`` that stands for where the guest is."""
    guest = the_guest(call)
    result: list[dict[str, Any]] = []
    for snapshot in guest.snapshots:
        row: dict[str, Any] = {
            "name": snapshot.name,
            "snaptime": snapshot.snaptime,
            "description": snapshot.description,
        }
        if guest.is_vm:
            row["vmstate"] = snapshot.vmstate
        result.append(row | ({"parent": snapshot.parent} if snapshot.parent else {}))
    digest = config.config(guest, call.cluster.release.major)["digest"]
    here = {"name": "current", "description": "You are here!", "digest": digest, "running": int(guest.running)}
    parent = guest.parent or (guest.snapshots[-1].name if guest.snapshots and not guest.written else "")
    return [*result, here | ({"parent": parent} if parent else {})]


@route("GET", "/nodes/{node}/qemu/{vmid}/agent/network-get-interfaces", unlocked=True)
def agent_interfaces(call: Call) -> Any:
    """Return the network cards the guest agent reports. Raises the 500 of an agent that is not there."""
    new = call.cluster.release.major >= 9
    call.rights.require(
        f"/vms/{call.vmid}", *(("VM.GuestAgent.Audit", "VM.GuestAgent.Unrestricted") if new else ("VM.Monitor",))
    )
    with call.cluster.lock:
        guest = the_guest(call)
        if not guest.running and (guest.agent or "agent" in guest.extra):
            raise failure(f"VM {guest.vmid} is not running")
        if not guest.agent:
            raise failure("No QEMU guest agent configured")
        pace = call.cluster.pace
        ready = guest.agent_running and guest.status == "running" and time.time() - guest.started > BOOT_SECONDS * pace
    if not ready:
        time.sleep(3.0 * pace)
        raise failure("QEMU guest agent is not running")
    return {
        "result": [
            _agent_card("lo", "00:00:00:00:00:00", ["127.0.0.1", "::1"]),
            _agent_card("eth0", guest.mac.lower(), guest.ips),
        ]
    }


def _agent_card(name: str, mac: str, addresses: list[str]) -> dict[str, Any]:
    counters = ("rx-bytes", "rx-packets", "rx-errs", "rx-dropped", "tx-bytes", "tx-packets", "tx-errs", "tx-dropped")
    listed = [
        {"ip-address": ip, "ip-address-type": "ipv6" if ":" in ip else "ipv4", "prefix": _prefix(ip)}
        for ip in addresses
    ]
    return {"name": name, "hardware-address": mac, "ip-addresses": listed, "statistics": dict.fromkeys(counters, 0)}


def _prefix(ip: str) -> int:
    return {"127.0.0.1": 8, "::1": 128}.get(ip, 64 if ":" in ip else 24)


@route("GET", "/nodes/{node}/lxc/{vmid}/interfaces", needs=AUDIT)
def container_interfaces(call: Call) -> Any:
    """Return a running container's network cards; nothing for a stopped one."""
    guest = the_guest(call)
    if not guest.running:
        return None
    newer = call.cluster.release.number >= (8, 4)
    cards = [("lo", "00:00:00:00:00:00", ["127.0.0.1", "::1"]), ("eth0", guest.mac.lower(), guest.ips)]
    return [_container_card(name, mac, addresses, newer) for name, mac, addresses in cards]


def _container_card(name: str, mac: str, addresses: list[str], newer: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"name": name, "hwaddr": mac}
    for ip in addresses:
        row.setdefault("inet6" if ":" in ip else "inet", f"{ip}/{_prefix(ip)}")
    if newer:
        row["hardware-address"] = mac
        row["ip-addresses"] = [
            {"ip-address": ip, "ip-address-type": "inet6" if ":" in ip else "inet", "prefix": str(_prefix(ip))}
            for ip in addresses
        ]
    return row
