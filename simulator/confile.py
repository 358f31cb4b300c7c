"""Writing configurations: what takes effect at once, what waits for a restart, what follows for the guest."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import time
from typing import Any

from simulator import disks
from simulator.cluster import Cluster
from simulator.config import config
from simulator.errors import bad_parameter
from simulator.model import Guest, MiB

# what a running guest takes at once; the rest waits
FAST_VM = re.compile(
    r"name|description|tags|onboot|protection|startup|hookscript|lock|autostart|shares|net\d+|unused\d+|template"
    r"|(?:scsi|sata|virtio|ide)\d+"
)
FAST_CONTAINER = re.compile(
    r"hostname|description|tags|onboot|protection|startup|hookscript|memory|swap|cores|cpulimit|cpuunits|nameserver"
    r"|searchdomain|net\d+|mp\d+|unused\d+|lock|template"
)
OPTIONS = re.compile(
    r"name|hostname|description|tags|onboot|protection|startup|hookscript|autostart|shares|cores|sockets|cpu|cpulimit"
    r"|cpuunits|memory|balloon|swap|ostype|boot|bootdisk|scsihw|machine|bios|agent|kvm|acpi|numa|vcpus|args|hotplug|vga"
    r"|ciuser|cipassword|citype|cicustom|ciupgrade|sshkeys|nameserver|searchdomain|localtime|tablet|serial\d|rng0|arch"
    r"|cmode|console|tty|features|timezone|unprivileged|smbios1|vmgenid|lock|template|keyboard|watchdog|meta|parent"
    r"|(?:net|ipconfig|scsi|sata|ide|virtio|mp|unused|hostpci|usb)\d+|efidisk0|tpmstate0|rootfs|affinity|freeze|reboot"
)
NUMBERS = (
    "cores",
    "sockets",
    "onboot",
    "protection",
    "swap",
    "cpuunits",
    "kvm",
    "balloon",
    "ciupgrade",
    "unprivileged",
)


def write_out(guest: Guest, major: int) -> None:
    """Turn what the guest's configuration would say into the file that it is from now on."""
    if not guest.written:
        values = config(guest, major, in_force=True)
        guest.extra = {key: value for key, value in values.items() if key not in ("digest", "lock", "parent")}
        guest.written = True


def adopt(guest: Guest) -> None:
    """Let the guest be what its configuration says: name, sizes, tags, the storage of its first disk."""
    values = guest.extra
    name = values.get("name" if guest.is_vm else "hostname")
    guest.name = str(name) if name else f"VM {guest.vmid}" if guest.is_vm else f"CT{guest.vmid}"
    guest.cores = int(values.get("cores", 1 if guest.is_vm else 2)) * int(values.get("sockets", 1))
    guest.maxmem = int(str(values.get("memory", 512)).split(",", maxsplit=1)[0].removeprefix("current=")) * MiB
    guest.tags = str(values.get("tags", ""))
    guest.description = str(values.get("description", ""))
    guest.onboot, guest.protection = int(values.get("onboot", 0)), int(values.get("protection", 0))
    agent = str(values.get("agent", "0"))
    guest.agent = int(agent.startswith("1") or "enabled=1" in agent)
    guest.ostype = str(values.get("ostype", "l26"))
    guest.template = bool(values.get("template"))
    first = first_disk(guest)
    guest.maxdisk = first.size if first else 0 if guest.is_vm else 4 * 1024**3
    guest.storage = first.storage if first else ""


def absorb(guest: Guest, fields: dict[str, Any]) -> None:
    """Let the file say what the controls changed behind its back."""
    if not guest.written:
        return
    names = {"name": "name" if guest.is_vm else "hostname", "maxmem": "memory"}
    for field in fields.keys() & {"name", "tags", "description", "onboot", "protection", "cores", "maxmem"}:
        value = fields[field]
        if field == "maxmem":
            value = str(value // MiB) if guest.is_vm else value // MiB
        guest.extra[names.get(field, field)] = value


def first_disk(guest: Guest) -> disks.Disk | None:
    """Return the disk that the guest boots from."""
    real = [disk for disk in disks.disks(guest.extra) if not disk.cdrom and not disk.key.startswith("unused")]
    order = re.findall(r"[a-z]+\d", str(guest.extra.get("boot", "")))
    real.sort(key=lambda disk: (disk.key != "rootfs", order.index(disk.key) if disk.key in order else 99, disk.key))
    return real[0] if real else None


def change(cluster: Cluster, guest: Guest, given: dict[str, Any], deleted: list[str]) -> list[str]:
    """Change a configuration and return the lines that a log would hold.

    A running guest takes at once what it can; the rest waits. Raises the errors of disks that cannot be made.
    """
    write_out(guest, cluster.release.major)
    taken = {disk.volid for disk in disks.disks(guest.extra | guest.pending)}
    lines: list[str] = []
    made: dict[str, Any] = {}
    for key, value in given.items():
        text, said = disks.allocate(cluster, guest, key, value, taken) if isinstance(value, str) else (value, [])
        made[key] = normal(cluster, guest, key, text)
        lines += said
    fast = FAST_VM if guest.is_vm else FAST_CONTAINER
    for key, value in [*made.items(), *((name, None) for name in deleted)]:
        if not guest.running or fast.fullmatch(key):
            guest.pending.pop(key, None)
            _set(guest, key, value)
        elif guest.extra.get(key) == value:
            guest.pending.pop(key, None)
        else:
            guest.pending[key] = value
    if not guest.running:
        apply_pending(guest)
    adopt(guest)
    cluster.touch(guest.vmid)
    return lines


def _set(guest: Guest, key: str, value: Any) -> None:
    """Set an option, or remove it. A disk that was there is kept as an unused one, unless it is only described anew."""
    old, new = guest.extra.pop(key, None), disks.parse(key, str(value)) if value is not None else None
    if value is not None:
        guest.extra[key] = value
    disk = disks.parse(key, str(old)) if old else None
    if disk and not disk.cdrom and not key.startswith("unused") and not (new and new.volid == disk.volid):
        number = next(n for n in range(256) if f"unused{n}" not in guest.extra)
        guest.extra[f"unused{number}"] = disk.volid


def apply_pending(guest: Guest) -> None:
    """Let everything that waited take effect."""
    for key, value in guest.pending.items():
        _set(guest, key, value)
    guest.pending = {}
    if guest.written:
        adopt(guest)


def revert(cluster: Cluster, guest: Guest, names: list[str]) -> None:
    """Forget changes that wait."""
    for name in names:
        guest.pending.pop(name, None)
    cluster.touch(guest.vmid)


def normal(cluster: Cluster, guest: Guest, key: str, value: Any) -> Any:
    """Return a value as the configuration keeps it: numbers, sorted tags, hardware addresses for cards without one."""
    if key == "tags":
        words = [word for word in re.split(r"[;, ]+", str(value)) if word]
        return ";".join(sorted({word.lower() for word in words}))
    if key == "memory":
        return str(value) if guest.is_vm and cluster.release.major >= 8 else int(value)
    if key in NUMBERS:
        return int(value)
    if key == "description" and not guest.is_vm and value and not str(value).endswith("\n"):
        return f"{value}\n"
    return card(guest, key, str(value)) if re.fullmatch(r"net\d+", key) else value


def card(guest: Guest, key: str, value: str) -> str:
    """Return the text of a network card, with a hardware address."""
    parts = [part.partition("=") for part in value.split(",")]
    if not guest.is_vm:
        values = {name: text for name, _, text in parts}
        order = ("name", "bridge", "firewall", "gw", "gw6", "hwaddr", "ip", "ip6", "rate", "tag", "type")
        values = {"hwaddr": make_mac(guest, key), "type": "veth"} | values
        return ",".join(f"{name}={values[name]}" for name in order if name in values)
    values = {name: text for name, _, text in parts}
    model = values.pop("model", "") or next(
        name for name, equals, _ in parts if not equals or re.match(r"[a-z0-9-]+$", name)
    )
    mac = values.pop("macaddr", "") or values.pop(model, "") or make_mac(guest, key)
    return ",".join([f"{model}={mac.upper()}", *(f"{name}={text}" for name, text in values.items())])


def make_mac(guest: Guest, key: str) -> str:
    """Return a hardware address of its own."""
    digest = hashlib.sha256(f"{guest.vmid}{key}{time.time_ns()}".encode()).hexdigest().upper()
    return "BC:24:11:" + ":".join((digest[0:2], digest[2:4], digest[4:6]))


def macs(guest: Guest) -> list[str]:
    """Return the hardware addresses of the cards that a configuration file names, in their order."""
    keys = sorted(key for key in guest.extra if re.fullmatch(r"net\d+", key))
    found = (re.search(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}", str(guest.extra[key]).upper()) for key in keys)
    return [match[0] for match in found if match]


def bridges(guest: Guest) -> list[str]:
    """Return the bridges that a configuration file names."""
    found = (
        re.search(r"bridge=([^,]+)", str(text)) for key, text in guest.extra.items() if re.fullmatch(r"net\d+", key)
    )
    return [match[1] for match in found if match]


def addresses(guest: Guest) -> list[str]:
    """Return the addresses a guest has after its start: cloud-init's or its cards', DHCP where nothing is said."""
    found: list[str] = []
    for number in range(8):
        text = str(guest.extra.get(f"ipconfig{number}" if guest.is_vm else f"net{number}", ""))
        if f"net{number}" not in guest.extra:
            continue
        values = dict(part.partition("=")[::2] for part in text.split(","))
        four, six = values.get("ip", "dhcp" if guest.is_vm and "ip6" not in values else ""), values.get("ip6", "")
        if four and four != "manual":
            found.append(_leased(guest, number) if four == "dhcp" else four.partition("/")[0])
        if six and six not in ("manual", "dhcp", "auto"):
            found.append(six.partition("/")[0])
        elif six in ("dhcp", "auto"):
            found.append(f"2001:db8:{guest.vmid % 65536:x}::{number + 10:x}")
    return found


def _leased(guest: Guest, number: int) -> str:
    salt = (guest.vmid * 7 + number * 5003) % (200 * 250)
    return str(ipaddress.IPv4Address(f"10.77.{salt // 200}.{20 + salt % 200}"))


def check_names(names: list[str], given: dict[str, Any]) -> None:
    """Raise the 400 of an option to delete that does not exist, or that is set in the same call."""
    for name in names:
        if name in given:
            raise bad_parameter(delete=f"you can't use '-{name}' and -delete {name}' at the same time")
        if not OPTIONS.fullmatch(name):
            raise bad_parameter(delete=f"unknown option '{name}'")
