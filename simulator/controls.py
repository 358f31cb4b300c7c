"""What a test or a demonstration may do to the cluster from behind: the same for the library and the control door."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from simulator import confile
from simulator.backup_log import Run
from simulator.cluster import FORGET_AFTER, GUEST_FIELDS, Cluster
from simulator.fault_controls import FaultControls
from simulator.jobs import run_job
from simulator.misbehaviour import Misbehaviour
from simulator.model import GiB, Guest, Volume
from simulator.notifying import Note
from simulator.seed_backups import add_volume, file_volid, finish_seeded, pbs_volid


class Controls(FaultControls):
    """Methods that change the cluster at once, without a task and without a lag."""

    cluster: Cluster
    misbehaviour: Misbehaviour
    token_id: str

    def add_guest(  # noqa: PLR0913, PLR0917 - what a guest is made of
        self, vmid: int | None = None, name: str = "", node: str = "", type: str = "qemu", status: str = "running",
        template: bool = False, **fields: Any,
    ) -> int:  # fmt: skip
        """Return the id of a new guest. Raises ValueError for a taken id, an unknown node, type or field."""
        cluster = self.cluster
        _check_fields(fields)
        if type not in ("qemu", "lxc"):
            raise ValueError(f"a guest is qemu or lxc, not {type!r}")
        with cluster.lock:
            vmid = cluster.next_id() if vmid is None else int(vmid)
            home = node or next(iter(cluster.nodes))
            status = "stopped" if template else status
            guest = Guest(vmid, type, home, name or f"guest-{vmid}", status, template=template, created=time.time())
            for field, value in fields.items():
                setattr(guest, field, value)
            cluster.add_guest(guest)
            if guest.running:
                cluster.power_on(guest, status, lag=False)
            return vmid

    def remove_guest(self, vmid: int) -> None:
        """Make a guest disappear. Raises KeyError if there is none."""
        with self.cluster.lock:
            self.cluster.remove_guest(vmid)

    def stop_guest(self, vmid: int) -> None:
        """Make a guest fall over, as if somebody had done it in the guest. Raises KeyError."""
        with self.cluster.lock:
            self.cluster.power_off(self.cluster.guests[vmid], lag=False)

    def start_guest(self, vmid: int) -> None:
        """Make a guest run. Raises KeyError."""
        with self.cluster.lock:
            guest = self.cluster.guests[vmid]
            if not guest.running:
                self.cluster.power_on(guest, lag=False)

    def set_guest(self, vmid: int, **fields: Any) -> None:
        """Set fields of a guest: status (running, stopped, paused, …), lock, name, tags, hastate, cores, reacts …

        Raises KeyError if there is none, ValueError for an unknown field.
        """
        _check_fields(fields)
        with self.cluster.lock:
            guest, status = self.cluster.guests[vmid], fields.pop("status", None)
            if "node" in fields and fields["node"] not in self.cluster.nodes:
                raise ValueError(f"no node {fields['node']!r}")
            if status == "stopped":
                self.cluster.power_off(guest, lag=False)
            elif status is not None and not guest.running and status != "unknown":
                self.cluster.power_on(guest, status, lag=False)
            elif status is not None:
                guest.paused_at = time.time() if status == "paused" else 0.0
                guest.status = status
            for field, value in fields.items():
                setattr(guest, field, value)
            confile.absorb(guest, fields)
            self.cluster.touch(vmid)

    def node_offline(self, node: str) -> None:
        """Take a node down. Raises KeyError."""
        with self.cluster.lock:
            self.cluster.node_offline(node)

    def node_online(self, node: str) -> None:
        """Bring a node back. Raises KeyError."""
        with self.cluster.lock:
            self.cluster.node_online(node)

    def fence(self, node: str) -> None:
        """Take a node down and have the HA manager fence it at once. Raises KeyError."""
        with self.cluster.lock:
            self.cluster.node_offline(node)
            self.cluster.fence(node)

    def notify(self, kind: str, title: str, message: str = "", severity: str = "info", **fields: str) -> None:
        """Send a notification of a kind (replication, package-updates, system-mail …) through the matchers.

        In names of fields an underscore stands for a hyphen.
        """
        named = {name.replace("_", "-"): text for name, text in fields.items()}
        with self.cluster.lock:
            self.cluster.notifications.notify(Note(title, message, severity, {"type": kind, **named}))

    def age_offline(self, node: str) -> None:
        """Pretend the node has been gone for more than five minutes. Raises KeyError; ValueError if it is online."""
        with self.cluster.lock:
            if self.cluster.nodes[node].online:
                raise ValueError(f"node {node} is online")
            self.cluster.nodes[node].offline_since = time.time() - FORGET_AFTER - 1
            self.cluster.touch()

    def set_quorate(self, quorate: bool) -> None:
        """Give the cluster its quorum, or take it."""
        with self.cluster.lock:
            self.cluster.quorate = quorate
            self.cluster.touch()

    def add_backup(
        self, storage: str, vmid: int, ctime: float | None = None, size: int = 10 * GiB, **fields: Any
    ) -> str:
        """Return the volume id of a new backup of a guest, who may be gone (give ``subtype`` then).

        Raises KeyError for an unknown storage, ValueError for an unknown field.
        """
        unknown = set(fields) - set(Volume.__dataclass_fields__)
        if unknown:
            raise ValueError(f"a backup has no {', '.join(sorted(unknown))}")
        with self.cluster.lock:
            plugin, shared = self.cluster.storages[storage].plugin, self.cluster.storages[storage].shared
            first, when = next(iter(self.cluster.nodes)), int(time.time() if ctime is None else ctime)
            guest = self.cluster.guests.get(vmid) or Guest(
                vmid, fields.get("subtype", "qemu"), fields.get("node", first), ""
            )
            if plugin == "pbs":
                form, volid = f"pbs-{'vm' if guest.is_vm else 'ct'}", pbs_volid(storage, guest, when)
            else:
                form = "vma.zst" if guest.is_vm else "tar.zst"
                volid = file_volid(storage, guest, when, form)
            node = "" if shared else guest.node
            values: dict[str, Any] = {"node": node, "vmid": vmid, "subtype": guest.type, "notes": guest.name} | fields
            add_volume(self.cluster, Volume(volid, storage, "backup", form, size, when, **values))
            self.cluster.touch()
            return volid

    def add_vzdump_task(  # noqa: PLR0913, PLR0917 - what a task is made of
        self, node: str, vmid: int | None = None, status: str = "OK", starttime: float | None = None, seconds: int = 60,
        storage: str = "pbs", user: str = "root@pam", error: str = "",
    ) -> str:  # fmt: skip
        """Return the UPID of a backup task that has ended, a minute ago unless told. Raises KeyError for the node.

        A status other than OK makes the guest's part of the log fail with ``error``.
        """
        with self.cluster.lock:
            self.cluster.nodes[node]
            begun = time.time() - seconds - 60 if starttime is None else starttime
            task = self.cluster.book.add(node, "vzdump", "" if vmid is None else str(vmid), user, begun)
            guest = self.cluster.guests.get(vmid or 0) or Guest(vmid or 100, "qemu", node, "gone")
            reason = "" if status == "OK" else error or "job failed with err -5 - Input/output error"
            run = Run(guest, task.starttime, seconds, pbs_volid(storage, guest, task.starttime), 10 * GiB, reason)
            finish_seeded(task, [run], storage)
            task.status = status
            self.cluster.touch()
            return task.upid

    def run_job(self, name: str) -> list[str]:
        """Start a backup job now and return the UPIDs of its tasks. Raises KeyError for no such job."""
        with self.cluster.lock:
            return run_job(self.cluster, name)

    def misbehave(
        self,
        path_pattern: str,
        kind: str,
        *,
        times: int | None = None,
        seconds: float | None = None,
        node: str | None = None,
    ) -> None:
        """Answer oddly from now on, see :meth:`Misbehaviour.add`. Raises ValueError for an unknown kind."""
        self.misbehaviour.add(path_pattern, kind, times=times, seconds=seconds, node=node)

    def behave(self) -> None:
        """End all misbehaviour."""
        self.misbehaviour.clear()

    def set_token_rights(self, kind: str | Iterable[str] | dict[str, list[str]]) -> None:
        """Give the token rights: ``all``, ``auditor``, ``none``, privileges on ``/``, or path -> privileges.

        Raises ValueError for an unknown word or privilege.
        """
        with self.cluster.lock:
            self.cluster.token_rights[self.token_id] = self.cluster.own_rights(kind)
            self.cluster.touch()

    def state(self) -> dict[str, Any]:
        """Return a summary of the cluster."""
        cluster = self.cluster
        with cluster.lock:
            guests = [
                {
                    key: getattr(guest, key)
                    for key in ("vmid", "type", "node", "name", "status", "template", "lock", "hastate")
                }
                for guest in cluster.guests.values()
            ]
            return {
                "name": cluster.name,
                "version": cluster.release.version,
                "quorate": cluster.quorate,
                "nodes": {node.name: "online" if node.online else "offline" for node in cluster.nodes.values()},
                "guests": guests,
                "backups": sum(volume.content == "backup" for volume in cluster.volumes.values()),
                "running_tasks": [task.upid for task in cluster.book.running()],
            }


def _check_fields(fields: dict[str, Any]) -> None:
    unknown = set(fields) - GUEST_FIELDS
    if unknown:
        raise ValueError(f"a guest has no {', '.join(sorted(unknown))}")
