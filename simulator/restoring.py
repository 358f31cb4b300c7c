"""Bringing backups back. A restore that fails leaves an empty guest behind, as on real servers."""

from __future__ import annotations

import re
from typing import Any

from simulator import confile, disks
from simulator.cluster import Cluster
from simulator.config import config
from simulator.errors import TaskCancelled, TaskFailed
from simulator.making import draft, identify
from simulator.model import Guest, Volume
from simulator.power import Power
from simulator.tasks import Body, Task

NOT_CLEAN = "error before or during data restore, some or all disks were not completely restored. VM {} state is NOT cleaned up."  # noqa: E501
GONE = re.compile(r"lock|parent|digest|snaptime|vmstate|unused\d+|template")


def saved(cluster: Cluster, volume: Volume, node: str) -> dict[str, Any]:
    """Return the configuration in the backup; that of an old one is taken from its guest, if there is one."""
    values, kind = dict(volume.config), volume.subtype or "qemu"
    if not values:
        living = cluster.guests.get(volume.vmid)
        if living is None or living.type != kind:
            living = Guest(volume.vmid, kind, node, volume.notes or f"vm{volume.vmid}")
        values = config(living, cluster.release.major, in_force=True)
    return {key: value for key, value in values.items() if not GONE.fullmatch(key)}


class Restoring:
    """Restores a backup to an id on a node."""

    def __init__(self, cluster: Cluster, node: str, volume: Volume, given: dict[str, Any], user: str) -> None:
        self.cluster, self.node, self.vmid, self.volume = cluster, node, int(given["vmid"]), volume
        self.given, self.user = dict(given), user
        self.kind = volume.subtype or "qemu"

    def vm(self, task: Task) -> Body:
        """Restore a virtual machine."""
        yield from self.cluster.book.take_lock_file(task, self.vmid, "qemu")
        old = self.cluster.guests.get(self.vmid)
        if old is not None and old.running:
            task.say(NOT_CLEAN.format(self.vmid))
            raise TaskFailed(f"unable to restore VM {self.vmid} - vm is running")
        path = f"/var/lib/vz/dump/{self.volume.volid.rpartition('/')[2]}"
        fifo = f"/var/tmp/vzdumptmp{task.pid}"  # noqa: S108 - a word of the log
        pipe = f"zstd -q -d -c {path} | vma extract -v -r {fifo}.fifo - {fifo}"
        task.log += [f"restore vma archive: {pipe}", "CFG: size: 384 name: qemu-server.conf"]
        guest = old or draft(self.cluster, "qemu", self.vmid, self.node, "create")
        self.cluster.change(guest, lock="create")
        try:
            yield self.cluster.task_seconds / 4
            self._fill(task, guest)
            yield from self._progress(task, guest)
        except (TaskFailed, TaskCancelled) as problem:
            self._leave_empty(guest)
            task.say(NOT_CLEAN.format(self.vmid))
            said = "interrupted by signal" if isinstance(problem, TaskCancelled) else str(problem)
            raise TaskFailed(f"command 'set -o pipefail && {pipe}' failed: {said}") from None
        task.say("rescan volumes...")
        self._finish(guest)

    def container(self, task: Task) -> Body:
        """Restore a container; one that fails leaves nothing."""
        volid = self.volume.volid
        yield from self.cluster.book.take_lock_file(task, self.vmid, "lxc")
        task.say(f"recovering backed-up configuration from '{volid}'")
        if self.kind != "lxc":
            task.log += ["tar: This does not look like a tar archive", "tar: Skipping to next header"]
            task.say("tar: Exiting with failure status due to previous errors")
            raise TaskFailed(f"unable to restore CT {self.vmid} - ERROR: archive contains no configuration file")
        old = self.cluster.guests.get(self.vmid)
        guest = old or draft(self.cluster, "lxc", self.vmid, self.node, "create")
        self.cluster.change(guest, lock="create")
        try:
            task.say(f"restoring '{volid}' now..")
            task.say(f"extracting archive '/var/lib/vz/dump/{volid.rpartition('/')[2]}'")
            yield self.cluster.task_seconds
            self._fill(task, guest)
        except (TaskFailed, TaskCancelled) as problem:
            self.cluster.remove_guest(self.vmid)
            raise TaskFailed(f"unable to restore CT {self.vmid} - {problem}") from None
        task.say("Total bytes read: 112527360 (108MiB, 53MiB/s)")
        task.say("merging backed-up and given configuration..")
        self._finish(guest)

    def _fill(self, task: Task, guest: Guest) -> None:
        """Write the saved configuration with disks of its own."""
        cluster, taken = self.cluster, set[str]()
        values = saved(cluster, self.volume, self.node)
        for disk in list(disks.disks(values)):
            name = self.given.get("storage") or disk.storage
            if name not in cluster.storages:
                raise TaskFailed(f"storage '{name}' does not exist")
            if disk.cdrom and "cloudinit" not in disk.volid:
                continue
            rest = ",".join(str(values[disk.key]).split(",")[1:])
            if disk.cdrom:
                values[disk.key] = disks.allocate(cluster, guest, disk.key, f"{name}:cloudinit", taken)[0]
                continue
            form = disk.volid.rpartition(".")[2] if disk.volid.endswith((".qcow2", ".raw", ".vmdk")) else "raw"
            volid = disks.volume_name(cluster.storages[name], guest, taken, form)
            taken.add(volid)
            values[disk.key] = f"{volid},{rest}"
            if guest.is_vm:
                task.say(f"new volume ID is '{volid}'")
        if self.given.get("unique"):
            for key in [key for key in values if re.fullmatch(r"net\d+", key)]:
                values[key] = re.sub(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}", confile.make_mac(guest, key), str(values[key]))
        named = {key: self.given[key] for key in ("name", "hostname", "onboot", "memory", "cores") if key in self.given}
        guest.extra, guest.pending, guest.written = values | named, {}, True
        guest.snapshots, guest.parent = [], ""

    def _progress(self, task: Task, guest: Guest) -> Body:
        total = sum(disk.size for disk in disks.disks(guest.extra) if not disk.cdrom)
        for percent in range(10, 101, 10):
            yield self.cluster.task_seconds / 10
            task.say(f"progress {percent}% (read {total * percent // 100} bytes, duration {percent // 50} sec)")

    def _leave_empty(self, guest: Guest) -> None:
        guest.extra, guest.pending, guest.written, guest.snapshots = {}, {}, True, []
        confile.adopt(guest)
        self.cluster.change(guest, lock="")

    def _finish(self, guest: Guest) -> None:
        identify(guest, meta=False)
        guest.pool = self.given.get("pool", guest.pool)
        origin = self.cluster.guests.get(self.volume.vmid)
        guest.agent_running = origin.agent_running if origin else guest.agent_running
        guest.template = False
        confile.adopt(guest)
        self.cluster.change(guest, lock="", status="stopped")
        if self.given.get("start"):
            kind = "qmstart" if guest.is_vm else "vzstart"
            power = Power(self.cluster, self.node, guest.type, self.vmid, {})
            self.cluster.book.after(0.0, lambda: self._start(kind, power))

    def _start(self, kind: str, power: Power) -> None:
        self.cluster.book.start(self.node, kind, self.vmid, self.user, power.start)
