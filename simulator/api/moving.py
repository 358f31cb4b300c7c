"""Migrating and destroying guests: what is refused at once, and which task does the rest."""

from __future__ import annotations

from typing import Any

from simulator import formats, schemas
from simulator.errors import bad_parameter, failure, not_implemented
from simulator.migration import Migration, preconditions
from simulator.params import FLAG, Schema
from simulator.removal import Removal
from simulator.routing import Call, route

MIGRATE = ("/vms/{vmid}", "VM.Migrate")
DELETE_VM: Schema = {"purge": FLAG, "destroy-unreferenced-disks": FLAG, "skiplock": FLAG}
DELETE_CONTAINER: Schema = {"purge": FLAG, "destroy-unreferenced-disks": FLAG, "force": FLAG}


@route("GET", "/nodes/{node}/{type}/{vmid}/migrate", takes={"target": formats.NODE}, needs=MIGRATE)
def check(call: Call) -> Any:
    """Return what speaks for and against a migration; of containers only since 9."""
    if call.kind == "lxc" and call.cluster.release.major < 9:
        raise not_implemented("GET", call.path)
    return preconditions(call.cluster, call.cluster.guest(call.node, call.kind, call.vmid))


def _migrate(call: Call) -> Any:
    cluster, target = call.cluster, call.params["target"]
    cluster.require_quorum()
    if target == call.node:
        raise bad_parameter(target="target is local node.")
    if target not in cluster.nodes:
        raise failure(f"no such cluster node '{target}'")
    guest = cluster.guest(call.node, call.kind, call.vmid)
    task = Migration(cluster, call.node, call.kind, call.vmid, call.params)
    if guest.hastate:
        return cluster.book.start(call.node, "hamigrate", call.vmid, call.user, task.ha_request)
    if guest.running and guest.is_vm and not call.params.get("online"):
        raise failure("can't migrate running VM without --online")
    if guest.running and not guest.is_vm and not (call.params.get("online") or call.params.get("restart")):
        raise failure("can't migrate running container without --online or --restart")
    if not cluster.nodes[target].online:
        raise failure(f"ssh: connect to host {cluster.nodes[target].ip} port 22: No route to host")
    return cluster.book.start(call.node, "qmigrate" if guest.is_vm else "vzmigrate", call.vmid, call.user, task.run)


@route("POST", "/nodes/{node}/qemu/{vmid}/migrate", takes=schemas.MIGRATE_VM, needs=MIGRATE)
def migrate_vm(call: Call) -> Any:
    """Return the task that moves a virtual machine. Raises the 500 of one that runs, unless ``online`` is said."""
    return _migrate(call)


@route("POST", "/nodes/{node}/lxc/{vmid}/migrate", takes=schemas.MIGRATE_CONTAINER, needs=MIGRATE)
def migrate_container(call: Call) -> Any:
    """Return the task that moves a container. Raises the 500 of one that runs, unless ``restart`` is said."""
    return _migrate(call)


def _delete(call: Call) -> Any:
    guest = call.cluster.guest(call.node, call.kind, call.vmid)
    if guest.protection:
        raise failure(f"can't remove {guest.kind} {guest.vmid} - protection mode enabled")
    if guest.hastate and not call.params.get("purge"):
        raise failure(f"unable to remove {guest.kind} {guest.vmid} - used in HA resources and purge parameter not set.")
    if guest.running and guest.is_vm:
        raise failure(f"VM {guest.vmid} is running - destroy failed")
    if guest.running and not call.params.get("force"):
        raise failure(f"unable to destroy CT {guest.vmid} - container is running")
    task = Removal(call.cluster, call.node, call.kind, call.vmid, call.params)
    kind = "qmdestroy" if guest.is_vm else "vzdestroy"
    return call.cluster.book.start(call.node, kind, call.vmid, call.user, task.run)


@route("DELETE", "/nodes/{node}/qemu/{vmid}", takes=DELETE_VM, needs=("/vms/{vmid}", "VM.Allocate"))
def delete_vm(call: Call) -> Any:
    """Return the task that destroys a virtual machine. Raises the 500 of one that runs or is protected."""
    if call.params.pop("skiplock", 0):
        raise bad_parameter(skiplock="Only root may use this option.")
    return _delete(call)


@route("DELETE", "/nodes/{node}/lxc/{vmid}", takes=DELETE_CONTAINER, needs=("/vms/{vmid}", "VM.Allocate"))
def delete_container(call: Call) -> Any:
    """Return the task that destroys a container. Raises the 500 of one that runs or is protected."""
    return _delete(call)
