"""Compares a good answer with the rows and writes the difference: what appeared, changed, moved, vanished.

Called inside a transaction. The number of statements does not depend on the number of guests.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from servers.bulk import MISSES_BEFORE_RETIREMENT, insert_many, update_many
from servers.models import ChangeKind, Cluster, Counter, Node, NodeStatus, Server, ServerStatus, StateChange
from servers.newcomers import Newcomers, hidden
from servers.nodes import reconcile_nodes
from servers.proxmox.types import ClusterStatus, Guest, Resources
from servers.retiring import just_deleted
from servers.storages import reconcile_storages

SERVER_COLUMNS: Final = (
    "kind", "node", "name", "status", "status_since", "last_known_status", "template", "tags", "pool", "lock",
    "ha_state", "max_cpu", "max_memory", "max_disk", "missing", "retired_at",
)  # fmt: skip
# The same order as in _Servers._as_row.
COMPARED: Final = (
    "kind", "node_id", "name", "status", "last_known_status", "template", "tags", "pool", "lock", "ha_state",
    "max_cpu", "max_memory", "max_disk", "missing",
)  # fmt: skip
FEW: Final = 500
# What a person would call a change of the server; the rest (lock, HA state …) is written without a word.
TOLD: Final = ("name", "template", "tags", "pool", "max_cpu", "max_memory", "max_disk")


@dataclass(slots=True, frozen=True)
class Tally:
    """What a sync changed. ``held`` is the number of retirements that wait for a person's word."""

    appeared: int = 0
    changed: int = 0
    retired: int = 0
    held: int = 0
    complete: bool = False


def retirements_allowed(cluster: Cluster, moment: datetime) -> bool:
    """Whether an operator has said that many servers are really gone."""
    return cluster.retirements_allowed_until is not None and cluster.retirements_allowed_until > moment


def apply(cluster: Cluster, resources: Resources, status: ClusterStatus | None, moment: datetime) -> Tally:
    """Bring the rows of the cluster in line with the answer. Returns what changed."""
    changes: list[StateChange] = []
    nodes = reconcile_nodes(cluster, resources.nodes, status, moment, changes)
    reconcile_storages(cluster, nodes, resources.storages, moment, changes)
    complete = _is_complete(nodes, resources)
    servers = _Servers(cluster, nodes, moment, changes)
    servers.see(resources.guests)
    quorate = status is not None and status.quorate
    retired, held = servers.miss(resources.guests) if complete and quorate else (0, cluster.held_retirements)
    servers.write()
    insert_many(StateChange, changes)
    if cluster.first_complete_at:
        Counter.add(Counter.CREATED, cluster.name, sum(not server.template for server in servers.new))
        Counter.add(Counter.DELETED, cluster.name, sum(not server.template for server in servers.retired))
    return Tally(len(servers.new), len(servers.touched), retired, held, complete)


def _is_complete(nodes: dict[str, Node], resources: Resources) -> bool:
    """Whether absence from this answer means anything: no broken row, no node of ours or of a guest left out."""
    listed = {facts.name for facts in resources.nodes}
    guests_nodes = {guest.node for guest in resources.guests}
    return not resources.complaints and nodes.keys() <= listed and guests_nodes <= listed


# --- servers


class _Servers:
    """The living servers of a cluster, compared with one answer.

    Most of ten thousand rows are as they were, so the comparison reads plain values, and makes instances only of the
    rows that differ.
    """

    def __init__(self, cluster: Cluster, nodes: dict[str, Node], moment: datetime, changes: list[StateChange]) -> None:
        self.cluster, self.nodes, self.moment, self.changes = cluster, nodes, moment, changes
        self.living = Server.objects.filter(cluster=cluster, retired_at=None)
        self.seen_as = {row[0]: row[1:] for row in self.living.values_list("vmid", *COMPARED)}
        self.new: list[Server] = []
        self.touched: list[Server] = []
        self.retired: list[Server] = []
        self.started: list[Server] = []

    def see(self, guests: Iterable[Guest]) -> None:
        """Compare what is listed. A vmid that is listed twice (seen during a migration) counts once."""
        listed = {guest.vmid: guest for guest in reversed(list(guests))}
        missing = self.seen_as.keys() - listed.keys()
        differing = {v: g for v, g in listed.items() if self.seen_as.get(v, ()) != self._as_row(g)}
        self.known = self._instances(missing | differing.keys())
        unknown = differing.keys() - self.known.keys()
        self.deleted = just_deleted(self.cluster, self.moment) if unknown else {}
        self.hidden = hidden(self.cluster, self.moment) if unknown else set()
        self.newcomers = Newcomers(self.cluster, self.moment, unknown)
        for guest in differing.values():
            server = self.known.get(guest.vmid)
            if server is None:
                self._appear(guest)
            elif server.kind != guest.kind:
                self._retire(server)  # the id was given to a guest of the other kind: that is another server
                self._appear(guest)
            else:
                self._compare(server, guest)

    def _as_row(self, guest: Guest) -> tuple[Any, ...]:
        """The compared columns of a guest about which everything is known and whose node is there."""
        node = self.nodes.get(guest.node)
        online = node is not None and node.status == NodeStatus.ONLINE
        status = guest.status if online else ServerStatus.UNKNOWN
        return (
            guest.kind, node.pk if node else None, guest.name, status, guest.status if online else None,
            guest.template, guest.tags, guest.pool, guest.lock, guest.ha_state, guest.max_cpu, guest.max_memory,
            guest.max_disk, 0,
        )  # fmt: skip

    def _instances(self, vmids: set[int]) -> dict[int, Server]:
        """The rows of these ids: asked for one by one while they are few, all together when they are many."""
        wanted = self.living.filter(vmid__in=vmids) if len(vmids) <= FEW else self.living
        return {server.vmid: server for server in (wanted if vmids else ()) if server.vmid in vmids}

    def miss(self, guests: Iterable[Guest]) -> tuple[int, int]:
        """Count the absence of what is not listed, and retire it the third time. Returns (retired, held back)."""
        listed = {guest.vmid for guest in guests}
        missing = [server for vmid, server in self.known.items() if vmid not in listed and not server.retired_at]
        for server in missing:
            server.missing = min(server.missing + 1, MISSES_BEFORE_RETIREMENT)
        due = [server for server in missing if server.missing >= MISSES_BEFORE_RETIREMENT]
        limit = max(5, len(self.seen_as) // 5)
        if len(due) > limit and not retirements_allowed(self.cluster, self.moment):
            self.touched += missing
            return 0, len(due)
        self.touched += [server for server in missing if server not in due]
        for server in due:
            self._retire(server)
        return len(due), 0

    def write(self) -> None:
        """One statement for the retired and changed, one for the new: an id that returns must find its place free."""
        update_many(Server, [*self.retired, *self.touched], SERVER_COLUMNS)
        update_many(Server, self.started, ("intended_state",))  # no other's: an operation may just have written it
        Server.objects.bulk_create(self.new, batch_size=2000)
        self.newcomers.link(self.new)
        if self.cluster.first_complete_at:
            self.changes += [
                StateChange(
                    cluster=self.cluster, server=server, kind=ChangeKind.APPEARED, new=server.status, at=self.moment
                )
                for server in self.new
            ]

    def _appear(self, guest: Guest) -> None:
        node = self.nodes.get(guest.node)
        online = node is not None and node.status == NodeStatus.ONLINE
        if guest.status == "unknown" and online and self.cluster.first_complete_at:
            return  # for its first seconds a new guest is a row without facts: the next sync knows its name
        if self.deleted.get(guest.vmid) == (guest.kind, guest.name):
            return  # the list is some seconds old
        if (guest.vmid, guest.kind) in self.hidden:
            return  # the portal is making it: it is a server when it is ready
        status = guest.status if online else ServerStatus.UNKNOWN
        server = Server(
            cluster=self.cluster, vmid=guest.vmid, kind=guest.kind, node=node, name=guest.name, status=status,
            last_known_status=guest.status if guest.status != "unknown" else "", template=guest.template,
            tags=guest.tags, pool=guest.pool, lock=guest.lock, ha_state=guest.ha_state, max_cpu=guest.max_cpu,
            max_memory=guest.max_memory, max_disk=guest.max_disk, status_since=self.moment, first_seen=self.moment,
        )  # fmt: skip
        server.intended_state = status if status in (ServerStatus.RUNNING, ServerStatus.STOPPED) else ""
        self.newcomers.prepare(server)
        self.new.append(server)

    def _compare(self, server: Server, guest: Guest) -> None:
        wanted = self._wanted(server, guest)
        different = {field: value for field, value in wanted.items() if getattr(server, field) != value}
        if not different:
            return
        for field in TOLD:
            if field in different and not (field == "name" and is_placeholder(server.vmid, server.name)):
                self._tell(server, ChangeKind.CONFIGURATION, field, getattr(server, field), different[field])
        if "node_id" in different and server.node_id:
            names = {node.pk: node.name for node in self.nodes.values()}
            self._tell(server, ChangeKind.MOVED, "node", names.get(server.node_id, ""), guest.node)
        if "status" in different:
            self._tell(server, ChangeKind.STATUS, "status", server.status, different["status"])
            different["status_since"] = self.moment
        for field, value in different.items():
            setattr(server, field, value)
        self.touched.append(server)

    def _wanted(self, server: Server, guest: Guest) -> dict[str, Any]:
        """The columns as they should be. What a row of unknown status lacks is kept as it was."""
        node = self.nodes.get(guest.node)
        # The node is judged first: for five minutes a dead node's guests go on saying "running".
        alive = guest.status != "unknown" and node is not None and node.status == NodeStatus.ONLINE
        wanted: dict[str, Any] = {
            "status": guest.status if alive else ServerStatus.UNKNOWN,
            "node_id": node.pk if node else server.node_id,
            "tags": guest.tags, "pool": guest.pool, "lock": guest.lock, "ha_state": guest.ha_state, "missing": 0,
        }  # fmt: skip
        if guest.status == "unknown":
            return wanted
        if guest.name and not (server.name and is_placeholder(guest.vmid, guest.name)):
            wanted["name"] = guest.name
        for field in ("max_cpu", "max_memory", "max_disk"):
            value = getattr(guest, field)
            wanted[field] = getattr(server, field) if value is None else value
        wanted["template"] = guest.template
        if alive:
            wanted["last_known_status"] = guest.status
            if guest.status == ServerStatus.RUNNING and server.status == ServerStatus.STOPPED:
                wanted["intended_state"] = ServerStatus.RUNNING  # nobody starts a server by accident
                self.started.append(server)
        return wanted

    def _retire(self, server: Server) -> None:
        server.retired_at = self.moment
        self.retired.append(server)
        self._tell(server, ChangeKind.RETIRED, "status", server.status, "")

    def _tell(self, server: Server, kind: ChangeKind, field: str, old: Any, new: Any) -> None:
        self.changes.append(
            StateChange(
                cluster=self.cluster, server=server, kind=kind, field=field, old=str(old), new=str(new), at=self.moment
            )
        )


def is_placeholder(vmid: int, name: str) -> bool:
    """Whether that is the name which Proxmox shows for a VM whose configuration it has not read yet."""
    return name == f"VM {vmid}"
