"""Copying guests, full or linked. The body of this task, in the words of real servers."""

from __future__ import annotations

import re
from typing import Any

from simulator import confile, disks
from simulator.cluster import Cluster
from simulator.config import size_text
from simulator.errors import TaskCancelled, TaskFailed
from simulator.making import draft, identify
from simulator.model import GiB, Guest, MiB
from simulator.tasks import Body, Task

PARTS = 8


class Cloning:
    """Copies a guest to a new id. Whatever can be known beforehand was checked before the task began."""

    def __init__(self, cluster: Cluster, source: Guest, given: dict[str, Any], *, full: bool) -> None:
        self.cluster, self.source, self.given, self.full = cluster, source, given, full
        self.vmid, self.node = int(given["newid"]), source.node
        self.kind, self.word = source.type, "VM" if source.is_vm else "container"
        self.guest: Guest | None = None

    def begin(self) -> None:
        """Take the id, unless a guest of the other kind has it: then the task will fail."""
        if self.vmid in self.cluster.guests:
            return
        guest = draft(self.cluster, self.kind, self.vmid, self.node, "clone" if self.source.is_vm else "create")
        guest.description = " qmclone temporary file" if self.source.is_vm else ""
        guest.pool = self.given.get("pool", "")
        self.guest = guest

    def run(self, task: Task) -> Body:
        """Make the copy, and move its configuration to the target node at the end."""
        cluster, source, guest = self.cluster, self.source, self.guest
        task.concerns = {self.vmid}
        task.say(f"creating a clone of {self.word} {source.vmid} with ID {self.vmid}")
        if guest is None:
            path = f"/etc/pve/nodes/{self.node}/{'qemu-server' if source.is_vm else 'lxc'}/{self.vmid}.conf"
            raise TaskFailed(f"close (rename) atomic file '{path}' failed: File exists")
        # both lock files are free at this moment: the caller has waited for them
        cluster.book.lock_files[self.vmid] = task
        if not source.running:
            cluster.book.lock_files[source.vmid] = task
        if not source.is_vm:
            cluster.change(source, lock="disk")
        try:
            values = self._values(guest)
            yield from self._copy(task, guest, values)
        except (TaskFailed, TaskCancelled) as problem:
            cluster.remove_guest(self.vmid)
            self._release()
            said = "interrupted by signal" if isinstance(problem, TaskCancelled) else str(problem)
            raise TaskFailed(f"clone failed: copy failed: command '/usr/bin/qemu-img convert' failed: {said}") from None
        self._release()
        self._name(guest, values)
        target = self.given.get("target", self.node)
        cluster.change(guest, lock="", node=target, status="stopped")

    def _release(self) -> None:
        if not self.source.is_vm and self.source.lock == "disk":
            self.cluster.change(self.source, lock="")

    def _values(self, guest: Guest) -> dict[str, Any]:
        """Return the source's configuration, or that of its snapshot, without what is its own."""
        confile.write_out(self.source, self.cluster.release.major)
        values = dict(self.source.extra)
        if name := self.given.get("snapname"):
            found = next(snapshot for snapshot in self.source.snapshots if snapshot.name == name)
            values = dict(found.config) or values
        gone = re.compile(
            r"template|lock|parent|snaptime|vmstate|digest|unused\d+|runningcpu|runningmachine|smbios1|vmgenid"
        )
        values = {key: value for key, value in values.items() if not gone.fullmatch(key)}
        for key in [key for key in values if re.fullmatch(r"net\d+", key)]:
            values[key] = re.sub(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}", confile.make_mac(guest, key), str(values[key]))
        return values

    def _copy(self, task: Task, guest: Guest, values: dict[str, Any]) -> Body:
        """Copy one disk after the other."""
        taken: set[str] = set()
        for disk in list(disks.disks(values)):
            if "cloudinit" in disk.volid:
                values[disk.key] = disks.allocate(self.cluster, guest, disk.key, f"{disk.storage}:cloudinit", taken)[0]
            elif not disk.cdrom:
                yield from self._copy_disk(task, guest, values, disk, taken)
        yield self.cluster.task_seconds / 8

    def _copy_disk(self, task: Task, guest: Guest, values: dict[str, Any], disk: disks.Disk, taken: set[str]) -> Body:
        what = "drive" if guest.is_vm else "mountpoint"
        task.say(f"create {'full' if self.full else 'linked'} clone of {what} {disk.key} ({disk.volid})")
        size, storage = size_text(disk.size), self.given.get("storage", disk.storage) if self.full else disk.storage
        form = self.given.get("format") or ("qcow2" if not self.full else disk.volid.rpartition(".")[2])
        form = form if form in ("raw", "qcow2", "vmdk") else "raw"
        volid = disks.volume_name(self.cluster.storages[storage], guest, taken, form)
        taken.add(volid)
        rest = ",".join(str(values[disk.key]).split(",")[1:]) or f"size={size}"
        if not self.full:
            base, name = disk.volid.partition(":")[2], volid.partition(":")[2]
            file = name.rpartition("/")[2]
            task.say(f"clone {base}: images, {file}, {self.vmid} to {file} (base=../{base})")
            values[disk.key] = f"{storage}:{base}/{name},{rest}"
            return
        values[disk.key] = f"{volid},{rest}"
        if guest.is_vm:
            task.say(f"allocated target volume '{volid}'")
            task.say(_transferred(0, disk.size))
        for part in range(1, PARTS + 1):
            yield 2 * self.cluster.task_seconds / PARTS
            if guest.is_vm:
                task.say(_transferred(disk.size * part / PARTS, disk.size))

    def _name(self, guest: Guest, values: dict[str, Any]) -> None:
        """Let the copy be what it was asked to be."""
        key, given = ("name" if guest.is_vm else "hostname"), self.given
        prefix = "VM" if guest.is_vm else "CT"
        values[key] = given.get("name") or given.get("hostname") or f"Copy-of-{prefix}-{self.source.name}"
        values.pop("description", None)
        if given.get("description"):
            values["description"] = confile.normal(self.cluster, guest, "description", given["description"])
        guest.extra = values
        identify(guest, meta=False)
        guest.agent_running, guest.reacts = self.source.agent_running, self.source.reacts
        guest.onboot = 0
        confile.adopt(guest)
        self.cluster.touch(guest.vmid)


def _transferred(done: float, total: int) -> str:
    def human(size: float) -> str:
        if size >= GiB:
            return f"{size / GiB:.1f} GiB"
        return f"{size / MiB:.1f} MiB" if size else "0.0 B"

    return f"transferred {human(done)} of {human(total)} ({100 * done / total if total else 100:.2f}%)"
