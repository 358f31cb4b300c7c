"""Destroying guests and volumes. The bodies of these tasks."""

from __future__ import annotations

import re

from simulator import disks
from simulator.cluster import locked
from simulator.errors import TaskFailed
from simulator.model import Guest
from simulator.power import Power
from simulator.tasks import Body, Task


class Removal(Power):
    """Destroys one guest."""

    def run(self, task: Task) -> Body:
        """Destroy the guest, and its traces elsewhere with ``purge``."""
        yield from self._lock_file(task)
        guest = self._guest()
        if guest.lock and guest.lock != "suspended":
            raise TaskFailed(str(locked(guest)))
        if guest.running and not guest.is_vm:
            task.say(f"forced to stop CT {guest.vmid} before destroying!")
            yield self.cluster.task_seconds / 2
            self.cluster.power_off(guest)
        if base := self._base_in_use(guest):
            raise TaskFailed(f"base volume '{base}' is still in use by linked cloned")
        if not self.cluster.quorate:
            path = (
                f"/etc/pve/nodes/{self.node}/{'qemu-server' if guest.is_vm else 'lxc'}/{guest.vmid}.conf.tmp.{task.pid}"
            )
            raise TaskFailed(f"unable to open file '{path}' - Permission denied")
        yield self.cluster.task_seconds / 4
        if self.given.get("purge"):
            task.say(f"purging {guest.kind} {guest.vmid} from related configurations..")
            self._purge(guest)
        if self.given.get("destroy-unreferenced-disks", 1):
            self._orphans(guest)
        self.cluster.remove_guest(guest.vmid)

    def _base_in_use(self, guest: Guest) -> str:
        """Return the template's disk on which another guest is built."""
        if not guest.template:
            return ""
        mine = {disk.volid for disk in disks.of_guest(guest)}
        for other in self.cluster.guests.values():
            if other is not guest and other.written:
                for disk in disks.of_guest(other):
                    if disk.base in mine:
                        return disk.base
        return ""

    def _purge(self, guest: Guest) -> None:
        for job in self.cluster.jobs.values():
            for name in ("vmid", "exclude"):
                words = [word for word in re.split(r"[,; ]+", getattr(job, name)) if word and word != str(guest.vmid)]
                setattr(job, name, ",".join(words))

    def _orphans(self, guest: Guest) -> None:
        mine = [
            key for key, volume in self.cluster.volumes.items()
            if volume.vmid == guest.vmid and volume.content in ("images", "rootdir")
        ]  # fmt: skip
        for key in mine:
            del self.cluster.volumes[key]
