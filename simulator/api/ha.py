"""High availability: which guests the cluster keeps running by itself."""

from __future__ import annotations

import time
from typing import Any

from simulator.routing import Call, route


@route("GET", "/cluster/ha/status/current", needs=("/", "Sys.Audit"))
def status(call: Call) -> Any:
    """Return quorum, master, local managers and services; their ``status`` is prose for people."""
    cluster, now = call.cluster, int(time.time())
    when = time.strftime("%a %b %e %H:%M:%S %Y", time.gmtime(now))
    first = next(iter(cluster.nodes))
    online = [node.name for node in cluster.nodes.values() if node.online] or [first]
    said = "OK" if cluster.quorate else f"No quorum on node '{online[0]}'!"
    quorum = {"id": "quorum", "type": "quorum", "node": online[0], "quorate": int(cluster.quorate), "status": said}
    master = {
        "id": "master",
        "type": "master",
        "node": online[-1],
        "status": f"{online[-1]} (active, {when})",
        "timestamp": now,
    }
    rows: list[dict[str, Any]] = [quorum, master]
    busy = {guest.node for guest in cluster.guests.values() if guest.hastate}
    if cluster.release.major >= 9:
        text = "armed (CRM watchdog active)"
        rows.append({"id": "fencing", "type": "fencing", "node": online[-1], "armed-state": "armed", "status": text})
    for node in cluster.nodes.values():
        word = ("active" if node.name in busy else "idle") if node.online else "old timestamp - dead?"
        dog = (
            f", watchdog {'active' if node.name in busy else 'standby'}"
            if cluster.release.major >= 9 and node.online
            else ""
        )
        text = f"{node.name} ({word}{dog}, {when})"
        rows.append({"id": f"lrm:{node.name}", "type": "lrm", "node": node.name, "status": text, "timestamp": now})
    return rows + [_service(cluster_guest) for cluster_guest in cluster.guests.values() if cluster_guest.hastate]


def _service(guest: Any) -> dict[str, Any]:
    sid = f"{'vm' if guest.is_vm else 'ct'}:{guest.vmid}"
    wanted = "stopped" if guest.hastate in ("stopped", "request_stop") else "started"
    return {
        "id": f"service:{sid}", "type": "service", "sid": sid, "node": guest.node, "state": guest.hastate,
        "crm_state": guest.hastate, "request_state": wanted, "status": f"{sid} ({guest.node}, {guest.hastate})",
        "max_restart": 1, "max_relocate": 1,
    }  # fmt: skip
