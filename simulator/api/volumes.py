"""Volumes on storages: one of them, its notes and protection, its end."""

from __future__ import annotations

from typing import Any

from simulator import disks
from simulator.errors import TaskFailed, failure
from simulator.model import Volume
from simulator.params import COUNT, FLAG, TEXT
from simulator.routing import Call, route
from simulator.tasks import Body, Task

ONE = "/nodes/{node}/storage/{storage}/content/{volume...}"


def _volid(call: Call) -> str:
    volume, storage = str(call.values["volume"]), str(call.values["storage"])
    return volume if ":" in volume else f"{storage}:{volume}"


def _path(call: Call) -> str:
    root = disks.IMAGE_ROOT.get(call.values["storage"], f"/mnt/pve/{call.values['storage']}")
    return f"{root}/dump/{_volid(call).rpartition('/')[2]}"


def _found(call: Call) -> Volume | None:
    if str(call.values["storage"]) not in call.cluster.storages:
        raise failure(f"storage '{call.values['storage']}' does not exist")
    return call.cluster.volume(call.node, _volid(call))


def _required(call: Call) -> Volume:
    volume = _found(call)
    if volume is None:
        raise failure(f"volume_size_info on '{_volid(call)}' failed - no format")
    return volume


def _may(call: Call, volume: Volume | None) -> None:
    """Raise the 403 of somebody to whom the volume is not: Datastore.Allocate, or for backups two lesser rights."""
    path = f"/storage/{call.values['storage']}"
    if call.rights.may(path, "Datastore.Allocate"):
        return
    if volume is None or volume.content != "backup":
        call.rights.require(path, "Datastore.Allocate")
        return
    call.rights.require(path, "Datastore.AllocateSpace")
    call.rights.require(f"/vms/{volume.vmid}", "VM.Backup")


@route("GET", ONE)
def volume(call: Call) -> Any:
    """Return one volume. Raises the 500 of one that is not there."""
    found = _required(call)
    _may(call, found)
    row: dict[str, Any] = {"path": _path(call), "size": found.size, "used": found.size, "format": "raw"}
    if found.content == "backup":
        row |= {"protected": int(found.protected)} | ({"notes": found.notes} if found.notes else {})
    return row


@route("PUT", ONE, takes={"notes": TEXT, "protected": FLAG})
def edit(call: Call) -> Any:
    """Change a volume's notes or protection."""
    found = _required(call)
    _may(call, found)
    if "notes" in call.params:
        found.notes = call.params["notes"]
    if "protected" in call.params:
        found.protected = bool(call.params["protected"])
    call.cluster.touch()


@route("DELETE", ONE, takes={"delay": COUNT})
def remove(call: Call) -> Any:
    """Return the task that removes a volume; one that is gone is removed with success."""
    found, volid, path = _found(call), _volid(call), _path(call)
    _may(call, found)
    cluster, storage = call.cluster, str(call.values["storage"])

    def body(task: Task) -> Body:
        yield cluster.task_seconds / 8
        there = cluster.volume(call.node, volid)
        if there is not None and there.protected:
            raise TaskFailed(f"cannot remove protected volume '{volid.partition(':')[2]}' on '{storage}'")
        if there is None:
            task.say(f"disk image '{path}' does not exist")
        else:
            del cluster.volumes[there.node, there.volid]
            cluster.touch()
        task.say(f"Removed volume '{volid}'")

    ident = f"{found.vmid if found else ''}@{storage}"
    return cluster.book.start(call.node, "imgdel", ident, call.user, body)
