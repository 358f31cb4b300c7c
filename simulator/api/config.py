"""Changing configurations: options, pending changes, disks, cloud-init."""

from __future__ import annotations

import re
from typing import Any

from simulator import confile, disks, formats, schemas
from simulator.api.create import lock_words, may_bridge
from simulator.cluster import no_config
from simulator.config import config, size_text
from simulator.errors import TaskFailed, bad_parameter, failure
from simulator.model import Guest
from simulator.params import FLAG, TEXT, Schema, required
from simulator.rights import Rights
from simulator.routing import Call, route
from simulator.tasks import Body, Task

WORDS = ("Disk", "CDROM", "CPU", "Memory", "Network", "HWType", "Options", "Cloudinit")
CHANGE = tuple(f"VM.Config.{word}" for word in WORDS)
CONTAINER_CHANGE = tuple(f"VM.Config.{word}" for word in ("Disk", "CPU", "Memory", "Network", "Options"))
RIGHTS = (
    (re.compile(r"cores|sockets|cpu|cpulimit|cpuunits|vcpus|numa"), "CPU"),
    (re.compile(r"memory|balloon|swap|shares"), "Memory"),
    (re.compile(r"net\d+"), "Network"),
    (re.compile(r"(?:ipconfig\d+)|nameserver|searchdomain|hostname"), "Network"),
    (re.compile(r"ci\w+|sshkeys"), "Cloudinit"),
    (re.compile(r"(?:scsi|sata|ide|virtio|mp|unused)\d+|rootfs|efidisk0|tpmstate0"), "Disk"),
    (re.compile(r"scsihw|machine|bios|vga|kvm|args|watchdog|serial\d"), "HWType"),
)
VM_TAKES: Schema = {**schemas.vm(8), **schemas.CHANGE, "force": FLAG, "skiplock": FLAG}
CONTAINER_TAKES: Schema = {**schemas.CONTAINER, **schemas.CHANGE}


def _may_change(call: Call, guest: Guest, names: list[str]) -> None:
    """Raise the 403 of the first option that the caller may not change."""
    rights: Rights = call.rights
    for name in names:
        word = next((word for pattern, word in RIGHTS if pattern.fullmatch(name)), "Options")
        value = str(call.params.get(name, ""))
        if word == "Disk" and (":cloudinit" in value or "media=cdrom" in value):
            word = "CDROM"
        if word == "Network" and name.startswith(("ipconfig", "nameserver", "searchdomain")) and guest.is_vm:
            rights.require(f"/vms/{guest.vmid}", "VM.Config.Cloudinit", "VM.Config.Network")
            continue
        if guest.is_vm or word != "HWType":
            rights.require(f"/vms/{guest.vmid}", f"VM.Config.{word}")


def _prepare(call: Call) -> tuple[Guest, dict[str, Any], list[str], list[str]]:
    """Return the guest, the options to set, to delete and to revert. Raises whatever speaks against the change."""
    given = dict(call.params)
    deleted = [word for word in re.split(r"[,; ]+", given.pop("delete", "")) if word]
    reverted = [word for word in re.split(r"[,; ]+", given.pop("revert", "")) if word]
    checksum = given.pop("digest", "")
    given.pop("force", None)
    if "args" in given or "lock" in given:
        raise failure(f"only root can set '{'args' if 'args' in given else 'lock'}' config")
    if given.pop("skiplock", 0):
        raise bad_parameter(skiplock="Only root may use this option.")
    if not given and not deleted and not reverted:
        raise failure("no options specified")
    confile.check_names(deleted, given)
    guest = call.cluster.guest(call.node, call.kind, call.vmid)
    _may_change(call, guest, [*given, *deleted])
    may_bridge(call)
    _require_writable(call, guest)
    if checksum and checksum != config(guest, call.cluster.release.major)["digest"]:
        raise failure("checksum mismatch (file change by other user?)")
    for name in deleted:
        if guest.protection and disks.KEY.fullmatch(name):
            raise failure(
                f"can't remove {'drive' if guest.is_vm else 'mount point'} '{name}' - protection mode enabled"
            )
    for key, value in given.items():
        volume = str(value).split(",", maxsplit=1)[0]
        if disks.KEY.fullmatch(key) and (disks.WANTED.fullmatch(volume) or volume.endswith(":cloudinit")):
            content = "images" if guest.is_vm else "rootdir"
            disks.require_storage(call.cluster, volume.partition(":")[0], content)
    return guest, given, deleted, reverted


def _require_writable(call: Call, guest: Guest) -> None:
    """Raise the 500 of a cluster without quorum or a guest that something else is working on."""
    if not call.cluster.quorate:
        path = f"/etc/pve/nodes/{call.node}/{'qemu-server' if guest.is_vm else 'lxc'}/{guest.vmid}.conf.tmp.1"
        raise failure(f"unable to open file '{path}' - Permission denied")
    newer = call.cluster.release.major >= 9
    if not (newer and guest.lock) and not call.cluster.book.wait_for_lock_file(guest.vmid):
        raise failure(lock_words(guest))
    if guest.lock:
        raise failure(f"{guest.kind} is locked ({guest.lock})")


def _apply(call: Call) -> list[str]:
    guest, given, deleted, reverted = _prepare(call)
    if reverted:
        confile.revert(call.cluster, guest, reverted)
    said = confile.change(call.cluster, guest, given, deleted) if given or deleted else []
    if not guest.reacts and guest.running and guest.is_vm:
        _stuck(call, guest, deleted)
    return said


def _stuck(call: Call, guest: Guest, deleted: list[str]) -> None:
    """Raise the 400 of a disk that a deaf guest does not let go; the change stays, as pending."""
    newer = " - still busy in guest?" if call.cluster.release.major >= 9 else ""
    for name in deleted:
        if re.fullmatch(r"(?:scsi|virtio)\d+", name):
            raise bad_parameter(**{name: f"hotplug problem - error on hot-unplugging device 'virtio{name}'{newer}\n"})


@route("PUT", "/nodes/{node}/qemu/{vmid}/config", takes=VM_TAKES, needs=("/vms/{vmid}", *CHANGE))
def change_vm(call: Call) -> Any:
    """Change a configuration now; what a running guest cannot take waits."""
    _apply(call)


@route("PUT", "/nodes/{node}/lxc/{vmid}/config", takes=CONTAINER_TAKES, needs=("/vms/{vmid}", *CONTAINER_CHANGE))
def change_container(call: Call) -> Any:
    """Change a container's configuration now."""
    _apply(call)


@route(
    "POST", "/nodes/{node}/qemu/{vmid}/config", takes={**VM_TAKES, "background_delay": TEXT},
    needs=("/vms/{vmid}", *CHANGE),
)  # fmt: skip
def change_vm_later(call: Call) -> Any:
    """Return the task that changes a configuration."""
    guest = call.cluster.guest(call.node, call.kind, call.vmid)
    words = " ".join(f"-{key} {value}" for key, value in call.params.items() if key != "cipassword")
    said = _apply(call)

    def body(task: Task) -> Body:
        task.say(f"update VM {guest.vmid}: {words}")
        task.log += said
        yield call.cluster.task_seconds / 8

    return call.cluster.book.start(call.node, "qmconfig", guest.vmid, call.user, body)


@route("PUT", "/nodes/{node}/{type}/{vmid}/resize", takes=schemas.RESIZE, needs=("/vms/{vmid}", "VM.Config.Disk"))
def resize(call: Call) -> Any:
    """Return the task that grows a disk; what is wrong with that, the task says (7.x did it within the call)."""
    cluster = call.cluster
    if call.kind == "lxc" and "skiplock" in call.params:
        raise bad_parameter(
            skiplock="property is not defined in schema and the schema does not allow additional properties"
        )

    def body(task: Task) -> Body:
        yield from cluster.book.take_lock_file(task, call.vmid, call.kind)
        guest = cluster.find(call.node, call.kind, call.vmid)
        if guest is None:
            raise TaskFailed(no_config(call.node, call.kind, call.vmid))
        if guest.lock:
            raise TaskFailed(f"{guest.kind} is locked ({guest.lock})")
        yield cluster.task_seconds / 8
        _grow(call, guest)

    if cluster.release.major < 8:
        _grow(call, cluster.guest(call.node, call.kind, call.vmid))
        return None
    return cluster.book.start(call.node, "resize", call.vmid, call.user, body)


def _grow(call: Call, guest: Guest) -> None:
    confile.write_out(guest, call.cluster.release.major)
    key, text = call.params["disk"], call.params["size"]
    disk = next((disk for disk in disks.disks(guest.extra) if disk.key == key and not disk.cdrom), None)
    if disk is None:
        raise TaskFailed(f"disk '{key}' does not exist" if guest.is_vm else f"unable to parse volume name '{key}'")
    storage = call.cluster.storages.get(disk.storage)
    if storage and storage.plugin in disks.FILES and ".subvol" in disk.volid:
        raise TaskFailed("can't resize this image format")
    size = disks.parse_size(text) + (disk.size if text.startswith("+") else 0)
    if size < disk.size:
        raise TaskFailed("shrinking disks is not supported" if guest.is_vm else "unable to shrink disk size")
    if storage and size > storage.total:
        raise TaskFailed(f"command '/sbin/lvextend' failed: insufficient free space on '{storage.name}'")
    guest.extra[key] = re.sub(r",size=[^,]*", "", str(guest.extra[key])) + f",size={size_text(size)}"
    confile.adopt(guest)
    call.cluster.touch(guest.vmid)


@route("GET", "/nodes/{node}/qemu/{vmid}/cloudinit", needs=("/vms/{vmid}", "VM.Audit"))
def cloud_init(call: Call) -> Any:
    """Return the settings of cloud-init, those that wait for a restart beside them."""
    guest = call.cluster.guest(call.node, call.kind, call.vmid)
    wanted = re.compile(r"ci\w+|sshkeys|nameserver|searchdomain|ipconfig\d+")
    shown = config(guest, call.cluster.release.major, in_force=True)
    rows = [{"key": key, "value": value} for key, value in shown.items() if wanted.fullmatch(key)]
    for row in rows:
        if row["key"] in guest.pending:
            row["pending"] = guest.pending[row["key"]]
    return rows


@route("PUT", "/nodes/{node}/qemu/{vmid}/cloudinit", needs=("/vms/{vmid}", "VM.Config.Cloudinit"))
def regenerate(call: Call) -> Any:
    """Write the cloud-init drive anew."""
    guest = call.cluster.guest(call.node, call.kind, call.vmid)
    if guest.lock:
        raise failure(f"{guest.kind} is locked ({guest.lock})")
    waiting = {
        key: value for key, value in guest.pending.items() if re.match(r"ci|ssh|ipconfig|nameserver|search", key)
    }
    guest.extra |= {key: value for key, value in waiting.items() if value is not None}
    guest.pending = {key: value for key, value in guest.pending.items() if key not in waiting}
    call.cluster.touch(guest.vmid)


@route(
    "PUT", "/nodes/{node}/qemu/{vmid}/unlink", takes={"idlist": required(TEXT), "force": FLAG},
    needs=("/vms/{vmid}", "VM.Config.Disk"),
)  # fmt: skip
def unlink(call: Call) -> Any:
    """Take disks off a virtual machine, and destroy them with ``force``."""
    guest = call.cluster.guest(call.node, call.kind, call.vmid)
    names = [word for word in re.split(r"[,; ]+", call.params["idlist"]) if word]
    destroy, gone = (
        bool(call.params.get("force")),
        {guest.extra.get(name) for name in names} if guest.written else set(),
    )
    call.params = {"delete": ",".join(names)}
    _apply(call)
    volumes = {str(value).split(",", maxsplit=1)[0] for value in gone if value}
    for key in [key for key in guest.extra if key.startswith("unused") and destroy]:
        if str(guest.extra[key]) in volumes:
            guest.extra.pop(key)


@route("GET", "/nodes/{node}/{type}/{vmid}/feature", takes={"feature": required(TEXT), "snapname": formats.SNAPSHOT}, needs=("/vms/{vmid}", "VM.Audit"))  # fmt: skip # noqa: E501
def feature(call: Call) -> Any:
    """Return whether a guest's disks can do something: snapshot, clone or copy."""
    guest = call.cluster.guest(call.node, call.kind, call.vmid)
    able = {
        "snapshot": disks.can_snapshot(call.cluster, guest), "copy": True, "clone": guest.template,
    }.get(call.params["feature"])  # fmt: skip
    if able is None:
        said = "value '{}' does not have a value in the enumeration 'snapshot, clone, copy'"
        raise bad_parameter(feature=said.format(call.params["feature"]))
    return {"hasFeature": int(able)} | ({"nodes": [guest.node]} if guest.is_vm else {})
