"""What Proxmox tells of one guest, storage, node or job, judged and in plain types. None means unknown."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class GuestConfig:
    """A guest's configuration. ``values`` is all of it, as texts; ``digest`` guards a change against another one."""

    digest: str
    name: str
    lock: str
    template: bool
    protection: bool
    cores: int | None
    sockets: int
    memory: int | None  # MiB
    swap: int | None  # MiB, containers only
    tags: tuple[str, ...]
    description: str
    disks: dict[str, "Disk"]
    cards: dict[str, "CardFacts"]
    values: dict[str, str] = field(repr=False)

    @property
    def empty(self) -> bool:
        """Whether nothing is in it: what a failed restore leaves."""
        return not self.values.keys() - {"digest"}


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk of a configuration. ``size`` is bytes. ``cdrom`` is an image in a drive, ``cloud_init`` the small one."""

    name: str  # scsi0, rootfs …
    volume: str  # STORE:path, or none
    storage: str
    size: int | None
    cdrom: bool = False
    cloud_init: bool = False


@dataclass(frozen=True, slots=True)
class CardFacts:
    """A network card of a configuration; ``ip`` is set for containers only."""

    bridge: str
    mac: str
    vlan: int | None
    ip: str


@dataclass(frozen=True, slots=True)
class PendingChange:
    """An option of a configuration that waits for a restart. ``pending`` is None where it will be deleted."""

    key: str
    value: str
    pending: str | None


@dataclass(frozen=True, slots=True)
class SnapshotFacts:
    """A snapshot. ``taken`` is seconds since the epoch; ``memory`` says whether it holds the RAM."""

    name: str
    taken: int
    description: str
    parent: str
    memory: bool


@dataclass(frozen=True, slots=True)
class MigrationCheck:
    """What stands for and against moving a guest. ``nodes`` may take it as it is now; ``refused`` says of others what
    is missing there; ``local_disks`` go along only with ``with-local-disks`` when it runs; ``local_resources`` (such as
    passed-through devices) keep it where it is. ``asked`` is False where this version does not tell (containers, 8)."""

    running: bool
    nodes: tuple[str, ...]
    refused: dict[str, str]
    local_disks: tuple[str, ...]
    local_resources: tuple[str, ...]
    asked: bool = True


@dataclass(frozen=True, slots=True)
class StorageSpace:
    """A storage as one node sees it. Sizes are bytes; ``content`` names what it may hold, such as images, rootdir."""

    name: str
    plugin: str
    content: tuple[str, ...]
    shared: bool
    active: bool
    enabled: bool
    total: int | None
    used: int | None
    available: int | None


@dataclass(frozen=True, slots=True)
class VolumeFacts:
    """Something on a storage: an image, a template, a disk, a backup."""

    volume: str
    content: str
    format: str
    size: int | None
    created: int | None
    vmid: int | None
    notes: str
    protected: bool


@dataclass(frozen=True, slots=True)
class Bridge:
    """A network bridge of a node. ``addresses`` are the node's own on it, with prefix."""

    name: str
    active: bool
    vlan_aware: bool
    addresses: tuple[str, ...]
    comment: str


@dataclass(frozen=True, slots=True)
class Appliance:
    """A container template that can be downloaded to a storage; ``template`` is the file name to ask for."""

    template: str
    package: str
    version: str
    os: str
    section: str
    headline: str


@dataclass(frozen=True, slots=True)
class JobFacts:
    """A backup job. ``next_run`` is seconds since the epoch; ``keep`` is what pruning keeps."""

    id: str
    enabled: bool
    schedule: str
    storage: str
    vmids: tuple[int, ...]
    everything: bool
    exclude: tuple[int, ...]
    pool: str
    mode: str
    comment: str
    next_run: int | None
    keep: dict[str, str]


@dataclass(frozen=True, slots=True)
class HaResource:
    """A guest that high availability keeps. ``state`` is what is wanted: started, stopped, disabled, ignored."""

    sid: str  # vm:100, ct:101
    state: str
    group: str
    comment: str


@dataclass(frozen=True, slots=True)
class GuestState:
    """``status/current``: what is true now, while the list of resources may be ten seconds old. ``status`` is running,
    stopped, or what QEMU says (paused, prelaunch, …). ``uptime`` is seconds, ``disk_size`` bytes."""

    status: str
    lock: str
    name: str
    uptime: int
    ha_state: str
    disk_size: int | None
