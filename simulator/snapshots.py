"""Snapshots: taking, rolling back, removing. The bodies of these tasks."""

from __future__ import annotations

import time
from typing import Any

from simulator import confile, disks
from simulator.cluster import locked, no_config
from simulator.errors import TaskCancelled, TaskFailed
from simulator.model import Guest, Snapshot
from simulator.power import Power
from simulator.tasks import Body, Task

CLEAN_UP_SECONDS = 30.0


class Snapshots(Power):
    """The snapshot tasks of one guest, which may not exist."""

    def _open(self, task: Task) -> Body:
        yield from self._lock_file(task)
        guest = self.cluster.find(self.node, self.kind, self.vmid)
        if guest is None:
            raise TaskFailed(no_config(self.node, self.kind, self.vmid))
        if not self.cluster.quorate:
            folder = "qemu-server" if self.kind == "qemu" else "lxc"
            path = f"/etc/pve/nodes/{self.node}/{folder}/{self.vmid}.conf.tmp.{task.pid}"
            raise TaskFailed(f"unable to open file '{path}' - Permission denied")

    def _named(self, guest: Guest) -> Snapshot:
        found = next((snapshot for snapshot in guest.snapshots if snapshot.name == self.given["snapname"]), None)
        if found is None:
            raise TaskFailed(f"snapshot '{self.given['snapname']}' does not exist")
        return found

    def take(self, task: Task) -> Body:
        """Take a snapshot."""
        yield from self._open(task)
        guest, name = self._guest(), str(self.given["snapname"])
        if guest.template:
            raise TaskFailed("you can't take a snapshot if it's a template")
        self._require_unlocked(guest)
        if any(snapshot.name == name for snapshot in guest.snapshots):
            raise TaskFailed(f"snapshot name '{name}' already used")
        if not disks.can_snapshot(self.cluster, guest):
            raise TaskFailed("snapshot feature is not available")
        memory = bool(self.given.get("vmstate")) and guest.running and guest.is_vm
        confile.write_out(guest, self.cluster.release.major)
        self.cluster.change(guest, lock="snapshot")
        try:
            if memory:
                task.say(f"saving VM state and RAM using storage '{guest.storage}'")
                yield self.cluster.task_seconds
                task.say("completed saving the VM state in 0s, saved 2.69 MiB")
            elif guest.running and guest.is_vm:
                task.say("skipping guest filesystem freeze - disabled in VM options")
            yield self.cluster.task_seconds / 2
        except (TaskFailed, TaskCancelled):
            self.cluster.change(guest, lock="")
            raise
        self._keep(task, guest, name, memory)
        self.cluster.change(guest, lock="")

    def _keep(self, task: Task, guest: Guest, name: str, memory: bool) -> None:
        for disk in disks.disks(guest.extra):
            if guest.is_vm and not disk.cdrom:
                task.say(f"snapshotting 'drive-{disk.key}' ({disk.volid})")
        if guest.running and guest.is_vm and any(disk.volid.endswith("qcow2") for disk in disks.disks(guest.extra)):
            task.say("internal qemu snapshot")
        parent = guest.parent or (guest.snapshots[-1].name if guest.snapshots else "")
        now, saved = int(time.time()), dict(guest.extra)
        saved |= {"snaptime": now} | ({"parent": parent} if parent else {})
        text = str(self.given.get("description", ""))
        guest.snapshots.append(Snapshot(name, now, text, parent, int(memory), saved))
        guest.parent = name

    def rollback(self, task: Task) -> Body:
        """Go back: a running guest is stopped by it, unless the snapshot holds its memory."""
        yield from self._open(task)
        guest = self._guest()
        if guest.template:
            raise TaskFailed("you can't rollback if it's a template")
        snapshot = self._named(guest)
        self._require_unlocked(guest)
        was_running = guest.running
        self.cluster.change(guest, lock="rollback")
        if was_running:
            yield self.cluster.task_seconds / 4
            self.cluster.power_off(guest)
        yield self.cluster.task_seconds / 2
        confile.write_out(guest, self.cluster.release.major)
        gone = ("snaptime", "parent", "vmstate", "digest", "lock", "runningcpu", "runningmachine")
        saved: dict[str, Any] = {key: value for key, value in snapshot.config.items() if key not in gone}
        guest.extra, guest.pending, guest.parent = saved or guest.extra, {}, snapshot.name
        confile.adopt(guest)
        self.cluster.change(guest, lock="")
        if snapshot.vmstate:
            task.say("netdev net0: using 'host_mtu=1500' for migration compat")
            self.cluster.power_on(guest)
            if was_running and self.cluster.release.number >= (9, 2):
                # seen every time on 9.2: the clean-up of the old process holds the lock file
                self.cluster.book.after(0.01, self._hold)
        elif self.given.get("start"):
            self.cluster.power_on(guest)

    def _hold(self) -> None:
        if self.vmid not in self.cluster.book.lock_files:
            self.cluster.book.hold_lock_file(self.vmid, CLEAN_UP_SECONDS * self.cluster.pace)

    def remove(self, task: Task) -> Body:
        """Remove a snapshot; those that came after it now stand on what it stood on."""
        yield from self._open(task)
        guest = self._guest()
        snapshot = self._named(guest)
        if guest.lock:
            raise TaskFailed(str(locked(guest)))
        self.cluster.change(guest, lock="snapshot-delete")
        try:
            yield self.cluster.task_seconds / 2
        except (TaskFailed, TaskCancelled):
            self.cluster.change(guest, lock="")
            raise
        guest.snapshots = [other for other in guest.snapshots if other is not snapshot]
        for other in guest.snapshots:
            if other.parent == snapshot.name:
                other.parent = snapshot.parent
        if guest.parent == snapshot.name:
            guest.parent = snapshot.parent
        self.cluster.change(guest, lock="")
