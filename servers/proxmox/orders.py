"""What Proxmox is asked to make, change or move, as typed orders. Each checks itself when it is made and raises Invalid
with a sentence per parameter, so nothing malformed is ever sent. Sizes of memory are MiB, of disks GiB.

Sources: Proxmox VE's API schema 8.4 and 9.1; no order uses a parameter that one of them does not know.
"""

from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from servers.proxmox import formats
from servers.proxmox.parts import Address, Card, Checks, CloudInit, NewDisk, Values, filled

MODES = ("snapshot", "suspend", "stop")
MAX_MEMORY = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class CloneOrder:
    """A new guest from another one. ``full`` None is Proxmox's default: templates linked, others full. ``storage`` and
    ``format`` are for full clones only; ``target`` needs every disk of the source on shared storage."""

    new_id: int
    name: str = ""
    description: str = ""
    full: bool | None = None
    storage: str = ""
    format: str = ""
    target: str = ""
    snapshot: str = ""
    pool: str = ""
    bandwidth: int | None = None  # KiB/s

    def __post_init__(self) -> None:
        checks = Checks().that("newid", self.new_id, formats.guest_id).that("name", self.name, formats.guest_name)
        checks.that("storage", self.storage, formats.storage_id).that("target", self.target, formats.node_name)
        checks.that("snapname", self.snapshot, formats.snapshot_name).that("pool", self.pool, formats.pool_id)
        linked = _("A linked clone lies on its template's storage: choose no storage, or a full clone.")
        checks.unless(self.full is not False or not (self.storage or self.format), "storage", linked)
        checks.unless(self.format in ("", "raw", "qcow2", "vmdk"), "format", _("Choose raw, qcow2 or vmdk.")).done()

    def parameters(self, kind: str) -> Values:
        """For a guest of that kind: a container's name is its ``hostname``, and it takes no ``format``."""
        values = {
            "newid": self.new_id, "name" if kind == "qemu" else "hostname": self.name, "description": self.description,
            "full": self.full, "storage": self.storage, "format": self.format if kind == "qemu" else "",
            "target": self.target, "snapname": self.snapshot, "pool": self.pool, "bwlimit": self.bandwidth,
        }  # fmt: skip
        return filled(values)


@dataclass(frozen=True, slots=True, kw_only=True)
class VmOrder:
    """A new, empty VM. ``disk`` GiB on ``storage`` become scsi0; ``iso`` is a volume in a CD drive."""

    vmid: int
    name: str
    memory: int = 2048
    cores: int = 1
    sockets: int = 1
    storage: str = ""
    disk: int | None = None
    cards: tuple[Card, ...] = ()
    ostype: str = "l26"
    iso: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    pool: str = ""
    agent: bool = True
    onboot: bool | None = None
    start: bool | None = None
    cloud_init: CloudInit | None = None

    def __post_init__(self) -> None:
        checks = _basics(self.vmid, self.name, "name", self.memory, self.tags, self.pool)
        checks.between("cores", self.cores, 1, 8192).between("sockets", self.sockets, 1, 4)
        checks.that("storage", self.storage, formats.storage_id).between("scsi0", self.disk, 1, 1024 * 1024)
        checks.unless(self.disk is None or self.storage, "scsi0", _("Choose a storage for the disk."))
        checks.that("ide2", self.iso, formats.volume_id).that("ostype", self.ostype, formats.config_id).done()

    def parameters(self) -> Values:
        """As ``POST /nodes/N/qemu`` takes them."""
        values = {
            "vmid": self.vmid, "name": self.name, "memory": self.memory, "cores": self.cores, "sockets": self.sockets,
            "ostype": self.ostype, "scsihw": "virtio-scsi-single", "description": self.description, "pool": self.pool,
            "tags": formats.joined_tags(self.tags), "agent": "enabled=1" if self.agent else "", "onboot": self.onboot,
            "scsi0": "" if self.disk is None else f"{self.storage}:{self.disk}", "start": self.start,
            "ide2": f"{self.iso},media=cdrom" if self.iso else "",
        }  # fmt: skip
        cards = {f"net{index}": card.of_vm() for index, card in enumerate(self.cards)}
        return filled(values | cards) | (self.cloud_init.parameters() if self.cloud_init else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerOrder:
    """A new container from a template (``STORE:vztmpl/FILE``). ``storage`` holds its root of ``disk`` GiB: Proxmox's
    own default, ``local``, cannot hold containers on most installations. The password is never shown."""

    vmid: int
    name: str
    template: str
    storage: str
    disk: int
    memory: int = 512
    swap: int | None = None
    cores: int = 1
    cards: tuple[Card, ...] = ()
    addresses: tuple[Address, ...] = ()
    password: str = field(default="", repr=False)
    ssh_keys: tuple[str, ...] = ()
    nameservers: tuple[str, ...] = ()
    search_domain: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    pool: str = ""
    unprivileged: bool = True
    nesting: bool = True
    onboot: bool | None = None
    start: bool | None = None

    def __post_init__(self) -> None:
        checks = _basics(self.vmid, self.name, "hostname", self.memory, self.tags, self.pool)
        checks.between("cores", self.cores, 1, 8192).between("swap", self.swap, 0, MAX_MEMORY)
        checks.that("storage", self.storage, formats.storage_id).that("ostemplate", self.template, formats.volume_id)
        checks.unless(":vztmpl/" in self.template, "ostemplate", _("Choose a container template."))
        checks.unless(self.storage, "storage", _("Choose a storage for the container's root."))
        checks.between("rootfs", self.disk, 1, 1024 * 1024).each("ssh-public-keys", self.ssh_keys, formats.ssh_key)
        short = _("A password has at least five characters.")
        checks.unless(not self.password or len(self.password) >= 5, "password", short)
        checks.each("nameserver", self.nameservers, formats.address)
        checks.that("searchdomain", self.search_domain, formats.guest_name).done()

    def parameters(self) -> Values:
        """As ``POST /nodes/N/lxc`` takes them."""
        values = {
            "vmid": self.vmid, "hostname": self.name, "ostemplate": self.template, "memory": self.memory,
            "rootfs": f"{self.storage}:{self.disk}", "storage": self.storage, "swap": self.swap, "cores": self.cores,
            "password": self.password, "ssh-public-keys": "\n".join(key.strip() for key in self.ssh_keys),
            "nameserver": " ".join(self.nameservers), "searchdomain": self.search_domain, "pool": self.pool,
            "description": self.description, "tags": formats.joined_tags(self.tags), "onboot": self.onboot,
            "unprivileged": self.unprivileged, "features": "nesting=1" if self.nesting else "", "start": self.start,
        }  # fmt: skip
        return filled(values | container_cards(self.cards, self.addresses))


def container_cards(cards: tuple[Card, ...], addresses: tuple[Address, ...]) -> Values:
    """``netN`` of a container: the card with its address, where there is one of the same number."""
    placed = dict(enumerate(addresses))
    return {f"net{index}": card.of_container(index, placed.get(index)) for index, card in enumerate(cards)}


def _basics(vmid: int, name: str, called: str, memory: int, tags: tuple[str, ...], pool: str) -> Checks:  # noqa: PLR0913, PLR0917
    checks = Checks().that("vmid", vmid, formats.guest_id).that(called, name, formats.guest_name)
    checks.unless(name, called, _("Give it a name."))
    checks.between("memory", memory, 16, MAX_MEMORY).each("tags", tags, formats.tag)
    return checks.that("pool", pool, formats.pool_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Changes of a guest's configuration; what is None stays. ``tags`` () removes all tags, ``description`` '' the
    description. ``memory`` is MiB. ``delete`` and ``revert`` name options; ``digest`` is that of the configuration that
    was looked at: Proxmox refuses if somebody changed it meanwhile. Cores, memory and swap may wait for a restart."""

    name: str | None = None
    description: str | None = None
    tags: tuple[str, ...] | None = None
    protection: bool | None = None
    onboot: bool | None = None
    cores: int | None = None
    sockets: int | None = None
    memory: int | None = None
    swap: int | None = None
    agent: bool | None = None
    cards: dict[int, Card] = field(default_factory=dict)
    addresses: dict[int, Address] = field(default_factory=dict)
    cloud_init: CloudInit | None = None
    disks: dict[str, NewDisk] = field(default_factory=dict)
    delete: tuple[str, ...] = ()
    revert: tuple[str, ...] = ()
    digest: str = ""

    def __post_init__(self) -> None:
        checks = Checks().that("name", self.name, formats.guest_name).each("tags", self.tags or (), formats.tag)
        checks.unless(self.name != "", "name", _("Give it a name."))
        checks.between("cores", self.cores, 1, 8192).between("sockets", self.sockets, 1, 4)
        checks.between("memory", self.memory, 16, MAX_MEMORY).between("swap", self.swap, 0, MAX_MEMORY)
        checks.each("delete", self.delete, formats.config_id).each("revert", self.revert, formats.config_id).done()

    def parameters(self, kind: str) -> Values:
        """As ``PUT …/config`` of that kind of guest takes them."""
        vm = kind == "qemu"
        values = {
            "name" if vm else "hostname": self.name, "description": self.description, "cores": self.cores,
            "tags": None if self.tags is None else formats.joined_tags(self.tags), "protection": self.protection,
            "onboot": self.onboot, "memory": self.memory, "digest": self.digest, "revert": ",".join(self.revert),
            "sockets": self.sockets if vm else None, "swap": None if vm else self.swap,
            "agent": None if self.agent is None or not vm else f"enabled={formats.flag(self.agent)}",
        }  # fmt: skip
        emptied = [name for name in ("tags", "description") if values[name] == ""]
        values["delete"] = ",".join([*self.delete, *emptied])
        values |= {name: disk.text() for name, disk in self.disks.items()}
        if vm:
            values |= {f"net{index}": card.of_vm() for index, card in self.cards.items()}
            values |= {f"ipconfig{index}": ",".join(address.parts()) for index, address in self.addresses.items()}
            values |= self.cloud_init.parameters() if self.cloud_init else {}
        else:
            values |= {f"net{n}": card.of_container(n, self.addresses.get(n)) for n, card in self.cards.items()}
        return filled(values)
