"""Moving guests from node to node. The bodies of these tasks and what speaks against them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from simulator import disks
from simulator.cluster import Cluster
from simulator.errors import TaskCancelled, TaskFailed
from simulator.model import Guest
from simulator.power import Power, later
from simulator.tasks import Body, Task

SCAN = "Problem found while scanning volumes - can't migrate VM - check log"


def local_disks(cluster: Cluster, guest: Guest) -> list[disks.Disk]:
    """Return the disks that lie on storages of the node alone."""
    found = disks.of_guest(guest, cluster.release.major)
    return [disk for disk in found if disk.storage in cluster.storages and not cluster.storages[disk.storage].shared]


def preconditions(cluster: Cluster, guest: Guest) -> dict[str, Any]:
    """Return what ``GET …/migrate`` says."""
    others = [node.name for node in cluster.nodes.values() if node.name != guest.node and node.online]
    if not guest.is_vm:
        return {"running": int(guest.running), "allowed-nodes": others, "not-allowed-nodes": {}}
    rows = [
        {
            "volid": disk.volid, "drivename": disk.key, "size": disk.size, "cdrom": int(disk.cdrom), "shared": 0,
            "is_attached": 1, "is_unused": 0, "is_vmstate": 0, "is_tpmstate": 0, "replicate": 1,
            "is_cloudinit": int("cloudinit" in disk.volid),
        }
        for disk in local_disks(cluster, guest)
    ]  # fmt: skip
    answer: dict[str, Any] = {"running": int(guest.running), "local_disks": rows, "local_resources": []}
    answer |= {"allowed_nodes": others, "not_allowed_nodes": {name: {} for name in others}, "mapped-resources": []}
    return answer | {"mapped-resource-info": {}} | ({"has-dbus-vmstate": 1} if cluster.release.major >= 9 else {})


class Migration(Power):
    """Moves one guest to ``given["target"]``."""

    @property
    def target(self) -> str:
        """Where it goes."""
        return str(self.given["target"])

    def run(self, task: Task) -> Body:
        """Move the guest: running with its memory, stopped with its configuration; local disks are copied."""
        yield from self._lock_file(task)
        guest, begun = self._guest(), time.time()
        self._require_unlocked(guest)
        word, running = guest.kind, guest.running
        where = f"{word} {guest.vmid} to node '{self.target}' ({self.cluster.nodes[self.target].ip})"
        if running and guest.is_vm:
            self._say(task, "conntrack state migration not supported or disabled, active connections might get dropped")
        if running and not guest.is_vm:
            yield from self._shut_down(task, guest)
        self._say(task, f"starting migration of {where}")
        self.cluster.change(guest, lock="migrate")
        try:
            yield from self._disks(task, guest, running=running and guest.is_vm)
            yield from self._memory(task) if running and guest.is_vm else self._file()
            if not self.cluster.nodes[self.target].online:
                raise TaskFailed("migration aborted")
        except (TaskFailed, TaskCancelled) as problem:
            self._abort(task, guest, begun, str(problem), restart=running and not guest.is_vm)
            raise TaskFailed("migration aborted") from None
        self.cluster.change(guest, lock="", node=self.target)
        if running and not guest.is_vm:
            self._say(task, f"start container on target node '{self.target}'")
            self.cluster.power_on(guest)
        self._say(task, f"migration finished successfully (duration {_duration(begun)})")

    def _say(self, task: Task, line: str) -> None:
        task.say(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {line}")

    def _shut_down(self, task: Task, guest: Guest) -> Body:
        self._say(task, f"shutdown CT {guest.vmid}")
        yield self.cluster.task_seconds
        self.cluster.power_off(guest)

    def _disks(self, task: Task, guest: Guest, *, running: bool) -> Body:
        found = local_disks(self.cluster, guest)
        for disk in found:
            self._say(task, f"found local disk '{disk.volid}' (attached)")
        plain = [disk for disk in found if not disk.cdrom]
        if running and plain and not self.given.get("with-local-disks"):
            said = "can't live migrate attached local disks without with-local-disks option"
            self._say(task, f"can't migrate local disk '{plain[0].volid}': {said}")
            self._say(task, f"ERROR: {SCAN.replace(' - check log', '')} - check log")
            raise TaskFailed(SCAN)
        if found:
            self._say(task, "copying local disk images")
        for disk in plain:
            yield self.cluster.task_seconds
            self._say(task, f"successfully imported '{disk.volid}'")

    def _memory(self, task: Task) -> Body:
        self._say(task, f"starting VM {self.vmid} on remote node '{self.target}'")
        yield self.cluster.task_seconds
        self._say(task, "start remote tunnel")
        self._say(task, f"starting online/live migration on unix:/run/qemu-server/{self.vmid}.migrate")
        yield self.cluster.task_seconds
        self._say(task, "average migration speed: 80.8 MiB/s - downtime 10 ms")
        self._say(task, "migration status: completed")

    def _file(self) -> Body:
        yield self.cluster.task_seconds / 2

    def _abort(self, task: Task, guest: Guest, begun: float, said: str, *, restart: bool) -> None:
        self._say(task, "aborting phase 1 - cleanup resources")
        self._say(task, f"ERROR: migration aborted (duration {_duration(begun)}): {said}")
        self.cluster.change(guest, lock="")
        if restart:
            self.cluster.power_on(guest)

    def ha_request(self, task: Task) -> Body:
        """File a request with the HA manager; the guest moves later."""
        guest = self._guest()
        task.say(f"Requesting HA migration for {guest.kind} {guest.vmid} to node {self.target}")
        yield 1.5 * self.cluster.task_seconds
        self.cluster.change(guest, hastate="migrate", lock="migrate")
        later(self.cluster, guest, 5.0, lambda: self._arrive(guest))

    def _arrive(self, guest: Guest) -> None:
        self.cluster.change(guest, node=self.target, lock="", hastate="started" if guest.running else "stopped")


def _duration(begun: float) -> str:
    seconds = int(time.time() - begun)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
