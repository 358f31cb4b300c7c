"""High availability: which guests the cluster keeps running by itself."""

from __future__ import annotations

import hashlib
import time
from typing import Any

from simulator.errors import bad_parameter, failure, not_implemented
from simulator.model import Guest
from simulator.params import COUNT, FLAG, TEXT, Schema, choice, required
from simulator.power import Power, later
from simulator.routing import Call, route

STATES = ("started", "stopped", "enabled", "disabled", "ignored")
MANAGE = ("/", "Sys.Console")
TAKES: Schema = {
    "state": choice(*STATES), "comment": TEXT, "group": TEXT, "max_restart": COUNT, "max_relocate": COUNT,
    "failback": FLAG,
}  # fmt: skip


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


def _row(guest: Guest) -> dict[str, Any]:
    row: dict[str, Any] = {"sid": _sid(guest), "type": "vm" if guest.is_vm else "ct"}
    row["state"] = "stopped" if guest.hastate in ("stopped", "request_stop") else "started"
    row |= guest.ha
    row["digest"] = hashlib.sha1(repr(sorted(row.items())).encode(), usedforsecurity=False).hexdigest()
    return row


def _sid(guest: Guest) -> str:
    return f"{'vm' if guest.is_vm else 'ct'}:{guest.vmid}"


def _named(call: Call, sid: str) -> Guest | None:
    number = sid.partition(":")[2] or sid
    guest = call.cluster.guests.get(int(number)) if number.isdecimal() else None
    return guest if guest and sid in (_sid(guest), str(guest.vmid)) else None


@route("GET", "/cluster/ha/resources", takes={"type": choice("ct", "vm")}, needs=("/", "Sys.Audit"))
def resources(call: Call) -> Any:
    """Return what high availability keeps."""
    kind = call.params.get("type")
    rows = [_row(guest) for guest in call.cluster.guests.values() if guest.hastate]
    return [row for row in rows if kind in (None, row["type"])]


@route("GET", "/cluster/ha/resources/{sid}", needs=("/", "Sys.Audit"))
def resource(call: Call) -> Any:
    """Return one resource."""
    guest = _named(call, str(call.values["sid"]))
    if guest is None or not guest.hastate:
        raise failure(f"no such resource '{call.values['sid']}'")
    return _row(guest)


@route("POST", "/cluster/ha/resources", takes={**TAKES, "sid": required(TEXT), "type": TEXT}, needs=MANAGE)
def add(call: Call) -> Any:
    """Let high availability keep a guest, which it then starts or stops as wanted."""
    call.cluster.require_quorum()
    sid = call.params["sid"]
    guest = _named(call, sid)
    if guest is None:
        raise failure(f"resource '{sid}' does not exist in cluster")
    if guest.hastate:
        raise failure(f"create resource failed: resource ID '{_sid(guest)}' already defined")
    if "group" in call.params and call.cluster.release.major >= 9:
        raise bad_parameter(group="ha groups have been migrated to rules")
    # a comment comes back as if UTF-8 were Latin-1
    values = {key: value for key, value in call.params.items() if key not in ("sid", "type", "state")}
    if "comment" in values:
        values["comment"] = values["comment"].encode().decode("latin-1")
    state = call.params.get("state", "started")
    call.cluster.change(guest, hastate="stopped" if state == "stopped" else "started", ha=values)
    if state in ("started", "enabled") and not guest.running:
        power = Power(call.cluster, guest.node, guest.type, guest.vmid, {})
        later(call.cluster, guest, 5.0, lambda: power.ha_start(guest))


@route("PUT", "/cluster/ha/resources/{sid}", takes={**TAKES, "delete": TEXT, "digest": TEXT}, needs=MANAGE)
def change(call: Call) -> Any:
    """Change what high availability wants of a guest."""
    guest = _named(call, str(call.values["sid"]))
    if guest is None or not guest.hastate:
        raise failure(f"no such resource '{call.values['sid']}'")
    state = call.params.pop("state", "")
    guest.ha |= {key: value for key, value in call.params.items() if key not in ("delete", "digest")}
    power = Power(call.cluster, guest.node, guest.type, guest.vmid, {})
    if state in ("started", "enabled"):
        later(call.cluster, guest, 5.0, lambda: power.ha_start(guest))
    elif state:
        later(call.cluster, guest, 4.0, lambda: power.ha_stop(guest))
    call.cluster.touch(guest.vmid)


@route("DELETE", "/cluster/ha/resources/{sid}", takes={"purge": FLAG}, needs=MANAGE)
def remove(call: Call) -> Any:
    """Take a guest out of high availability."""
    sid = str(call.values["sid"])
    guest = _named(call, sid)
    if guest is None or not guest.hastate:
        raise failure(f"cannot delete service '{sid}', not HA managed!")
    call.cluster.change(guest, hastate="", ha={})


@route("GET", "/cluster/ha/groups", needs=("/", "Sys.Audit"))
def groups(call: Call) -> Any:
    """Return no groups; since 9 there are rules instead."""
    if call.cluster.release.major >= 9:
        raise failure("cannot index groups: ha groups have been migrated to rules")
    return []


@route("GET", "/cluster/ha/rules", needs=("/", "Sys.Audit"))
def rules(call: Call) -> Any:
    """Return no rules; before 9 there was no such call."""
    if call.cluster.release.major < 9:
        raise not_implemented("GET", call.path)
    return []
