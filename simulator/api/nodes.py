"""Reads of one node."""

from __future__ import annotations

import time
from typing import Any

from simulator import certificates, load, rows
from simulator.params import FLAG
from simulator.routing import Call, route

KERNELS = {7: "5.15.108-1-pve", 8: "6.8.12-9-pve"}
CPU = {"sockets": 1, "mhz": "2596.138", "model": "Simulated CPU", "flags": "fpu vme de pse", "hvm": "1", "user_hz": 100}
AUDIT = ("/nodes/{node}", "Sys.Audit")


@route("GET", "/nodes")
def nodes(call: Call) -> Any:
    """Return a row per node; without rights on it, only that it is there."""
    now = time.time()
    result = []
    for node in call.cluster.nodes.values():
        row = rows.node_row(call.cluster, node, now)
        if not call.rights.may(f"/nodes/{node.name}", "Sys.Audit"):
            row = {key: row[key] for key in ("id", "node", "type", "status", "level", "ssl_fingerprint")}
        result.append(row)
    return result


@route("GET", "/nodes/{node}/version")
def version(call: Call) -> Any:
    """Return the version of a node."""
    release = call.cluster.release
    return {"version": release.version, "release": release.release, "repoid": release.repoid}


@route("GET", "/nodes/{node}/status", needs=AUDIT)
def status(call: Call) -> Any:
    """Return a node's state; load averages and MHz are strings."""
    node, now, release = call.cluster.nodes[call.node], time.time(), call.cluster.release
    mem, disk, average = load.node_mem(node, now), load.node_disk(node, now), load.node_load(node, now)
    kernel, build = KERNELS.get(release.major, "6.17.4-2-pve"), "#1 SMP PREEMPT_DYNAMIC (simulated)"
    memory = {"total": node.memory, "used": mem, "free": node.memory - int(mem * 1.1)}
    cpuinfo = CPU | {"cpus": node.cores, "cores": node.cores // 2}
    if release.major >= 9:
        memory["available"] = node.memory - mem
        cpuinfo |= {"vendor": "AuthenticAMD", "family": "25"}
    return {
        "pveversion": f"pve-manager/{release.version}/{release.repoid}",
        "kversion": f"Linux {kernel} {build}",
        "current-kernel": {"machine": "x86_64", "release": kernel, "sysname": "Linux", "version": build},
        "boot-info": {"mode": "efi", "secureboot": 0},
        "cpu": load.node_cpu(node, now),
        "cpuinfo": cpuinfo,
        "idle": 0,
        "wait": 0.002 + 0.01 * load.noise(node.nodeid, now, 60),
        "loadavg": [f"{average * factor:.2f}" for factor in (1.0, 0.97, 0.95)],
        "memory": memory,
        "swap": {"total": 8 * 1024**3, "used": 1024**2, "free": 8 * 1024**3 - 1024**2},
        "rootfs": {
            "total": node.rootfs,
            "used": disk,
            "avail": int((node.rootfs - disk) * 0.95),
            "free": node.rootfs - disk,
        },
        "ksm": {"shared": 0},
        "uptime": max(0, int(now - node.booted)),
    }


@route("GET", "/nodes/{node}/{type}", takes={"full": FLAG})
def guests(call: Call) -> Any:
    """Return the node's virtual machines or containers that the caller may see."""
    if call.kind == "lxc" and "full" in call.params:
        call.params.pop("full")
    now = time.time()
    return [
        rows.guest_list_row(call.cluster, guest, now, full=bool(call.params.get("full")))
        for guest in call.cluster.guests.values()
        if guest.node == call.node and guest.type == call.kind and call.rights.may(f"/vms/{guest.vmid}", "VM.Audit")
    ]


@route("GET", "/nodes/{node}/certificates/info")
def certificate_info(call: Call) -> Any:
    """Return the certificate this server shows and the authority that signed it."""
    path = call.cluster.certificate
    found = [certificates.describe(path.with_name("ca.pem"), "pve-root-ca.pem")]
    return [*found, certificates.describe(path, "pve-ssl.pem")]
