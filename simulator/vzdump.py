"""The backup task: one guest after the other, one task per node at a time."""

from __future__ import annotations

import re
import time
from typing import Any

from simulator import backup_log
from simulator.backup_log import Part, Run
from simulator.cluster import Cluster, locked
from simulator.config import config
from simulator.errors import TaskCancelled, TaskFailed
from simulator.model import Guest, Volume
from simulator.notifying import Note
from simulator.seed_backups import add_volume, file_volid, pbs_volid
from simulator.tasks import Body, Task

SHARES = (0.09, 0.27, 0.44, 0.6, 0.78, 0.94, 1.0)
SUFFIX = {"0": "", "gzip": ".gz", "lzo": ".lzo", "1": ".lzo", "zstd": ".zst"}


class Order:
    """What was asked for: guests, storage and options."""

    def __init__(self, cluster: Cluster, node: str, storage: str, vmids: list[int], given: dict[str, Any]) -> None:
        self.cluster, self.node, self.storage, self.vmids, self.given = cluster, node, storage, vmids, given
        self.failed = False
        self.parts: list[Part] = []

    def run(self, task: Task) -> Body:
        """Back up each guest and notify. Raises TaskFailed with ``job errors`` if one of them failed."""
        try:
            yield from self._run(task)
        except (TaskFailed, TaskCancelled) as problem:
            self._notify(task, "" if self.parts else str(problem), failed=True)
            raise
        self._notify(task, "", failed=False)

    def _notify(self, task: Task, problem: str, *, failed: bool) -> None:
        job = self.given.get("job-id", "")
        fields = {"type": "vzdump", "hostname": self.node, **({"job-id": job} if job else {})}
        title, text = backup_log.notification(self.node, self.parts, task.log, problem, failed=failed)
        self.cluster.notifications.notify(Note(title, text, "error" if failed else "info", fields))

    def _run(self, task: Task) -> Body:
        storage = self.cluster.storages.get(self.storage)
        if storage is None:
            name, missing = self.storage, f"storage '{self.storage}' does not exist"
            said = f"could not activate storage '{name}': {missing} "
            raise TaskFailed(f"{said}could not get storage information for '{name}': {missing}")
        options = " ".join(f"--{key} {value}" for key, value in self.given.items() if key != "vmid")
        yield from self._wait_for_others(task)
        task.say(backup_log.opening(self.vmids, f"{options} --node {self.node}"))
        for vmid in self.vmids:
            yield from self._one(task, vmid)
        if self.failed:
            task.say("INFO: Backup job finished with errors")
            raise TaskFailed("job errors")
        task.say("INFO: Backup job finished successfully")

    def _wait_for_others(self, task: Task) -> Body:
        said = False
        while any(other.type == "vzdump" and other.pid < task.pid for other in self.cluster.book.running(self.node)):
            if not said:
                task.say("INFO: trying to get global lock - waiting...")
                said = True
            yield max(0.02, 0.5 * self.cluster.pace)
        if said:
            task.say("INFO: got global lock")

    def _fail(self, task: Task, vmid: int, reason: str) -> None:
        self.failed = True
        guest = self.cluster.guests.get(vmid)
        self.parts.append(Part(vmid, guest.name if guest else "", "err"))
        task.say(f"ERROR: Backup of VM {vmid} failed - {reason}")
        task.say(f"INFO: Failed at {backup_log.stamp(time.time())}")

    def _one(self, task: Task, vmid: int) -> Body:
        guest = self.cluster.guests.get(vmid)
        if guest is None:
            self._fail(task, vmid, f"unable to find VM '{vmid}'")
            return
        stop = guest.running and self.given.get("mode") == "stop"
        run = Run(guest, int(time.time()), 0, "", 0, running=guest.running and not stop)
        task.log += backup_log.head(run)
        if guest.lock:
            self._fail(task, vmid, str(locked(guest)))
            return
        if not self.cluster.quorate:
            path = f"/etc/pve/nodes/{self.node}/{'qemu-server' if guest.is_vm else 'lxc'}/{vmid}.conf.tmp.{task.pid}"
            self._fail(task, vmid, f"unable to open file '{path}' - Permission denied")
            return
        yield from self._copy(task, run, stop=stop)

    def _copy(self, task: Task, run: Run, *, stop: bool) -> Body:
        """Lock the guest, take the time a copy takes, and put the volume on the storage at the end. Mode stop takes a
        guest down that runs: a VM until its copy has begun, a container until the copy is there."""
        guest, helper = run.guest, run.guest.is_vm and not run.running
        volume = self._volume(guest, run.begun)
        run.target, run.size = volume.volid, volume.size
        self.cluster.change(guest, lock="backup")
        try:
            if stop:
                task.say("INFO: stopping virtual guest")
                self.cluster.power_off(guest)
                yield 2 * self.cluster.task_seconds / len(SHARES)
            if helper:
                self.cluster.power_on(guest, "prelaunch")
            task.log += backup_log.start_of_copy(run)
            for share in SHARES:
                yield 2 * self.cluster.task_seconds / len(SHARES)
                if stop and helper and guest.status == "prelaunch":
                    self.cluster.power_on(guest)
                    task.say("INFO: resuming VM again")
                if guest.is_vm:
                    task.say(backup_log.progress(run, share, max(1, int(time.time()) - run.begun)))
        except TaskCancelled:
            self._cancelled(task, guest, helper, stop)
            raise TaskCancelled("interrupted by signal") from None
        self._restore(guest, helper, stop)
        run.seconds = max(1, int(time.time()) - run.begun)
        task.log += backup_log.tail(run)
        add_volume(self.cluster, volume)
        self.parts.append(Part(guest.vmid, guest.name, "ok", run.seconds, run.size, run.target))
        self.cluster.touch()

    def _cancelled(self, task: Task, guest: Guest, helper: bool, stop: bool) -> None:
        task.log += ["ERROR: interrupted by signal", "INFO: aborting backup job"]
        self._fail(task, guest.vmid, "interrupted by signal")
        task.say("ERROR: Backup job failed - interrupted by signal")
        self._restore(guest, helper, stop)

    def _restore(self, guest: Guest, helper: bool, stop: bool) -> None:
        if stop and guest.status != "running":
            self.cluster.power_on(guest)
        elif helper and guest.status == "prelaunch":
            self.cluster.power_off(guest)
        self.cluster.change(guest, lock="")

    def _volume(self, guest: Guest, begun: int) -> Volume:
        storage = self.cluster.storages[self.storage]
        size = int(guest.maxdisk * 0.3)
        if storage.plugin == "pbs":
            volid, form = pbs_volid(storage.name, guest, begun), "pbs-vm" if guest.is_vm else "pbs-ct"
        else:
            form = ("vma" if guest.is_vm else "tar") + SUFFIX[self.given.get("compress", "0")]
            volid = file_volid(storage.name, guest, begun, form)
        names = {"guestname": guest.name, "node": self.node, "vmid": str(guest.vmid), "cluster": self.cluster.name}
        template = self.given.get("notes-template", "")
        notes = re.sub(r"\{\{(\w+)\}\}", lambda found: names.get(found[1], found[0]), template)
        node = "" if storage.shared else self.node
        volume = Volume(volid, storage.name, "backup", form, size, begun, node, guest.vmid, guest.type, notes)
        volume.protected = bool(self.given.get("protected"))
        volume.config = dict(guest.extra) if guest.written else config(guest, self.cluster.release.major, in_force=True)
        return volume
