"""Judges the configurations of guests: as they are, and as they lie in a backup."""

import re
from typing import Any, Final
from urllib.parse import unquote

from servers.proxmox.answers import flag, mapping, text, whole
from servers.proxmox.details import CardFacts, Disk, GuestConfig
from servers.proxmox.errors import OddAnswer

DISKS: Final = re.compile(r"(?:scsi|sata|ide|virtio|mp|unused)\d+|rootfs|efidisk0|tpmstate0")
CARDS: Final = re.compile(r"net\d+")
UNITS: Final = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


def guest_config(data: Any) -> GuestConfig:
    """``…/config``. A VM's memory is a text on 8 and later and may be a property string; an empty guest has a digest
    and nothing else."""
    rows = mapping(data, "…/config")
    values = {key: text(value) for key, value in rows.items() if not isinstance(value, dict | list)}
    if "digest" not in values:
        raise OddAnswer("A configuration without a digest is no answer of Proxmox VE.", "")
    return _config(values)


def saved_config(data: Any) -> GuestConfig:
    """``vzdump/extractconfig``: the file as it was saved, of which the part before the first snapshot counts. Lines
    that begin with ``#`` are its notes, but for those that vzdump added."""
    if not isinstance(data, str):
        raise OddAnswer("The configuration in a backup has to be a text.", "")
    values: dict[str, str] = {}
    notes: list[str] = []
    for line in data.splitlines():
        if line.startswith("["):
            break
        key, colon, value = line.partition(": ")
        if line.startswith("#"):
            notes += [] if line.startswith(("#qmdump#", "#vzdump#")) else [unquote(line[1:])]
        elif colon:
            values[key] = value.strip()
    if not values:
        raise OddAnswer("That is no configuration of a guest.", "")
    return _config({"digest": "", "description": "\n".join(notes), **values})


def _config(values: dict[str, str]) -> GuestConfig:
    memory = values.get("memory", "").split(",")[0].removeprefix("current=")
    return GuestConfig(
        digest=values["digest"],
        name=values.get("name", values.get("hostname", "")),
        lock=values.get("lock", ""),
        template=flag(values.get("template")),
        protection=flag(values.get("protection")),
        cores=whole(values.get("cores")),
        sockets=whole(values.get("sockets")) or 1,
        memory=whole(memory),
        swap=whole(values.get("swap")),
        tags=tuple(word for word in re.split(r"[;, ]+", values.get("tags", "")) if word),
        description=values.get("description", ""),
        disks={key: _disk(key, value) for key, value in values.items() if DISKS.fullmatch(key)},
        cards={key: _card(value) for key, value in values.items() if CARDS.fullmatch(key)},
        values=values,
    )


def properties(value: str) -> dict[str, str]:
    """``a=1,b=2`` as a mapping; parts without a name are left out."""
    return dict(part.partition("=")[::2] for part in value.split(",") if "=" in part)


def _disk(name: str, value: str) -> Disk:
    volume, found = value.split(",", maxsplit=1)[0], properties(value)
    volume = found.get("file", found.get("volume", volume))
    size = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)", found.get("size", ""))
    return Disk(
        name=name,
        volume=volume,
        storage=volume.partition(":")[0] if ":" in volume else "",
        size=int(float(size[1]) * UNITS[size[2]]) if size else None,
        cdrom=found.get("media") == "cdrom",
        cloud_init="cloudinit" in volume,
    )


def _card(value: str) -> CardFacts:
    found = properties(value)
    mac = found.get("hwaddr") or next((word for word in found.values() if re.fullmatch(r"(?:\w\w:){5}\w\w", word)), "")
    return CardFacts(found.get("bridge", ""), mac.upper(), whole(found.get("tag")), found.get("ip", ""))
