"""Rows as the API shows them: their keys and types depend on the kind, the state and the version."""

from __future__ import annotations

import time
from typing import Any

from simulator import load
from simulator.cluster import Cluster
from simulator.model import Guest, Node, Storage

Row = dict[str, Any]
PRESSURES = (
    "pressurecpusome",
    "pressurecpufull",
    "pressureiosome",
    "pressureiofull",
    "pressurememorysome",
    "pressurememoryfull",
)


def resources(cluster: Cluster, now: float) -> list[Row]:
    """Return all rows of ``/cluster/resources`` for somebody who may see everything."""
    gone = {name for name, node in cluster.nodes.items() if cluster.forgotten(node)}
    rows: list[Row] = [{"id": f"/pool/{pool}", "pool": pool, "type": "pool"} for pool in cluster.pools]
    for guest in cluster.guests.values():
        rows.append(resource_guest(cluster, guest, now, unknown=guest.node in gone))
    for node in cluster.nodes.values():
        rows.append(resource_node(cluster, node, now))
    for storage in cluster.storages.values():
        for name in cluster.nodes:
            rows.append(resource_storage(storage, name, now, unknown=name in gone))
    return rows + [row for name in cluster.nodes for row in _network(cluster, name)]


def resource_guest(cluster: Cluster, guest: Guest, now: float, *, unknown: bool = False) -> Row:
    """Return a guest's row of the resource list; an unknown one has only what its configuration says."""
    guest = cluster.as_listed(guest, now)
    row: Row = {"id": f"{guest.type}/{guest.vmid}", "vmid": guest.vmid, "type": guest.type, "node": guest.node}
    for key in ("pool", "tags", "lock", "hastate"):
        if value := getattr(guest, key):
            row[key] = value
    if unknown or guest.status == "unknown":
        return row | {"status": "unknown"}
    when = min(now, cluster.nodes[guest.node].offline_since or now)
    mem = load.guest_mem(guest, when)
    row |= {
        "status": guest.status,
        "name": guest.name,
        "template": int(guest.template),
        "maxcpu": guest.cores,
        "maxmem": guest.maxmem,
        "maxdisk": guest.maxdisk,
        "cpu": load.guest_cpu(guest, when),
        "mem": mem,
        "disk": load.guest_disk(guest, when),
        "uptime": load.guest_uptime(guest, when),
        "netin": load.counter(guest, 0, when),
        "netout": load.counter(guest, 1, when),
        "diskread": load.counter(guest, 2, when),
        "diskwrite": load.counter(guest, 3, when),
    }
    if cluster.release.major >= 9:
        row["memhost"] = mem if guest.is_vm else 0
    return row


def resource_node(cluster: Cluster, node: Node, now: float) -> Row:
    """Return a node's row of the resource list; offline it loses its figures at once, its sizes in five minutes."""
    row: Row = {
        "id": f"node/{node.name}",
        "node": node.name,
        "type": "node",
        "status": "online" if node.online else "offline",
        "hastate": "online",
        "cgroup-mode": 2,
    }
    if not cluster.forgotten(node):
        row |= {"level": "", "maxcpu": node.cores, "maxmem": node.memory, "maxdisk": node.rootfs}
    if node.online:
        row |= node_figures(node, now)
    return row


def node_figures(node: Node, now: float) -> Row:
    """Return what is known of a node only while it is online."""
    return {
        "cpu": load.node_cpu(node, now),
        "mem": load.node_mem(node, now),
        "disk": load.node_disk(node, now),
        "uptime": max(0, int(now - node.booted)),
    }


def resource_storage(storage: Storage, node: str, now: float, *, unknown: bool = False) -> Row:
    """Return a storage's row of the resource list, of which there is one per node."""
    available = storage.active and not unknown
    row: Row = {
        "id": f"storage/{node}/{storage.name}",
        "storage": storage.name,
        "node": node,
        "type": "storage",
        "status": "available" if available else "unknown",
        "shared": int(storage.shared),
        "content": storage.content,
        "plugintype": storage.plugin,
    }
    if available:
        key = storage.name if storage.shared else storage.name + node
        row |= {"maxdisk": storage.total, "disk": load.storage_used(storage.used, storage.total, key, now)}
    return row


def _network(cluster: Cluster, node: str) -> list[Row]:
    zone = "localnetwork"
    if cluster.release.major < 9:
        return [{"id": f"sdn/{node}/{zone}", "node": node, "sdn": zone, "status": "ok", "type": "sdn"}]
    row = {"id": f"network/{node}/zone/{zone}", "network": zone, "network-type": "zone", "node": node}
    return [row | {"status": "ok", "type": "network"}]


def guest_list_row(cluster: Cluster, guest: Guest, now: float, *, full: bool = False) -> Row:
    """Return a guest's row of its node's list (``/nodes/N/qemu`` or ``/nodes/N/lxc``)."""
    mem = load.guest_mem(guest, now)
    row: Row = {
        "vmid": guest.vmid if guest.is_vm or cluster.release.major >= 8 else str(guest.vmid),
        "name": guest.name,
        "status": "running" if guest.running else "stopped",
        "cpus": guest.cores,
        "cpu": load.guest_cpu(guest, now),
        "mem": mem,
        "maxmem": guest.maxmem,
        "disk": load.guest_disk(guest, now),
        "maxdisk": guest.maxdisk,
        "uptime": load.guest_uptime(guest, now),
        "netin": load.counter(guest, 0, now),
        "netout": load.counter(guest, 1, now),
    }
    row |= {key: getattr(guest, key) for key in ("tags", "lock") if getattr(guest, key)}
    if guest.template:
        row["template"] = 1
    if guest.running:
        row["pid"] = guest.pid
        if cluster.release.major >= 9:
            row |= _pressures(guest, now)
    if not guest.is_vm:
        return row | _container_only(guest, now)
    if cluster.release.major >= 9:
        row["memhost"] = mem
    return row | (_vm_details(guest, now) if full else {})


def _pressures(guest: Guest, now: float) -> Row:
    values = {name: load.pressure(guest.salt, now, which) for which, name in enumerate(PRESSURES)}
    return dict(values) if guest.is_vm else {name: f"{value:.2f}" for name, value in values.items()}


def _container_only(guest: Guest, now: float) -> Row:
    return {
        "type": "lxc",
        "swap": 0,
        "maxswap": guest.maxmem // 4,
        "diskread": load.counter(guest, 2, now),
        "diskwrite": load.counter(guest, 3, now),
    }


def _vm_details(guest: Guest, now: float) -> Row:
    if not guest.running:
        return {"qmpstatus": "stopped"}
    read, written = load.counter(guest, 2, now), load.counter(guest, 3, now)
    nic = {"netin": load.counter(guest, 0, now), "netout": load.counter(guest, 1, now)}
    return {
        "qmpstatus": guest.status,
        "balloon": guest.maxmem,
        "ballooninfo": {"actual": guest.maxmem, "max_mem": guest.maxmem},
        "blockstat": {"scsi0": {"rd_bytes": read, "wr_bytes": written, "failed_rd_operations": 0}},
        "nics": {f"tap{guest.vmid}i0": nic},
        "diskread": read,
        "diskwrite": written,
        "running-machine": "pc-i440fx-10.0+pve1",
        "running-qemu": "10.0.2",
        "proxmox-support": {"pbs-dirty-bitmap": True, "backup-max-workers": True, "query-bitmap-info": True},
    }


def current_status(cluster: Cluster, guest: Guest) -> Row:
    """Return what ``status/current`` says: always the state of this moment."""
    row = guest_list_row(cluster, guest, time.time(), full=True)
    row["vmid"] = guest.vmid
    row["ha"] = {"managed": 1, "state": guest.hastate} if guest.hastate else {"managed": 0}
    if guest.is_vm and guest.agent:
        row["agent"] = 1
    return row


def node_row(cluster: Cluster, node: Node, now: float) -> Row:
    """Return a node's row of ``/nodes``."""
    row = {
        key: value for key, value in resource_node(cluster, node, now).items() if key not in ("hastate", "cgroup-mode")
    }
    return row | {"ssl_fingerprint": node.fingerprint, "level": ""}


def storage_row(cluster: Cluster, storage: Storage, node: str, now: float) -> Row:
    """Return a storage's row of ``/nodes/N/storage``."""
    key = storage.name if storage.shared else storage.name + node
    used = load.storage_used(storage.used, storage.total, key, now)
    row: Row = {
        "storage": storage.name,
        "type": storage.plugin,
        "content": storage.content,
        "shared": int(storage.shared),
        "enabled": 1,
        "active": int(storage.active),
        "total": storage.total if storage.active else 0,
        "used": used if storage.active else 0,
        "avail": storage.total - used if storage.active else 0,
    }
    if storage.active:
        row["used_fraction"] = used / storage.total
    return row
