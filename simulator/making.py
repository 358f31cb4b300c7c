"""Making guests: new ones, clones, templates. The bodies of these tasks, in the words of real servers."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

from simulator import confile, disks
from simulator.cluster import Cluster
from simulator.errors import ApiError, TaskCancelled, TaskFailed
from simulator.model import GiB, Guest, MiB
from simulator.power import Power
from simulator.tasks import Body, Task

DRAFT_MEMORY = 512 * MiB


def draft(cluster: Cluster, kind: str, vmid: int, node: str, lock: str) -> Guest:
    """Return the placeholder that stands for a guest while it is made."""
    name, cores = (f"VM {vmid}", 1) if kind == "qemu" else (f"CT{vmid}", 2)
    size = 0 if kind == "qemu" else 4 * GiB
    guest = Guest(vmid, kind, node, name, cores=cores, maxmem=DRAFT_MEMORY, maxdisk=size, lock=lock, storage="")
    guest.written, guest.created = True, time.time()
    cluster.begin_guest(guest)
    return guest


def taken(cluster: Cluster, vmid: int) -> str:
    """Return the server's words for an id that a guest has."""
    other = cluster.guests[vmid]
    return f"{other.kind} {vmid} already exists on node '{other.node}'"


def identify(guest: Guest, *, meta: bool = True) -> None:
    """Give a virtual machine the marks that every new one gets."""
    if not guest.is_vm:
        return
    guest.extra["smbios1"] = f"uuid={uuid.uuid4()}"
    guest.extra["vmgenid"] = str(uuid.uuid4())
    if meta:
        guest.extra["meta"] = f"creation-qemu=10.0.2,ctime={int(time.time())}"


class Making:
    """Makes the guest ``vmid`` on a node from the parameters of a call."""

    def __init__(self, cluster: Cluster, node: str, kind: str, vmid: int, given: dict[str, Any], user: str) -> None:  # noqa: PLR0913, PLR0917
        self.cluster, self.node, self.kind, self.vmid = cluster, node, kind, vmid
        self.given, self.user = dict(given), user

    def options(self) -> dict[str, Any]:
        """Return the parameters that belong into the configuration."""
        own = ("vmid", "start", "pool", "storage", "archive", "force", "unique", "bwlimit", "ostemplate", "restore",
               "password", "ssh-public-keys", "live-restore", "ignore-unpack-errors", "ha-managed")  # fmt: skip
        return {key: value for key, value in self.given.items() if key not in own}

    def create_vm(self, task: Task) -> Body:
        """Make an empty virtual machine."""
        for key, value in self.given.items():
            disk = disks.parse(key, str(value))
            fresh = (
                disk is None or disk.cdrom or disks.WANTED.fullmatch(disk.volid) or disk.volid.endswith(":cloudinit")
            )
            if not fresh and disk is not None and not self._exists(disk.volid):
                raise TaskFailed(f"unable to create VM {self.vmid} - volume '{disk.volid}' does not exist")
        yield from self.cluster.book.take_lock_file(task, self.vmid, self.kind)
        if self.vmid in self.cluster.guests:
            raise TaskFailed(f"unable to create VM {self.vmid} - {taken(self.cluster, self.vmid)}")
        guest = draft(self.cluster, self.kind, self.vmid, self.node, "create")
        guest.pool = self.given.get("pool", "")
        try:
            yield self.cluster.task_seconds / 2
            task.log += self._write(guest, self.options())
            if "boot" not in guest.extra:
                first = [*(disk.key for disk in disks.disks(guest.extra) if not disk.cdrom), *sorted(_cards(guest))]
                guest.extra["boot"] = f"order={';'.join(first)}" if first else " "
            identify(guest)
            confile.adopt(guest)
        except (TaskFailed, TaskCancelled, ApiError) as problem:
            self.cluster.remove_guest(self.vmid)
            raise TaskFailed(f"unable to create VM {self.vmid} - {problem}") from None
        self._finish(task, guest)

    def _exists(self, volid: str) -> bool:
        storage = self.cluster.storages.get(volid.partition(":")[0])
        made = disks.volumes(self.cluster, storage, self.node) if storage else []
        return self.cluster.volume(self.node, volid) is not None or any(volume.volid == volid for volume in made)

    def _write(self, guest: Guest, options: dict[str, Any]) -> list[str]:
        keep = options.get("tags")
        said = confile.change(self.cluster, guest, options, [])
        if keep and self.cluster.release.major < 9 and guest.is_vm:
            guest.extra["tags"] = keep  # 8.4 keeps what a create call gave
            confile.adopt(guest)
        return said

    def _finish(self, task: Task, guest: Guest) -> None:
        """Unlock the guest, and start it in a task of its own if that was asked for."""
        self.cluster.change(guest, lock="")
        if self.given.get("start"):
            task.say("Execute autostart")
            power = Power(self.cluster, self.node, self.kind, self.vmid, {})
            kind = "qmstart" if guest.is_vm else "vzstart"
            self.cluster.book.after(0.05 * self.cluster.pace, lambda: self._start(kind, power))

    def _start(self, kind: str, power: Power) -> None:
        self.cluster.book.start(self.node, kind, self.vmid, self.user, power.start)

    def create_container(self, task: Task) -> Body:
        """Make a container from a template; one that cannot be made leaves nothing."""
        template = str(self.given["ostemplate"])
        if self.cluster.volume(self.node, template) is None:
            task.say(f"volume '{template}' does not exist")
            raise TaskFailed(f"unable to create CT {self.vmid} - volume '{template}' does not exist")
        yield from self.cluster.book.take_lock_file(task, self.vmid, self.kind)
        if self.vmid in self.cluster.guests:
            raise TaskFailed(f"unable to create CT {self.vmid} - {taken(self.cluster, self.vmid)}")
        guest = draft(self.cluster, self.kind, self.vmid, self.node, "create")
        guest.pool = self.given.get("pool", "")
        try:
            storage = self.given.get("storage", "local")
            options = {"rootfs": f"{storage}:4", "memory": 512, "swap": 512} | self.options()
            options |= {"arch": "amd64", "ostype": "ubuntu" if "ubuntu" in template else "debian"}
            task.log += self._write(guest, options)
            path = f"/var/lib/vz/template/cache/{template.rpartition('/')[2]}"
            task.say(f"extracting archive '{path}'")
            yield self.cluster.task_seconds
        except (TaskFailed, TaskCancelled, ApiError) as problem:
            self.cluster.remove_guest(self.vmid)
            raise TaskFailed(f"unable to create CT {self.vmid} - {problem}") from None
        task.say("Total bytes read: 106291200 (102MiB, 82MiB/s)")
        task.say("Detected container architecture: amd64")
        self._finish(task, guest)


def _cards(guest: Guest) -> list[str]:
    return [key for key in guest.extra if re.fullmatch(r"net\d+", key)]


def make_template(cluster: Cluster, guest: Guest) -> None:
    """Turn a guest into a template: its disks become base images."""
    confile.write_out(guest, cluster.release.major)
    for disk in disks.disks(guest.extra):
        if not disk.cdrom:
            volid = re.sub(
                r"(^|[:/])(?:vm|subvol)-(\d+-disk)", rf"\1{'base' if guest.is_vm else 'basevol'}-\2", disk.volid
            )
            guest.extra[disk.key] = str(guest.extra[disk.key]).replace(disk.volid, volid, 1)
    guest.extra["template"] = 1
    cluster.change(guest, template=True)
