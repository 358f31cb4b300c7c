"""The state of the simulated cluster, and every way to change it from outside the API."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from simulator.errors import ApiError, failure, unreachable
from simulator.faults import Fault
from simulator.model import Guest, Job, Node, Release, Storage, Volume
from simulator.notifying import Note, Notifications
from simulator.rights import Rights
from simulator.tasks import TaskBook

FORGET_AFTER = 300.0
FENCED_AFTER = 60.0
GUEST_FIELDS = {field.name for field in fields(Guest)}


class Cluster:
    """Nodes, guests, storages, backups, tasks. Take ``lock`` around whatever reads or changes several of them.

    ``pace`` scales waits: 1.0 is as slow as a real server, 0.025 forty times as fast. ``resources_lag`` is for how many
    seconds the resource list still shows a guest as it was before a task changed it.
    """

    def __init__(self, name: str, release: Release, task_seconds: float, resources_lag: float = 0.0) -> None:
        self.lock = threading.RLock()
        self.name = name
        self.release = release
        self.task_seconds = task_seconds
        self.pace = task_seconds / 2.0
        self.resources_lag = resources_lag
        self.born = time.time()
        self.quorate = True
        self.nodes: dict[str, Node] = {}
        self.storages: dict[str, Storage] = {}
        self.guests: dict[int, Guest] = {}
        self.volumes: dict[tuple[str, str], Volume] = {}
        self.pools: dict[str, str] = {}
        self.jobs: dict[str, Job] = {}
        self.qdevice: dict[str, str] = {}  # as the API tells it
        self.subscriptions: dict[str, dict[str, Any]] = {}  # node -> its row
        self.replications: dict[str, dict[str, Any]] = {}  # job -> its row
        self.bridges: tuple[str, ...] = ("vmbr0", "vmbr1")
        self.rivals = 0  # how many of the next ids another client takes first
        self.faults: list[Fault] = []
        self.tokens: dict[str, str] = {}
        self.token_rights: dict[str, Rights] = {}
        self.passwords: dict[str, str] = {}
        self.certificate = Path()
        self.notifications = Notifications()
        self.book = TaskBook(self.lock, self.pace)
        self.book.changed = self.touch
        self.book.faults = self.faults
        self.book.node_dies = self.node_offline
        self.revision = 0
        self.dirty: set[int] = set()
        self.on_change: Callable[[], None] = lambda: None
        self.rebooting: set[int] = set()
        self.listings: dict[tuple[str, str], tuple[float, int, Any]] = {}
        self._lagging: dict[int, tuple[float, Guest]] = {}

    # -- looking things up ------------------------------------------------------------------------------------------

    def node(self, name: str) -> Node:
        """Return a node that answers. Raises the 500 of an unknown one, the 595 of one that is down."""
        node = self.nodes.get(name)
        if node is None:
            text = f"failed to get address info for: {name}: Temporary failure in name resolution"
            raise failure(f"hostname lookup '{name}' failed - {text}")
        if not node.online:
            raise unreachable()
        return node

    def find(self, node: str, kind: str, vmid: int) -> Guest | None:
        """Return the guest of this kind on this node, if there is one."""
        guest = self.guests.get(vmid)
        return guest if guest and guest.node == node and guest.type == kind else None

    def guest(self, node: str, kind: str, vmid: int) -> Guest:
        """Return a guest. Raises the 500 that says its configuration file does not exist."""
        guest = self.find(node, kind, vmid)
        if guest is None:
            raise failure(no_config(node, kind, vmid))
        return guest

    def volume(self, node: str, volid: str) -> Volume | None:
        """Return a volume as a node sees it, if it is there."""
        return self.volumes.get(("", volid)) or self.volumes.get((node, volid))

    def require_quorum(self) -> None:
        """Raise the 500 of a cluster without quorum."""
        if not self.quorate:
            raise failure("cluster not ready - no quorum?")

    def forgotten(self, node: Node) -> bool:
        """Whether a node is gone for so long that the cluster knows nothing of its guests any more."""
        return bool(node.offline_since) and time.time() - node.offline_since >= FORGET_AFTER

    def as_listed(self, guest: Guest, now: float) -> Guest:
        """Return the guest as the resource list still sees it."""
        kept = self._lagging.get(guest.vmid)
        if kept is None:
            return guest
        if now >= kept[0]:
            del self._lagging[guest.vmid]
            return guest
        return replace(kept[1], node=guest.node, tags=guest.tags, lock=guest.lock, hastate=guest.hastate)

    def next_id(self) -> int:
        """Return the lowest free id."""
        vmid = 100
        while vmid in self.guests:
            vmid += 1
        return vmid

    # -- changing things --------------------------------------------------------------------------------------------

    def touch(self, *vmids: int) -> None:
        """Say that something changed: caches are stale, the state is to be saved."""
        self.revision += 1
        self.dirty.update(vmids)
        self.on_change()

    def change(self, guest: Guest, **values: Any) -> None:
        """Change a guest as a task does: the resource list follows ``resources_lag`` seconds later."""
        if self.resources_lag and "status" in values and guest.vmid not in self._lagging:
            self._lagging[guest.vmid] = (time.time() + self.resources_lag, replace(guest))
        for name, value in values.items():
            setattr(guest, name, value)
        self.touch(guest.vmid)

    def power_on(self, guest: Guest, status: str = "running", *, lag: bool = True) -> None:
        """Make a guest run from this moment on."""
        now = time.time()
        pid, paused = 1000 + guest.salt % 4_000_000, now if status == "paused" else 0.0
        self._power(guest, lag, status=status, started=now, paused_at=paused, pid=pid)

    def power_off(self, guest: Guest, *, lag: bool = True) -> None:
        """Make a guest be down."""
        self._power(guest, lag, status="stopped", started=0.0, paused_at=0.0, pid=0)

    def _power(self, guest: Guest, lag: bool, **values: Any) -> None:
        if lag:
            self.change(guest, **values)
            return
        self._lagging.pop(guest.vmid, None)
        for name, value in values.items():
            setattr(guest, name, value)
        self.touch(guest.vmid)

    def add_guest(self, guest: Guest) -> None:
        """Put a guest into the cluster. Raises ValueError if its id is taken or its node unknown."""
        if guest.vmid in self.guests:
            raise ValueError(f"guest {guest.vmid} exists")
        if guest.node not in self.nodes:
            raise ValueError(f"no node {guest.node!r}")
        self.guests[guest.vmid] = guest
        self.touch(guest.vmid)

    def begin_guest(self, guest: Guest) -> None:
        """Put a guest into the cluster that a task is about to make: the list knows nothing but its id for a while."""
        if self.resources_lag:
            self._lagging[guest.vmid] = (time.time() + self.resources_lag, replace(guest, status="unknown"))
        self.guests[guest.vmid] = guest
        self.touch(guest.vmid)

    def let_rival_take(self, vmid: int) -> None:
        """Let another client be faster with an id, as often as the controls asked for."""
        if self.rivals and vmid not in self.guests:
            self.rivals -= 1
            node = next(node.name for node in self.nodes.values() if node.online)
            self.add_guest(Guest(vmid, "qemu", node, f"rival-{vmid}", created=time.time()))

    def remove_guest(self, vmid: int) -> None:
        """Take a guest out of the cluster. Raises KeyError if there is none."""
        del self.guests[vmid]
        self._lagging.pop(vmid, None)
        self.touch(vmid)

    def node_offline(self, name: str, seconds_ago: float = 0.0) -> None:
        """Take a node down: its tasks die, its guests go on being listed for five minutes. Raises KeyError."""
        node = self.nodes[name]
        node.offline_since = time.time() - seconds_ago
        for task in self.book.running(name):
            self.book.kill(task)
        if any(guest.hastate and guest.node == name for guest in self.guests.values()):
            self.book.after(FENCED_AFTER * self.pace, lambda: self.fence(name))
        self.touch()

    def fence(self, name: str) -> None:
        """Tell that the HA manager fences a node, if it is still down. Raises KeyError."""
        if not self.nodes[name].online:
            text = f"The node '{name}' failed; the HA manager fences it and recovers its resources on other nodes."
            fields = {"type": "fencing", "hostname": name}
            self.notifications.notify(Note(f"FENCE: Try to fence node '{name}'", text, "error", fields))

    def node_online(self, name: str) -> None:
        """Bring a node back: it has booted, so only guests with ``onboot`` run. Raises KeyError."""
        node = self.nodes[name]
        if node.online:
            return
        node.offline_since = 0.0
        node.booted = time.time()
        for guest in self.guests.values():
            if guest.node == name and guest.running:
                if guest.onboot:
                    self.power_on(guest, lag=False)
                else:
                    self.power_off(guest, lag=False)
        self.touch()

    def own_rights(self, kind: str | Iterable[str] | dict[str, list[str]]) -> Rights:
        """Return rights of a kind, see :meth:`Rights.named`."""
        return Rights.named(kind, self.release.major)


def no_config(node: str, kind: str, vmid: int) -> str:
    """Return the server's words for a guest that is not where it was looked for."""
    folder = "qemu-server" if kind == "qemu" else "lxc"
    return f"Configuration file 'nodes/{node}/{folder}/{vmid}.conf' does not exist"


def locked(guest: Guest) -> ApiError:
    """Return the 500 of a guest whose configuration is locked."""
    return failure(f"{guest.kind} is locked ({guest.lock})")
