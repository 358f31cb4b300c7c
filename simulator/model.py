"""The things a cluster consists of, as plain rows."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, field
from typing import Any

GiB = 1024**3
MiB = 1024**2


@dataclass
class Snapshot:
    """A snapshot of a guest; ``snaptime`` is epoch seconds."""

    name: str
    snaptime: int
    description: str = ""
    parent: str = ""
    vmstate: int = 0
    config: dict[str, Any] = field(default_factory=dict)


@dataclass
class Guest:
    """A virtual machine or container. Sizes are bytes, times epoch seconds.

    ``status`` is what the cluster's resource list says: ``running``, ``stopped``, ``paused`` or another QEMU state, or
    ``unknown``. ``reacts`` is False for a guest that does not answer a shutdown request. ``pending`` holds the changes
    that wait for a restart; None there means that the option will be deleted.
    """

    vmid: int
    type: str
    node: str
    name: str
    status: str = "stopped"
    cores: int = 1
    maxmem: int = 2 * GiB
    maxdisk: int = 32 * GiB
    template: bool = False
    tags: str = ""
    pool: str = ""
    lock: str = ""
    hastate: str = ""
    description: str = ""
    storage: str = "local-lvm"
    ostype: str = "l26"
    onboot: int = 0
    protection: int = 0
    agent: int = 0
    agent_running: bool = False
    ips: list[str] = field(default_factory=list)
    reacts: bool = True
    created: float = 0.0
    started: float = 0.0
    paused_at: float = 0.0
    pid: int = 0
    extra: dict[str, Any] = field(default_factory=dict)
    pending: dict[str, Any] = field(default_factory=dict)
    snapshots: list[Snapshot] = field(default_factory=list)
    written: bool = False  # whether ``extra`` is the whole configuration file
    parent: str = ""  # the snapshot on which the guest stands
    ha: dict[str, Any] = field(default_factory=dict)  # its row of the HA manager

    @property
    def is_vm(self) -> bool:
        """Whether this is a virtual machine and not a container."""
        return self.type == "qemu"

    @property
    def running(self) -> bool:
        """Whether a process of the guest exists (a paused VM's does)."""
        return self.status not in ("stopped", "unknown")

    @property
    def kind(self) -> str:
        """``VM`` or ``CT``, as the server's messages say."""
        return "VM" if self.is_vm else "CT"

    @property
    def mac(self) -> str:
        """The hardware address of the first network card."""
        digest = hashlib.sha256(f"mac{self.vmid}".encode()).hexdigest().upper()
        return "BC:24:11:" + ":".join((digest[0:2], digest[2:4], digest[4:6]))

    @property
    def salt(self) -> int:
        """A number that makes this guest's curves its own."""
        return zlib.crc32(f"{self.vmid}{self.name}".encode())


@dataclass
class Node:
    """A host. ``offline_since`` is 0 while it is online."""

    name: str
    nodeid: int
    ip: str
    cores: int
    memory: int
    rootfs: int
    booted: float
    fingerprint: str = ""
    offline_since: float = 0.0

    @property
    def online(self) -> bool:
        """Whether the cluster sees this node."""
        return not self.offline_since


@dataclass
class Storage:
    """A storage definition; ``active`` False means enabled but unreachable. Sizes are bytes."""

    name: str
    plugin: str
    content: str
    total: int
    used: int
    shared: bool = False
    active: bool = True


@dataclass
class Volume:
    """Something on a storage: a backup, a template, an image. ``node`` is empty on shared storages."""

    volid: str
    storage: str
    content: str
    format: str
    size: int
    ctime: int
    node: str = ""
    vmid: int = 0
    subtype: str = ""
    notes: str = ""
    protected: bool = False
    verification: str = ""
    encrypted: str = ""
    parent: str = ""
    config: dict[str, Any] = field(default_factory=dict)  # of the guest in a backup


@dataclass
class Job:
    """A backup job of the cluster."""

    id: str
    storage: str
    schedule: str
    enabled: int = 1
    all: int = 0
    vmid: str = ""
    exclude: str = ""
    pool: str = ""
    mode: str = "snapshot"
    comment: str = ""
    keep: dict[str, str] = field(default_factory=dict)
    compress: str = ""
    notes: str = ""


@dataclass(frozen=True)
class Release:
    """A version of the server, and what is different in it."""

    version: str
    release: str
    repoid: str

    @property
    def major(self) -> int:
        """The first number of the version."""
        return int(self.release.split(".")[0])

    @property
    def number(self) -> tuple[int, int]:
        """The first two numbers of the version."""
        major, minor = self.release.split(".")[:2]
        return int(major), int(minor)


KNOWN_RELEASES = {
    "7.4": Release("7.4-16", "7.4", "0f39f621"),
    "8.4": Release("8.4.21", "8.4", "2606ac850d46da29"),
    "9.1": Release("9.1.1", "9.1", "42db4a6cf33dac83"),
    "9.2": Release("9.2.11", "9.2", "14a22df35955d97d"),
}


def find_release(version: str) -> Release:
    """Return the release of ``version`` ("9.2" or a full "9.2.11"). Raises ValueError if it is no version."""
    if version in KNOWN_RELEASES:
        return KNOWN_RELEASES[version]
    parts = version.replace("-", ".").split(".")
    if len(parts) < 2 or not all(part.isdigit() for part in parts):
        raise ValueError(f"{version!r} is no version such as 9.2 or 8.4.1")
    return Release(version, ".".join(parts[:2]), hashlib.sha256(version.encode()).hexdigest()[:16])
