"""Disks: how configurations name them, how each kind of storage calls its volumes, how they are made."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from simulator.cluster import Cluster
from simulator.config import config, size_text
from simulator.errors import failure
from simulator.model import GiB, Guest, MiB, Storage, Volume

KEY = re.compile(r"(?:scsi|sata|ide|virtio|mp|unused)\d+|rootfs|efidisk0|tpmstate0")
WANTED = re.compile(r"([a-zA-Z][\w.-]*):(\d+(?:\.\d+)?)")
FILES = ("dir", "nfs", "cifs", "btrfs")
UNITS = {"": 1, "K": 1024, "M": MiB, "G": GiB, "T": 1024 * GiB}
IMAGE_ROOT = {"local": "/var/lib/vz"}


@dataclass(frozen=True)
class Disk:
    """A disk of a configuration. ``size`` is bytes; ``cdrom`` is an image in a drive, cloud-init's too."""

    key: str
    volid: str
    size: int
    cdrom: bool

    @property
    def storage(self) -> str:
        """The storage it lies on."""
        return self.volid.partition(":")[0]

    @property
    def base(self) -> str:
        """The id of the template's disk on which a linked one is built, or nothing."""
        store, _, path = self.volid.partition(":")
        found = re.match(r"(\d+/base-\d+-disk-\d+\.\w+)/|(base-\d+-disk-\d+)/", path)
        return f"{store}:{found[1] or found[2]}" if found else ""


def parse_size(text: str) -> int:
    """Return the bytes of a size such as ``32G``."""
    found = re.fullmatch(r"\+?(\d+(?:\.\d+)?)([KMGT]?)", text)
    return int(float(found[1]) * UNITS[found[2]]) if found else 0


def parse(key: str, value: str) -> Disk | None:
    """Return the disk that an option of a configuration is, if it is one with a volume."""
    if not KEY.fullmatch(key):
        return None
    volume, *rest = str(value).split(",")
    properties = dict(part.partition("=")[::2] for part in rest)
    if ":" not in volume:
        return None
    return Disk(key, volume, parse_size(properties.get("size", "0")), properties.get("media") == "cdrom")


def disks(values: dict[str, Any]) -> Iterator[Disk]:
    """Return the disks of a configuration."""
    for key, value in values.items():
        if isinstance(value, str) and (disk := parse(key, value)):
            yield disk


def of_guest(guest: Guest, major: int = 9) -> list[Disk]:
    """Return a guest's disks and drives."""
    return list(disks(config(guest, major, in_force=True)))


def require_storage(cluster: Cluster, name: str, content: str) -> Storage:
    """Return a storage that may hold something. Raises the 500 of one that does not exist or may not."""
    storage = cluster.storages.get(name)
    if storage is None:
        raise failure(f"storage '{name}' does not exist")
    if content not in storage.content.split(","):
        what = "vm images" if content == "images" else "container directories"
        raise failure(f"storage '{name}' does not support {what}")
    return storage


def volume_name(storage: Storage, guest: Guest, taken: set[str], form: str, *, empty: bool = False) -> str:
    """Return the id of a new volume of a guest."""
    number = 0
    while True:
        plain = f"vm-{guest.vmid}-disk-{number}"
        if empty and storage.plugin in FILES:
            plain, form = plain.replace("vm-", "subvol-", 1), "subvol"
        found = f"{storage.name}:{guest.vmid}/{plain}.{form}" if storage.plugin in FILES else f"{storage.name}:{plain}"
        if found not in taken:
            return found
        number += 1


def allocate(cluster: Cluster, guest: Guest, key: str, value: str, taken: set[str]) -> tuple[str, list[str]]:
    """Return the option's text once its volume exists, and the lines of the log. Other options come back as they are.

    Raises the 500 of a storage that does not exist or is too small.
    """
    volume, *rest = value.split(",")
    found = WANTED.fullmatch(volume.removeprefix("file=").removeprefix("volume="))
    if volume.endswith(":cloudinit"):
        return _cloud_init(cluster, guest, volume.partition(":")[0]), []
    if not KEY.fullmatch(key) or found is None:
        return value, []
    storage = require_storage(cluster, found[1], "images" if guest.is_vm else "rootdir")
    size, options = int(float(found[2]) * GiB), dict(part.partition("=")[::2] for part in rest)
    form = options.pop("format", "raw")
    volid = volume_name(storage, guest, taken, form, empty=not size)
    taken.add(volid)
    if size > storage.total:
        raise failure(_too_large(storage, guest, volid, form))
    options["size"] = size_text(size) if size else "0T"
    text = ",".join([volid, *(f"{name}={option}" for name, option in options.items())])
    made = [f"{key}: successfully created disk '{text}'"] if guest.is_vm else []
    return text, [*_formatting(storage, guest, volid, form, size), *made]


def _cloud_init(cluster: Cluster, guest: Guest, name: str) -> str:
    storage = require_storage(cluster, name, "images")
    plain = f"vm-{guest.vmid}-cloudinit"
    inside = f"{guest.vmid}/{plain}.qcow2" if storage.plugin in FILES else plain
    return f"{name}:{inside},media=cdrom"


def _too_large(storage: Storage, guest: Guest, volid: str, form: str) -> str:
    name = volid.rpartition("/")[2].partition(":")[2] or volid.rpartition("/")[2]
    if storage.plugin in FILES:
        path = f"{IMAGE_ROOT.get(storage.name, f'/mnt/pve/{storage.name}')}/images/{guest.vmid}/{name}"
        return f"unable to create image: qemu-img: {path}: The image size is too large for file format '{form}'"
    return f"lvcreate 'pve/{name}' error:   Volume group \"pve\" has insufficient free space"


def _formatting(storage: Storage, guest: Guest, volid: str, form: str, size: int) -> list[str]:
    name = volid.rpartition("/")[2]
    if storage.plugin == "lvmthin":
        return [f'  Logical volume "{name.partition(":")[2] or name}" created.']
    if storage.plugin not in FILES or not size:
        return []
    path = f"{IMAGE_ROOT.get(storage.name, f'/mnt/pve/{storage.name}')}/images/{guest.vmid}/{name}"
    if form == "raw":
        return [f"Formatting '{path}', fmt=raw size={size} preallocation=off"]
    options = "cluster_size=65536 extended_l2=off preallocation=metadata compression_type=zlib"
    return [f"Formatting '{path}', fmt={form} {options} size={size} lazy_refcounts=off refcount_bits=16"]


def volumes(cluster: Cluster, storage: Storage, node: str) -> list[Volume]:
    """Return the disks of guests on a storage as a node sees them: they follow from the configurations."""
    found = []
    for guest in cluster.guests.values():
        if not storage.shared and guest.node != node:
            continue
        if not guest.written:
            if guest.storage == storage.name:
                volid = f"{storage.name}:{'base' if guest.template else 'vm'}-{guest.vmid}-disk-0"
                found.append(_volume(guest, node, volid, guest.maxdisk))
            continue
        mine = [disk for disk in of_guest(guest) if disk.storage == storage.name]
        found += [
            _volume(guest, node, disk.volid, disk.size) for disk in mine if not disk.cdrom or "cloudinit" in disk.volid
        ]
    return found


def _volume(guest: Guest, node: str, volid: str, size: int) -> Volume:
    storage, kind = volid.partition(":")[0], "images" if guest.is_vm else "rootdir"
    form = volid.rpartition(".")[2] if "." in volid else "raw"
    return Volume(volid, storage, kind, form, size or 4 * MiB, int(guest.created), node, guest.vmid)


def can_snapshot(cluster: Cluster, guest: Guest) -> bool:
    """Whether all disks of a guest lie where snapshots can be made."""
    for disk in of_guest(guest):
        storage = cluster.storages.get(disk.storage)
        plain = storage is not None and storage.plugin in FILES and not disk.volid.endswith(".qcow2")
        if not disk.cdrom and plain:
            return False
    return True


def all_shared(cluster: Cluster, guest: Guest) -> bool:
    """Whether every disk and drive of a guest lies on a shared storage."""
    return all(cluster.storages[disk.storage].shared for disk in of_guest(guest) if disk.storage in cluster.storages)
