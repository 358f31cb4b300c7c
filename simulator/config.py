"""What a guest's configuration file says, made from the guest."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from simulator.model import GiB, Guest, MiB


def config(guest: Guest, major: int, *, in_force: bool = False) -> dict[str, Any]:
    """Return the configuration as it will be, or (``in_force``) without the changes that wait for a restart."""
    values = dict(guest.extra) if guest.written else _described(guest, major)
    if guest.written:
        _overlay(guest, values)
    if guest.snapshots and (guest.parent or not guest.written):
        values["parent"] = guest.parent or guest.snapshots[-1].name
    checksum = digest({key: value for key, value in (values | guest.pending).items() if value is not None})
    if not in_force:
        values |= guest.pending
    values = {key: value for key, value in values.items() if value is not None}
    if "cipassword" in values:
        values["cipassword"] = "**********"
    return values | {"digest": checksum}


def _described(guest: Guest, major: int) -> dict[str, Any]:
    """Return the configuration of a guest that nobody has written to yet."""
    values = _vm(guest, major) if guest.is_vm else _container(guest)
    values |= {key: getattr(guest, key) for key in ("tags", "lock", "onboot", "protection") if getattr(guest, key)}
    if guest.description:
        values["description"] = guest.description
    if guest.template:
        values["template"] = 1
    return values | guest.extra


def _overlay(guest: Guest, values: dict[str, Any]) -> None:
    """Put in what may have changed behind the file's back: by a task, or by the controls."""
    name = "name" if guest.is_vm else "hostname"
    if name in values:
        values[name] = guest.name
    for key in ("tags", "lock", "description", "onboot", "protection", "template"):
        value = getattr(guest, key)
        if value:
            values[key] = int(value) if key == "template" else value
        elif key in ("onboot", "protection") and key in values:
            values[key] = 0
        else:
            values.pop(key, None)


def digest(values: dict[str, Any]) -> str:
    """Return the checksum that guards a configuration against two writers."""
    text = json.dumps(values, sort_keys=True) if values else ""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _vm(guest: Guest, major: int) -> dict[str, Any]:
    disk = f"{guest.storage}:{'base' if guest.template else 'vm'}-{guest.vmid}-disk-0"
    memory = guest.maxmem // MiB
    values: dict[str, Any] = {
        "name": guest.name,
        "cores": guest.cores,
        "sockets": 1,
        "cpu": "x86-64-v2-AES",
        "memory": str(memory) if major >= 8 else memory,
        "ostype": guest.ostype,
        "boot": "order=scsi0;net0",
        "scsihw": "virtio-scsi-single",
        "scsi0": f"{disk},discard=on,iothread=1,size={size_text(guest.maxdisk)}",
        "net0": f"virtio={guest.mac},bridge=vmbr0,firewall=1",
        "meta": f"creation-qemu=10.0.2,ctime={int(guest.created)}",
        "smbios1": f"uuid={_uuid(guest, 'smbios')}",
        "vmgenid": _uuid(guest, "generation"),
    }
    if guest.agent:
        values["agent"] = "enabled=1"
    return values


def _container(guest: Guest) -> dict[str, Any]:
    parts = [f",ip6={ip}/64" if ":" in ip else f",ip={ip}/24" for ip in guest.ips]
    addresses = "".join(parts) or ",ip=dhcp"
    return {
        "hostname": guest.name,
        "cores": guest.cores,
        "memory": guest.maxmem // MiB,
        "swap": guest.maxmem // 4 // MiB,
        "arch": "amd64",
        "ostype": guest.ostype if guest.ostype in ("debian", "ubuntu") else "debian",
        "unprivileged": 1,
        "features": "nesting=1",
        "rootfs": f"{guest.storage}:vm-{guest.vmid}-disk-0,size={size_text(guest.maxdisk)}",
        "net0": f"name=eth0,bridge=vmbr0,hwaddr={guest.mac}{addresses},type=veth",
    }


def size_text(size: int) -> str:
    """Return a size as a configuration writes it: ``32G``, or ``1032M`` if it is no whole number."""
    return f"{size // GiB}G" if size % GiB == 0 else f"{size // MiB}M"


def _uuid(guest: Guest, what: str) -> str:
    text = hashlib.sha256(f"{what}{guest.vmid}{guest.created}".encode()).hexdigest()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:32]}"
