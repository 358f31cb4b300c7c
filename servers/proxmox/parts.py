"""Parts that several orders are made of: network cards, addresses, cloud-init, disks. Each checks itself when made.

Sources: Proxmox VE's API schema 8.4 and 9.1. ``fields`` of the Invalid that a part raises carry Proxmox's parameter.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from servers.proxmox import formats
from servers.proxmox.errors import Invalid

Values = dict[str, Any]  # parameters by name: texts and whole numbers


class Checks:
    """Collects what is wrong, by parameter. ``done`` raises Invalid if anything is."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def that(self, field: str, value: Any, *judges: Callable[[Any], None]) -> "Checks":
        """Let the judges look at a value, unless it is empty or None."""
        if value is None or value == "":
            return self
        try:
            for judge in judges:
                judge(value)
        except ValueError as problem:
            self.found.setdefault(field, str(problem))
        return self

    def each(self, field: str, values: Iterable[Any], *judges: Callable[[Any], None]) -> "Checks":
        """Let the judges look at each of several values."""
        for value in values:
            self.that(field, value, *judges)
        return self

    def between(self, field: str, value: int | None, low: int, high: int) -> "Checks":
        """A number within limits, or none at all."""
        if value is not None and not low <= value <= high:
            self.found.setdefault(field, _("Choose a number from %(low)d to %(high)d.") % {"low": low, "high": high})
        return self

    def unless(self, good: object, field: str, sentence: str) -> "Checks":
        """A sentence for a field unless something holds."""
        if not good:
            self.found.setdefault(field, sentence)
        return self

    def done(self) -> None:
        """Raise Invalid with everything that was found."""
        if self.found:
            raise Invalid(self.found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A network card. For a container ``name`` (eth0) is used and ``address`` too; a VM's address is cloud-init's."""

    bridge: str
    model: str = "virtio"
    vlan: int | None = None
    firewall: bool | None = None
    mac: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        checks = Checks().that("net0", self.bridge, formats.bridge).that("net0", self.mac, formats.mac)
        checks.that("net0", self.name, formats.bridge).that("net0", self.model, formats.config_id)
        checks.unless(self.bridge, "net0", _("Choose a bridge.")).between("net0", self.vlan, 1, 4094).done()

    def of_vm(self) -> str:
        """The text of ``netN`` of a VM. A mac that is not given is made by Proxmox."""
        return ",".join([f"{self.model}={self.mac}" if self.mac else self.model, *self._common()])

    def of_container(self, index: int, address: "Address | None") -> str:
        """The text of ``netN`` of a container."""
        mac = [f"hwaddr={self.mac}"] if self.mac else []
        return ",".join(
            [f"name={self.name or f'eth{index}'}", *mac, *self._common(), *(address.parts() if address else ())]
        )

    def _common(self) -> list[str]:
        vlan = [] if self.vlan is None else [f"tag={self.vlan}"]
        firewall = [] if self.firewall is None else [f"firewall={formats.flag(self.firewall)}"]
        return [f"bridge={self.bridge}", *vlan, *firewall]


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """How a card gets its addresses: ``ip`` and ``ip6`` are ``dhcp``, an address with prefix, or '' for none; ``ip6``
    may be ``auto``."""

    ip: str = ""
    gateway: str = ""
    ip6: str = ""
    gateway6: str = ""

    def __post_init__(self) -> None:
        checks = Checks()
        if self.ip != "dhcp":
            checks.that("ipconfig0", self.ip, lambda value: formats.network_address(value, 4))
        if self.ip6 not in ("dhcp", "auto"):
            checks.that("ipconfig0", self.ip6, lambda value: formats.network_address(value, 6))
        checks.that("ipconfig0", self.gateway, lambda value: formats.address(value, 4))
        checks.that("ipconfig0", self.gateway6, lambda value: formats.address(value, 6))
        sentence = _("A gateway goes with a fixed address only.")
        checks.unless(not self.gateway or self.ip not in ("", "dhcp"), "ipconfig0", sentence)
        checks.unless(not self.gateway6 or self.ip6 not in ("", "dhcp", "auto"), "ipconfig0", sentence).done()

    def parts(self) -> tuple[str, ...]:
        """``key=value`` of what is set, the same for ``ipconfigN`` and a container's ``netN``."""
        pairs = (("ip", self.ip), ("gw", self.gateway), ("ip6", self.ip6), ("gw6", self.gateway6))
        return tuple(f"{key}={value}" for key, value in pairs if value)


DHCP = Address(ip="dhcp")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDisk:
    """A disk that is made with the change: so many GiB on a storage. ``path`` is where a container mounts it."""

    storage: str
    size: int
    path: str = ""

    def __post_init__(self) -> None:
        checks = Checks().that("scsi1", self.storage, formats.storage_id).between("scsi1", self.size, 1, 1024 * 1024)
        checks.that("mp0", self.path, formats.mount_path)
        checks.unless(self.storage, "scsi1", _("Choose a storage for the disk.")).done()

    def text(self) -> str:
        """The text of ``scsiN`` or ``mpN``. Proxmox leaves mount points out of backups unless it is told otherwise."""
        return f"{self.storage}:{self.size}" + (f",mp={self.path},backup=1" if self.path else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudInit:
    """What a VM finds out about itself at its first start. ``upgrade`` needs Proxmox VE 8. The password is never shown.

    ``drive_storage`` adds a cloud-init drive (``drive``, such as ide2) on that storage, for templates without one.
    """

    user: str = ""
    password: str = ""
    ssh_keys: tuple[str, ...] = ()
    addresses: tuple[Address, ...] = ()
    nameservers: tuple[str, ...] = ()
    search_domain: str = ""
    upgrade: bool | None = None
    drive_storage: str = ""
    drive: str = "ide2"

    def __post_init__(self) -> None:
        checks = Checks().each("sshkeys", self.ssh_keys, formats.ssh_key)
        checks.each("nameserver", self.nameservers, formats.address)
        checks.that("searchdomain", self.search_domain, formats.guest_name)
        checks.that("ciuser", self.user, formats.one_line).that("cipassword", self.password, formats.one_line)
        checks.that("ide2", self.drive_storage, formats.storage_id).that("ide2", self.drive, formats.disk).done()

    def __repr__(self) -> str:
        return f"CloudInit(user={self.user!r}, addresses={self.addresses!r})"

    def parameters(self) -> Values:
        """As a VM's configuration takes them."""
        values: Values = {
            "ciuser": self.user, "cipassword": self.password, "sshkeys": formats.encoded_keys(self.ssh_keys),
            "nameserver": " ".join(self.nameservers), "searchdomain": self.search_domain,
        }  # fmt: skip
        values |= {f"ipconfig{index}": ",".join(address.parts()) for index, address in enumerate(self.addresses)}
        if self.upgrade is not None:
            values["ciupgrade"] = formats.flag(self.upgrade)
        if self.drive_storage:
            values[self.drive] = f"{self.drive_storage}:cloudinit"
        return filled(values)


def filled(values: dict[str, Any]) -> Values:
    """Without what is empty or None; booleans become 1 and 0."""
    return {
        key: formats.flag(value) if isinstance(value, bool) else value
        for key, value in values.items()
        if value is not None and value != ""
    }
