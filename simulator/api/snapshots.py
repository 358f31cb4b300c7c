"""Snapshots: their list and what changes them. What is wrong, mostly the task says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulator import schemas
from simulator.errors import failure
from simulator.params import FLAG, TEXT, Schema
from simulator.routing import Call, route
from simulator.snapshots import Snapshots
from simulator.tasks import Body, Task

TAKE = ("/vms/{vmid}", "VM.Snapshot")
ROLLBACK = ("/vms/{vmid}", "VM.Snapshot", "VM.Snapshot.Rollback")
ONE = "/nodes/{node}/{type}/{vmid}/snapshot/{snapname}"


def _run(call: Call, action: str, make: Callable[[Snapshots], Callable[[Task], Body]]) -> str:
    given = call.params | {"snapname": call.values.get("snapname", call.params.get("snapname"))}
    task = Snapshots(call.cluster, call.node, call.kind, call.vmid, given)
    prefix = "qm" if call.kind == "qemu" else "vz"
    return call.cluster.book.start(call.node, prefix + action, call.vmid, call.user, make(task))


def _take(call: Call) -> Any:
    if call.params["snapname"] == "current":
        raise failure("unable to use snapshot name 'current' (reserved name)")
    call.cluster.guest(call.node, call.kind, call.vmid)
    return _run(call, "snapshot", lambda snapshots: snapshots.take)


@route("POST", "/nodes/{node}/qemu/{vmid}/snapshot", takes=schemas.SNAPSHOT, needs=TAKE)
def take_of_vm(call: Call) -> Any:
    """Return the task that takes a snapshot, with the memory if that is asked for."""
    return _take(call)


@route("POST", "/nodes/{node}/lxc/{vmid}/snapshot", takes=schemas.SNAPSHOT_CONTAINER, needs=TAKE)
def take_of_container(call: Call) -> Any:
    """Return the task that takes a snapshot."""
    return _take(call)


@route("POST", f"{ONE}/rollback", takes={"start": FLAG}, needs=ROLLBACK)
def rollback(call: Call) -> Any:
    """Return the task that goes back to a snapshot."""
    return _run(call, "rollback", lambda snapshots: snapshots.rollback)


@route("DELETE", ONE, takes={"force": FLAG}, needs=TAKE)
def remove(call: Call) -> Any:
    """Return the task that removes a snapshot."""
    return _run(call, "delsnapshot", lambda snapshots: snapshots.remove)


DESCRIPTION: Schema = {"description": TEXT}


@route("GET", f"{ONE}/config", needs=("/vms/{vmid}", "VM.Snapshot", "VM.Snapshot.Rollback", "VM.Audit"))
def snapshot_config(call: Call) -> Any:
    """Return the configuration in a snapshot."""
    return _snapshot(call).config


@route("PUT", f"{ONE}/config", takes=DESCRIPTION, needs=TAKE)
def describe(call: Call) -> Any:
    """Change a snapshot's description."""
    snapshot = _snapshot(call)
    if "description" in call.params:
        snapshot.description = call.params["description"]
    call.cluster.touch(call.vmid)


def _snapshot(call: Call) -> Any:
    guest = call.cluster.guest(call.node, call.kind, call.vmid)
    for snapshot in guest.snapshots:
        if snapshot.name == call.values["snapname"]:
            return snapshot
    raise failure(f"snapshot '{call.values['snapname']}' does not exist")
