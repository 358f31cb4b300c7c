"""Making guests: new ones, clones, restores, templates."""

from __future__ import annotations

from typing import Any

from simulator import confile, disks, schemas
from simulator.cloning import Cloning
from simulator.errors import ApiError, failure
from simulator.making import Making, make_template, taken
from simulator.model import Guest
from simulator.params import TEXT
from simulator.restoring import Restoring
from simulator.routing import Call, route
from simulator.tasks import Body, Task, lock_timeout


def _may_create(call: Call, vmid: int, *, restoring: bool) -> None:
    """Raise the 403 of somebody who may not make a guest with this id or in this pool."""
    pool = call.params.get("pool")
    if pool and pool not in call.cluster.pools:
        raise ApiError(403, f"Permission check failed (pool '{pool}' does not exist)")
    if restoring and vmid in call.cluster.guests and call.rights.may(f"/vms/{vmid}", "VM.Backup"):
        return
    allowed = call.rights.may(f"/vms/{vmid}", "VM.Allocate")
    if not allowed and not (pool and call.rights.may(f"/pool/{pool}", "VM.Allocate")):
        raise ApiError(403, "Permission check failed")


def _may_use(call: Call, content: str) -> None:
    """Raise the errors of storages and bridges that are not there or not the caller's to use."""
    for key, value in call.params.items():
        volume = str(value).split(",", maxsplit=1)[0]
        wanted = disks.KEY.fullmatch(key) and (disks.WANTED.fullmatch(volume) or volume.endswith(":cloudinit"))
        if wanted:
            name = volume.partition(":")[0]
            disks.require_storage(call.cluster, name, content)
            call.rights.require(f"/storage/{name}", "Datastore.AllocateSpace")
    may_bridge(call)


def may_bridge(call: Call) -> None:
    """Raise the 403 of a bridge that the caller may not use, which needs a right since 8."""
    if call.cluster.release.major >= 8:
        probe = Guest(100, call.kind, "", "")
        probe.extra = {key: value for key, value in call.params.items() if isinstance(value, str)}
        for bridge in confile.bridges(probe):
            call.rights.require(f"/sdn/zones/localnetwork/{bridge}", "SDN.Use")


@route("POST", "/nodes/{node}/qemu", takes=schemas.CREATE_VM)
def create_vm(call: Call) -> Any:
    """Return the task that makes or restores a virtual machine. Raises the 500 of an id that is taken."""
    cluster, vmid = call.cluster, call.params["vmid"]
    restoring = "archive" in call.params
    _may_create(call, vmid, restoring=restoring)
    cluster.require_quorum()
    if restoring:
        return _restore_vm(call, vmid)
    _may_use(call, "images")
    cluster.let_rival_take(vmid)
    if vmid in cluster.guests:
        raise failure(f"unable to create VM {vmid} - {taken(cluster, vmid)}")
    making = Making(cluster, call.node, "qemu", vmid, call.params, call.user)
    return cluster.book.start(call.node, "qmcreate", vmid, call.user, making.create_vm)


def _restore_vm(call: Call, vmid: int) -> str:
    cluster, volid = call.cluster, str(call.params["archive"])
    volume = cluster.volume(call.node, volid)
    if volume is None:
        raise failure(f"volume '{volid}' does not exist")
    _may_read(call, volume.storage, volume.vmid)
    if vmid in cluster.guests and (not call.params.get("force") or not cluster.guests[vmid].is_vm):
        raise failure(f"unable to restore VM {vmid} - {taken(cluster, vmid)}")
    if vmid in cluster.guests and cluster.guests[vmid].protection:
        raise failure(f"unable to restore VM {vmid} - protection mode enabled")
    task = Restoring(cluster, call.node, volume, call.params, call.user)
    return cluster.book.start(call.node, "qmrestore", vmid, call.user, task.vm)


def _may_read(call: Call, storage: str, vmid: int) -> None:
    if not call.rights.may(f"/storage/{storage}", "Datastore.Allocate"):
        call.rights.require(f"/storage/{storage}", "Datastore.AllocateSpace")
        call.rights.require(f"/vms/{vmid}", "VM.Backup")


@route("POST", "/nodes/{node}/lxc", takes=schemas.CREATE_CONTAINER)
def create_container(call: Call) -> Any:
    """Return the task that makes or restores a container. Raises the 500 of an id that is taken."""
    cluster, vmid, restoring = call.cluster, call.params["vmid"], bool(call.params.get("restore"))
    _may_create(call, vmid, restoring=restoring)
    cluster.require_quorum()
    cluster.let_rival_take(vmid)
    guest = cluster.guests.get(vmid)
    if guest is not None and not (restoring and call.params.get("force") and not guest.is_vm):
        raise failure(taken(cluster, vmid))
    if guest is not None and guest.running:
        raise failure("can't overwrite running container")
    if restoring:
        return _restore_container(call, vmid)
    _check_root(call)
    _may_use(call, "rootdir")
    making = Making(cluster, call.node, "lxc", vmid, call.params, call.user)
    return cluster.book.start(call.node, "vzcreate", vmid, call.user, making.create_container)


def _check_root(call: Call) -> None:
    """Raise the errors of a root directory that cannot be made where it is wanted."""
    name, _, size = str(call.params.get("rootfs", "")).split(",", maxsplit=1)[0].partition(":")
    storage = disks.require_storage(call.cluster, name or call.params.get("storage", "local"), "rootdir")
    if name and size and not disks.WANTED.fullmatch(f"{name}:{size}"):
        kind = "directory" if storage.plugin in disks.FILES else "lvm"
        raise failure(f"unable to parse {kind} volume name '{size}'")


def _restore_container(call: Call, vmid: int) -> str:
    volid = str(call.params["ostemplate"])
    volume = call.cluster.volume(call.node, volid)
    if volume is None:
        raise failure(f"volume '{volid}' does not exist")
    _may_read(call, volume.storage, volume.vmid)
    storage = call.params.get("storage")
    if storage:
        disks.require_storage(call.cluster, storage, "rootdir")
    task = Restoring(call.cluster, call.node, volume, call.params, call.user)
    return call.cluster.book.start(call.node, "vzrestore", vmid, call.user, task.container)


@route("POST", "/nodes/{node}/qemu/{vmid}/clone", takes=schemas.CLONE_VM, needs=("/vms/{vmid}", "VM.Clone"))
def clone_vm(call: Call) -> Any:
    """Return the task that copies a virtual machine. Raises the errors that real servers look for beforehand."""
    return _clone(call, "qmclone")


@route("POST", "/nodes/{node}/lxc/{vmid}/clone", takes=schemas.CLONE_CONTAINER, needs=("/vms/{vmid}", "VM.Clone"))
def clone_container(call: Call) -> Any:
    """Return the task that copies a container. Raises the errors that real servers look for beforehand."""
    return _clone(call, "vzclone")


def _clone(call: Call, kind: str) -> str:
    cluster, given = call.cluster, call.params
    _may_create(call, given["newid"], restoring=False)
    cluster.require_quorum()
    target = given.get("target", call.node)
    if target not in cluster.nodes:
        raise failure(f"no such cluster node '{target}'")
    source = cluster.find(call.node, call.kind, call.vmid)
    if source is None and call.kind == "qemu":
        raise failure(f"unable to find configuration file for VM {call.vmid} on node '{call.node}'")
    source = source or cluster.guest(call.node, call.kind, call.vmid)
    if not cluster.book.wait_for_lock_file(source.vmid):
        raise failure(lock_words(source))
    if source.lock:
        raise failure(f"{source.kind} is locked ({source.lock})")
    full = bool(given.get("full", int(not source.template)))
    _check_clone(call, source, full=full)
    _check_target(call, source, target)
    cluster.let_rival_take(given["newid"])
    other = cluster.guests.get(given["newid"])
    if other is not None and (other.type == source.type or not source.is_vm):
        raise failure(f"unable to create {source.kind} {other.vmid}: config file already exists")
    cloning = Cloning(cluster, source, given, full=full)
    cloning.begin()
    return cluster.book.start(call.node, kind, source.vmid, call.user, cloning.run)


def lock_words(guest: Guest) -> str:
    """Return the server's words for a lock file that did not come free."""
    return lock_timeout(guest.vmid, guest.type)


def _check_clone(call: Call, source: Guest, *, full: bool) -> None:
    given = call.params
    if not full:
        for name in ("storage", "format"):
            if name in given:
                raise failure(f"parameter '{name}' not allowed for linked clones")
    name = given.get("snapname", "")
    if name and name not in {snapshot.name for snapshot in source.snapshots}:
        raise failure(f"snapshot '{name}' does not exist")
    if "storage" in given:
        content = "images" if source.is_vm else "rootdir"
        disks.require_storage(call.cluster, given["storage"], content)
    if not full and not source.template:
        disk = next((disk for disk in disks.of_guest(source) if not disk.cdrom), None)
        said = f"'{disk.volid}' ({disk.key})" if disk else ""
        raise failure(f"Linked clone feature is not supported for {said}")
    if not source.is_vm and source.running and not name:
        newer = call.cluster.release.major >= 9
        raise failure(
            "Full clone of a running container is only possible from a snapshot"
            if newer
            else "Cannot do full clones on a running container without snapshots"
        )
    for disk in disks.of_guest(source):
        if not disk.cdrom:
            call.rights.require(f"/storage/{given.get('storage', disk.storage)}", "Datastore.AllocateSpace")


def _check_target(call: Call, source: Guest, target: str) -> None:
    if target == call.node:
        return
    storage = call.params.get("storage")
    if storage and not call.cluster.storages[storage].shared:
        raise failure(f"can't clone to non-shared storage '{storage}'")
    if not disks.all_shared(call.cluster, source):
        raise failure(f"can't clone {source.kind} to node '{target}' ({source.kind} uses local storage)")


@route("POST", "/nodes/{node}/{type}/{vmid}/template", takes={"disk": TEXT}, needs=("/vms/{vmid}", "VM.Allocate"))
def template(call: Call) -> Any:
    """Turn a guest into a template: a task for a virtual machine, at once for a container."""
    cluster, guest = call.cluster, call.cluster.guest(call.node, call.kind, call.vmid)
    if guest.snapshots:
        raise failure(f"unable to create template, because {guest.kind} contains snapshots")
    if guest.template:
        raise failure("you can't convert a template to a template")
    if guest.running:
        raise failure(f"you can't convert a {guest.kind} to template if {guest.kind} is running")
    if guest.lock:
        raise failure(f"{guest.kind} is locked ({guest.lock})")
    if call.kind == "lxc":
        make_template(cluster, guest)
        return None

    def body(task: Task) -> Body:
        yield from cluster.book.take_lock_file(task, guest.vmid, guest.type)
        yield cluster.task_seconds / 4
        make_template(cluster, guest)

    return cluster.book.start(call.node, "qmtemplate", guest.vmid, call.user, body)
