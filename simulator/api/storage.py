"""Storages of a node and what lies on them."""

from __future__ import annotations

import time
from typing import Any

from simulator import disks, rows
from simulator.errors import bad_parameter, failure
from simulator.model import Storage, Volume
from simulator.params import FLAG, TEXT, VMID
from simulator.routing import Call, route

LIST_TAKES = {"content": TEXT, "enabled": FLAG, "storage": TEXT, "target": TEXT, "format": FLAG}
ANY = ("/storage/{storage}", "Datastore.Audit", "Datastore.AllocateSpace")


@route("GET", "/nodes/{node}/storage", takes=LIST_TAKES)
def storages(call: Call) -> Any:
    """Return the node's storages that the caller may see."""
    now, wanted = time.time(), set(call.params.get("content", "").replace(",", " ").split())
    return [
        rows.storage_row(call.cluster, storage, call.node, now)
        for storage in call.cluster.storages.values()
        if call.rights.may(f"/storage/{storage.name}", *ANY[1:])
        and (not wanted or wanted & set(storage.content.split(",")))
        and call.params.get("storage", storage.name) == storage.name
    ]


@route("GET", "/nodes/{node}/storage/{storage}/status", needs=ANY)
def storage_status(call: Call) -> Any:
    """Return a storage's figures. Raises the 400 ``No such storage.``"""
    storage = call.cluster.storages.get(call.values["storage"])
    if storage is None:
        raise bad_parameter(storage="No such storage.")
    row = rows.storage_row(call.cluster, storage, call.node, time.time())
    return {key: value for key, value in row.items() if key not in ("storage", "used_fraction")}


@route("GET", "/nodes/{node}/storage/{storage}/content", takes={"content": TEXT, "vmid": VMID}, needs=ANY)
def content(call: Call) -> Any:
    """Return volumes; those the caller may not use are left out silently. Raises the 500 of an unknown storage."""
    storage = call.cluster.storages.get(call.values["storage"])
    if storage is None:
        raise failure(f"storage '{call.values['storage']}' does not exist")
    if not storage.active:
        raise failure(f"storage '{storage.name}' is not online")
    kind, vmid = call.params.get("content"), call.params.get("vmid")
    found = [*disks.volumes(call.cluster, storage, call.node), *call.cluster.volumes.values()]
    return [
        volume_row(volume)
        for volume in found
        if volume.storage == storage.name
        and volume.node in ("", call.node)
        and kind in (None, volume.content)
        and vmid in (None, volume.vmid)
        and _may_use(call, storage, volume)
    ]


def _may_use(call: Call, storage: Storage, volume: Volume) -> bool:
    path = f"/storage/{storage.name}"
    if volume.content not in ("backup", "images", "rootdir") or call.rights.may(path, "Datastore.Allocate"):
        return True
    if volume.content == "backup":
        return call.rights.may(path, "Datastore.AllocateSpace") and call.rights.may(f"/vms/{volume.vmid}", "VM.Backup")
    return call.rights.may(path, "Datastore.Audit") and call.rights.may(f"/vms/{volume.vmid}", "VM.Config.Disk")


def volume_row(volume: Volume) -> dict[str, Any]:
    """Return a volume's row; what is not known or not set is left out."""
    row: dict[str, Any] = {
        "volid": volume.volid, "content": volume.content, "format": volume.format, "size": volume.size,
        "ctime": volume.ctime,
    }  # fmt: skip
    row |= {key: getattr(volume, key) for key in ("vmid", "subtype", "encrypted") if getattr(volume, key)}
    if volume.notes:
        row["notes"] = volume.notes.splitlines()[0]
    if volume.protected:
        row["protected"] = 1
    if volume.verification:
        upid = f"UPID:pbs:00000A1B:00ABCDEF:00000001:{volume.ctime:08X}:verify:store:root@pam:"
        row["verification"] = {"state": volume.verification, "upid": upid}
    return row
