"""What Proxmox tells, judged and in plain types: bytes, seconds since the epoch, parts of one. None means unknown.

The rows that come by the ten thousand are named tuples: making a frozen dataclass costs several times as much.
"""

from dataclasses import dataclass, field
from typing import NamedTuple


class Guest(NamedTuple):
    """A row of ``/cluster/resources`` with type qemu or lxc."""

    vmid: int
    kind: str  # qemu | lxc
    node: str
    name: str
    status: str
    template: bool
    tags: str  # ";prod;web;" or ""
    pool: str
    lock: str
    ha_state: str
    cpu: float | None  # a part of max_cpu: 0.5 is half of all its cores
    max_cpu: int | None
    memory: int | None
    max_memory: int | None
    disk: int | None  # None for a VM: Proxmox does not know and says 0
    max_disk: int | None
    uptime: int | None
    net_in: int | None
    net_out: int | None
    disk_read: int | None
    disk_write: int | None


class NodeFacts(NamedTuple):
    """A row of ``/cluster/resources`` with type node."""

    name: str
    status: str  # online | offline | unknown
    level: str
    cpu: float | None
    max_cpu: int | None
    memory: int | None
    max_memory: int | None
    disk: int | None
    max_disk: int | None
    uptime: int | None
    ha_state: str = ""


class StorageFacts(NamedTuple):
    """A row of ``/cluster/resources`` with type storage: one per node, also where the storage is shared."""

    name: str
    node: str
    plugin_type: str
    content: str  # sorted, joined by commas
    shared: bool
    status: str  # available | unknown
    used: int | None
    size: int | None


@dataclass(slots=True)
class Resources:
    """The whole answer of ``/cluster/resources``, with what was wrong with single rows in ``complaints``."""

    nodes: list[NodeFacts] = field(default_factory=list)
    guests: list[Guest] = field(default_factory=list)
    storages: list[StorageFacts] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@dataclass(slots=True, frozen=True)
class ClusterStatus:
    """``/cluster/status``: a single server has no cluster row and counts as quorate."""

    name: str
    quorate: bool
    addresses: dict[str, str]  # node name → IP address


@dataclass(slots=True, frozen=True)
class BackupVolume:
    """A row of a storage's content with ``content=backup``."""

    volid: str
    vmid: int | None
    kind: str  # qemu | lxc | ""
    format: str
    size: int
    created: int  # seconds since the epoch
    notes: str
    protected: bool
    encrypted: bool
    verification: str  # ok | failed | "" (never)


@dataclass(slots=True, frozen=True)
class TaskRow:
    """A row of ``/cluster/tasks``. ``status`` and ``ended`` are empty while it runs."""

    upid: str
    node: str
    type: str
    id: str
    user: str
    started: int
    ended: int | None
    status: str


@dataclass(slots=True, frozen=True)
class Interface:
    """A network card as the guest itself tells it."""

    name: str
    addresses: list[str]  # without prefix, in the guest's order
