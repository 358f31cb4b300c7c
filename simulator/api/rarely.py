"""Reads that few people ask for: the external vote, subscriptions, replication."""

from __future__ import annotations

import hashlib
from typing import Any

from simulator.errors import failure
from simulator.params import VMID
from simulator.routing import Call, route


@route("GET", "/cluster/config/qdevice", needs=("/", "Sys.Audit"))
def qdevice(call: Call) -> Any:
    """Return the state of the external vote; an empty object where there is none."""
    return call.cluster.qdevice


@route("GET", "/nodes/{node}/subscription")
def subscription(call: Call) -> Any:
    """Return a node's subscription; most have none. Its numbers are for those who may audit the node."""
    row: dict[str, Any] = {
        "status": "notfound",
        "message": "There is no subscription key",
        "serverid": hashlib.sha256(call.node.encode()).hexdigest()[:32].upper(),
        "url": "https://www.proxmox.com/en/proxmox-virtual-environment/pricing",
    }
    row = call.cluster.subscriptions.get(call.node, row)
    if call.rights.may(f"/nodes/{call.node}", "Sys.Audit"):
        return row
    return {key: value for key, value in row.items() if key not in ("serverid", "key")}


@route("GET", "/nodes/{node}/replication", takes={"guest": VMID})
def replications(call: Call) -> Any:
    """Return the state of the replication jobs whose source is the node."""
    wanted = call.params.get("guest")
    return [row for row in _jobs(call) if wanted in (None, row["guest"])]


@route("GET", "/nodes/{node}/replication/{id}/status")
def replication(call: Call) -> Any:
    """Return the state of one job. Raises the 500 of a job that is not here."""
    for row in _jobs(call):
        if row["id"] == call.values["id"]:
            return row
    raise failure(f"no such replication job '{call.values['id']}'")


def _jobs(call: Call) -> list[dict[str, Any]]:
    return [
        {"id": name, "type": "local", "jobnum": int(name.rpartition("-")[2]), **row}
        for name, row in call.cluster.replications.items()
        if row["source"] == call.node and call.rights.may(f"/vms/{row['guest']}", "VM.Audit")
    ]
