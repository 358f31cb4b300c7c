"""Charts: averages over time, computed from the same curves as the present figures."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from simulator import load
from simulator.cluster import Cluster
from simulator.errors import failure
from simulator.model import Guest, Node
from simulator.params import Schema, choice, required
from simulator.routing import Call, route
from simulator.rows import PRESSURES

Row = dict[str, Any]
FRAMES = ("hour", "day", "week", "month", "year")
CF = choice("AVERAGE", "MAX")
COUNTERS = ("netin", "netout", "diskread", "diskwrite")
GUEST_TAKES: Schema = {"timeframe": required(choice(*FRAMES)), "cf": CF}
NODE_TAKES: Schema = {"timeframe": required(choice(*FRAMES, "decade")), "cf": CF}
# timeframe -> (seconds per row, rows), before and since version 9
STEPS_8 = {"hour": (60, 70), "day": (1800, 70), "week": (10800, 70), "month": (43200, 70), "year": (604800, 70)}
STEPS_9 = {"hour": (60, 60), "day": (60, 1440), "week": (1800, 336), "month": (1800, 1440), "year": (21600, 1440),
           "decade": (604800, 570)}  # fmt: skip


def _series(call: Call, row: Callable[[float, float], Row]) -> list[Row]:
    """Return the rows of the asked time; ``row`` gets a time and a factor (above 1 for maxima), may return nothing."""
    steps = STEPS_9 if call.cluster.release.major >= 9 else STEPS_8
    timeframe = call.params["timeframe"]
    if timeframe not in steps:
        raise failure(f"RRD error: unknown timeframe '{timeframe}'")
    step, count = steps[timeframe]
    factor = 1.15 if call.params.get("cf") == "MAX" else 1.0
    last = int(time.time()) // step * step
    return [{"time": when} | row(float(when), factor) for when in range(last - (count - 1) * step, last + 1, step)]


def _missing(kind: str, name: str, cluster: Cluster) -> Exception:
    store = f"pve-{kind}-9.0" if cluster.release.major >= 9 else f"pve2-{kind}"
    socket, path = "/var/run/rrdcached.sock", f"/var/lib/rrdcached/db/{store}/{name}"
    opening = f"opening '{path}': No such file or directory"
    return failure(f"RRD error: rrdcached@unix:{socket}: rrd_fetch_r failed: {opening}")


@route(
    "GET", "/nodes/{node}/{type}/{vmid}/rrddata", takes=GUEST_TAKES, needs=("/vms/{vmid}", "VM.Audit"), proxied=False
)
def guest_rrd(call: Call) -> Any:
    """Return a guest's figures over time; any node answers. Before its creation rows hold the time alone."""
    guest = call.cluster.guests.get(call.vmid)
    if guest is None:
        raise _missing("vm", str(call.vmid), call.cluster)
    return _series(call, lambda when, factor: _guest_row(call.cluster, guest, when, factor))


def _guest_row(cluster: Cluster, guest: Guest, when: float, factor: float) -> Row:
    down = cluster.nodes[guest.node].offline_since
    if when < guest.created or (down and when > down) or _gap(guest.salt, when):
        return {}
    row: Row = {"maxcpu": guest.cores, "maxmem": guest.maxmem, "maxdisk": guest.maxdisk, "disk": 0}
    if not guest.running or when < guest.started:
        return row
    mem = int(guest.maxmem * load.mem_curve(guest.salt, when))
    row |= {"cpu": load.cpu_curve(guest.salt, when) * factor, "mem": mem}
    row |= {name: load.rate(guest.salt, which, when) * factor for which, name in enumerate(COUNTERS)}
    if not guest.is_vm:
        row["disk"] = load.disk_curve(guest, when)
    if cluster.release.major >= 9:
        row |= {name: load.pressure(guest.salt, when, which) for which, name in enumerate(PRESSURES)}
        row |= {"memhost": mem} if guest.is_vm else {}
    return row


def _gap(salt: int, when: float) -> bool:
    """Whether the collector was down: now and then for ten minutes, some days ago."""
    return (int(when) // 600 + salt) % 701 == 0 and time.time() - when > 7200


@route("GET", "/nodes/{node}/rrddata", takes=NODE_TAKES, needs=("/nodes/{node}", "Sys.Audit"), proxied=False)
def node_rrd(call: Call) -> Any:
    """Return a node's figures over time; any node answers, also when this one is down."""
    node = call.cluster.nodes.get(call.node)
    if node is None:
        raise _missing("node", call.node, call.cluster)
    return _series(call, lambda when, factor: _node_row(call.cluster, node, when, factor))


def _node_row(cluster: Cluster, node: Node, when: float, factor: float) -> Row:
    if (node.offline_since and when > node.offline_since) or _gap(node.nodeid, when):
        return {}
    used = load.node_mem(node, when)
    row: Row = {
        "maxcpu": node.cores, "cpu": load.node_cpu(node, when) * factor,
        "iowait": 0.002 + 0.01 * load.noise(node.nodeid, when, 60),
        "loadavg": load.node_load(node, when) * factor, "memtotal": node.memory, "memused": used,
        "swaptotal": 8 * 1024**3, "swapused": 1024**2, "roottotal": node.rootfs, "rootused": load.node_disk(node, when),
        "netin": load.rate(node.nodeid, 0, when) * factor, "netout": load.rate(node.nodeid, 1, when) * factor,
    }  # fmt: skip
    if cluster.release.major >= 9:
        shown = [name for name in PRESSURES if name != "pressurecpufull"]
        row |= {name: load.pressure(node.nodeid, when, which) for which, name in enumerate(shown)}
        row |= {"memavailable": node.memory - used, "arcsize": 0}
    return row


@route(
    "GET",
    "/nodes/{node}/storage/{storage}/rrddata",
    takes=GUEST_TAKES,
    needs=("/storage/{storage}", "Datastore.Audit", "Datastore.AllocateSpace"),
    proxied=False,
)
def storage_rrd(call: Call) -> Any:
    """Return a storage's size and use over time."""
    storage = call.cluster.storages.get(call.values["storage"])
    if storage is None:
        raise _missing("storage", f"{call.node}/{call.values['storage']}", call.cluster)
    key = storage.name if storage.shared else storage.name + call.node

    def row(when: float, factor: float) -> Row:
        return {"total": storage.total, "used": load.storage_used(storage.used, storage.total, key, when)}

    return _series(call, row)
