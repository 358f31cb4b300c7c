"""Backing up now, and what lies in a backup."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from simulator import vzdump
from simulator.errors import bad_parameter, bad_parameters, failure
from simulator.params import COUNT, FLAG, NUMBER, TEXT, VMIDS, choice
from simulator.restoring import saved
from simulator.routing import Call, route

TAKES = {
    "vmid": VMIDS, "storage": TEXT, "mode": choice("snapshot", "suspend", "stop"),
    "compress": choice("0", "1", "gzip", "lzo", "zstd"),
    "notes-template": TEXT, "protected": FLAG, "remove": FLAG, "prune-backups": TEXT, "all": FLAG, "exclude": VMIDS,
    "pool": TEXT, "bwlimit": COUNT, "quiet": FLAG, "mailto": TEXT, "notification-mode": TEXT, "zstd": COUNT,
    "ionice": NUMBER, "lockwait": COUNT, "stopwait": COUNT, "fleecing": TEXT,
    "performance": TEXT, "exclude-path": TEXT, "job-id": TEXT,
}  # fmt: skip


@route("POST", "/nodes/{node}/vzdump", takes=TAKES)
def backup_now(call: Call) -> Any:
    """Return the backup task, or the word OK and no task if none of the guests is on this node."""
    storage = call.params.get("storage", "local")
    call.rights.require(f"/storage/{storage}", "Datastore.AllocateSpace")
    cluster, vmids = call.cluster, call.params.get("vmid", [])
    for vmid in vmids:
        call.rights.require(f"/vms/{vmid}", "VM.Backup")
    _check_notes(call.params.get("notes-template", ""))
    if not vmids and not call.params.get("all") and "pool" not in call.params:
        raise bad_parameter(vmid="property is missing")
    if not vmids:
        excluded, pool = call.params.get("exclude", []), call.params.get("pool")
        vmids = [
            guest.vmid for guest in cluster.guests.values() if guest.vmid not in excluded and pool in (None, guest.pool)
        ]
    vmids = sorted(vmid for vmid in vmids if vmid not in cluster.guests or cluster.guests[vmid].node == call.node)
    if not vmids:
        return "OK"
    ident = str(vmids[0]) if len(call.params.get("vmid", [])) == 1 else ""
    order = vzdump.Order(cluster, call.node, storage, vmids, call.params)
    return cluster.book.start(call.node, "vzdump", ident, call.user, order.run)


def _check_notes(template: str) -> None:
    """Raise the 400 of a variable that notes cannot have."""
    for found in re.finditer(r"\{\{(.*?)\}\}", template):
        if found[1] not in ("cluster", "guestname", "node", "vmid"):
            where = found.end() - len(found[1])
            raise bad_parameters({"notes-template": f"found unknown: variable '{found[1]}' at char {where}\n"})


@route("GET", "/nodes/{node}/vzdump/extractconfig", takes={"volume": TEXT})
def saved_config(call: Call) -> Any:
    """Return the configuration that lies in a backup, as the text of its file."""
    if "volume" not in call.params:
        raise bad_parameter(volume="property is missing and it is not optional")
    volume = call.cluster.volume(call.node, str(call.params["volume"]))
    if volume is None:
        raise failure(f"volume '{call.params['volume']}' does not exist")
    if not call.rights.may(f"/storage/{volume.storage}", "Datastore.Allocate"):
        call.rights.require(f"/storage/{volume.storage}", "Datastore.AllocateSpace")
        call.rights.require(f"/vms/{volume.vmid}", "VM.Backup")
    values = saved(call.cluster, volume, call.node)
    notes = [f"#{quote(line, safe=' /,.-()')}" for line in str(values.pop("description", "")).splitlines()]
    lines = [f"{key}: {value}" for key, value in sorted(values.items())]
    return "\n".join([*notes, *lines]) + "\n"
