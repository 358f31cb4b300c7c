"""What starting, stopping, pausing and rebooting a guest do, and how they fail."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from simulator import confile
from simulator.cluster import Cluster, locked, no_config
from simulator.errors import TaskCancelled, TaskFailed
from simulator.model import Guest
from simulator.tasks import Body, Task

POLL = 0.1
SHUTDOWN_TIMEOUT = 60
NO_SHUTDOWN = "VM quit/powerdown failed - got timeout"


class Power:
    """The bodies of the power tasks of one guest, which may not exist."""

    def __init__(self, cluster: Cluster, node: str, kind: str, vmid: int, given: dict[str, Any]) -> None:
        self.cluster, self.node, self.kind, self.vmid, self.given = cluster, node, kind, vmid, given

    def _lock_file(self, task: Task) -> Body:
        yield from self.cluster.book.take_lock_file(task, self.vmid, self.kind)

    def _guest(self, *, lookup: bool = False) -> Guest:
        """Return the guest. Raises TaskFailed in one of the two ways in which the server misses it."""
        guest = self.cluster.find(self.node, self.kind, self.vmid)
        if guest is None and lookup:
            raise TaskFailed(f"unable to find configuration file for VM {self.vmid} on node '{self.node}'")
        if guest is None:
            raise TaskFailed(no_config(self.node, self.kind, self.vmid))
        return guest

    def _require_unlocked(self, guest: Guest, *allowed: str) -> None:
        if guest.lock and guest.lock not in allowed:
            raise TaskFailed(str(locked(guest)))

    def start(self, task: Task) -> Body:
        """Start the guest, or wake it up from its suspension to disk."""
        yield from self._lock_file(task)
        guest = self._guest()
        if guest.template:
            raise TaskFailed(f"you can't start a {'vm' if guest.is_vm else 'CT'} if it's a template")
        if guest.lock == "backup" and guest.running:
            return
        self._require_unlocked(guest, "suspended")
        if guest.running:
            raise TaskFailed(f"{guest.kind} {guest.vmid} already running")
        if guest.lock == "suspended":
            task.say("Resuming suspended VM")
        yield self.cluster.task_seconds
        self._apply_pending(guest)
        self._require_bridges(guest)
        self.cluster.power_on(guest)
        if guest.lock == "suspended":
            task.say("Resumed VM, removing state")
            self.cluster.change(guest, lock="")

    def _apply_pending(self, guest: Guest) -> None:
        """Let changes take effect that waited, and the guest have the addresses of its configuration."""
        if guest.pending:
            confile.apply_pending(guest)
        if guest.written:
            guest.ips = confile.addresses(guest)
        self.cluster.touch(guest.vmid)

    def _require_bridges(self, guest: Guest) -> None:
        for bridge in confile.bridges(guest):
            if bridge not in self.cluster.bridges:
                newer = self.cluster.release.major >= 9
                raise TaskFailed(
                    f"bridge '{bridge}' does not exist" if newer else "start failed: QEMU exited with code 1"
                )

    def stop(self, task: Task) -> Body:
        """Pull the plug."""
        if self.given.get("overrule-shutdown"):
            self._end_shutdowns(task)
        yield from self._lock_file(task)
        guest = self._guest(lookup=True)
        self.cluster.rebooting.discard(guest.vmid)
        if not guest.running:
            return
        self._require_unlocked(guest)
        yield self.cluster.task_seconds / 2
        self.cluster.power_off(guest)

    def _end_shutdowns(self, task: Task) -> None:
        kinds, book = ("qmshutdown", "vzshutdown"), self.cluster.book
        others = [other for other in book.running(self.node) if other.type in kinds and other.id == str(self.vmid)]
        for other in others:
            book.cancel(other)
        if others:
            task.say(f"overruled {others[0].type} tasks: {', '.join(other.upid for other in others)}")

    def shutdown(self, task: Task) -> Body:
        """Ask the guest to go down and wait for it."""
        yield from self._lock_file(task)
        guest = self._guest(lookup=True)
        self.cluster.rebooting.discard(guest.vmid)
        if not guest.running:
            return
        self._require_unlocked(guest)
        yield from self._go_down(task, guest, force=bool(self.given.get("forceStop")))

    def _go_down(self, task: Task, guest: Guest, *, force: bool = False) -> Body:
        """Wait for the guest, at most ``timeout`` (scaled) seconds, then give up or force it."""
        timeout = self.given.get("timeout", SHUTDOWN_TIMEOUT) * self.cluster.pace
        needed = self.cluster.task_seconds
        waited = 0.0
        step = max(0.01, POLL * self.cluster.pace)
        while not guest.reacts or waited < needed:
            if waited >= timeout:
                if not force:
                    raise TaskFailed(self._no_shutdown(guest))
                if guest.is_vm:
                    task.say("VM still running - terminating now with SIGTERM")
                break
            yield step
            waited += step
            if not guest.running:
                return
        self.cluster.power_off(guest)

    def _no_shutdown(self, guest: Guest) -> str:
        timeout = self.given.get("timeout", SHUTDOWN_TIMEOUT)
        command = f"lxc-stop -n {guest.vmid} --nokill --timeout {timeout}"
        return NO_SHUTDOWN if guest.is_vm else f"command '{command}' failed: exit code 1"

    def reboot(self, task: Task) -> Body:
        """Shut the guest down; it comes back by itself a moment later."""
        yield from self._lock_file(task)
        guest = self._guest()
        self._require_unlocked(guest)
        yield from self._go_down(task, guest)
        if guest.is_vm:
            self.cluster.rebooting.add(guest.vmid)
            self._later(guest, 4.0, lambda: self._come_back(guest))
        else:
            self.cluster.rebooting.add(guest.vmid)
            yield self.cluster.task_seconds
            self._come_back(guest)

    def _come_back(self, guest: Guest) -> None:
        """Start again, unless somebody asked for something else while the guest was down."""
        asked = guest.vmid in self.cluster.rebooting
        self.cluster.rebooting.discard(guest.vmid)
        if asked and not guest.running and guest.vmid in self.cluster.guests:
            self._apply_pending(guest)
            self.cluster.power_on(guest)

    def _later(self, guest: Guest, seconds: float, action: Callable[[], None]) -> None:
        later(self.cluster, guest, seconds, action)

    def reset(self, task: Task) -> Body:
        """Press the reset button: the process stays, the uptime too."""
        yield from self._lock_file(task)
        guest = self._guest()
        self._require_unlocked(guest)
        yield self.cluster.task_seconds / 4

    def pause(self, task: Task) -> Body:
        """Freeze a virtual machine."""
        yield from self._lock_file(task)
        guest = self._guest()
        self._require_unlocked(guest, "backup")
        yield self.cluster.task_seconds / 8
        if guest.running:
            self.cluster.change(guest, status="paused", paused_at=guest.paused_at or time.time())

    def hibernate(self, task: Task) -> Body:
        """Write a virtual machine's memory to disk and stop it; its lock says so until it starts again."""
        yield from self._lock_file(task)
        guest = self._guest()
        self._require_unlocked(guest)
        self.cluster.change(guest, lock="suspending")
        try:
            yield self.cluster.task_seconds
        except TaskCancelled:
            self.cluster.change(guest, lock="")
            raise
        task.say("State saved, quitting")
        self.cluster.power_off(guest)
        self.cluster.change(guest, lock="suspended")

    def resume(self, task: Task) -> Body:
        """Let a frozen virtual machine go on, or wake one up from disk."""
        if self._guest().lock == "suspended":
            yield from self.start(task)
            return
        yield from self._lock_file(task)
        guest = self._guest()
        self._require_unlocked(guest, "backup")
        yield self.cluster.task_seconds / 8
        if guest.status == "paused":
            # the time in between does not count for the counters, which therefore go on where they stood
            frozen = time.time() - (guest.paused_at or time.time())
            self.cluster.change(guest, status="running", paused_at=0.0, started=guest.started + frozen)

    def checkpoint(self, task: Task) -> Body:
        """Suspend or resume a container, which no real node can do without more software."""
        yield self.cluster.task_seconds / 8
        flag = "-s" if task.type == "vzsuspend" else "-r"
        raise TaskFailed(f"command 'lxc-checkpoint -n {self.vmid} {flag} -D /var/lib/vz/dump' failed: exit code 1")

    def ha_request(self, task: Task) -> Body:
        """File a request with the HA manager; the guest follows later."""
        guest = self._guest()
        start = task.type == "hastart"
        task.say(f"Requesting HA {'start' if start else 'stop'} for {guest.kind} {guest.vmid}")
        yield 1.5 * self.cluster.task_seconds
        if start:
            self._later(guest, 5.0, lambda: self.ha_start(guest))
        else:
            self._later(guest, 4.0, lambda: self.ha_stop(guest))

    def ha_start(self, guest: Guest) -> None:
        """Start the guest as the HA manager does."""
        self.cluster.change(guest, hastate="started")
        if not guest.running and not guest.template:
            self._later(guest, 2.0, lambda: self.cluster.power_on(guest))

    def ha_stop(self, guest: Guest) -> None:
        """Stop the guest as the HA manager does."""
        self.cluster.change(guest, hastate="request_stop")
        self._later(guest, 2.0, lambda: self._ha_stopped(guest))

    def _ha_stopped(self, guest: Guest) -> None:
        if guest.running:
            self.cluster.power_off(guest)
        self.cluster.change(guest, hastate="stopped")


def later(cluster: Cluster, guest: Guest, seconds: float, action: Callable[[], None]) -> None:
    """Do something to a guest after some (scaled) seconds, unless it or its node is gone by then."""

    def do() -> None:
        if cluster.guests.get(guest.vmid) is guest and cluster.nodes[guest.node].online:
            action()

    cluster.book.after(seconds * cluster.pace, do)
