"""The formats of names and values that Proxmox takes, so that nothing else is ever sent to it.

Sources: the formats of Proxmox VE's API schema (8.4, 9.1) and what live servers of 8.4 and 9.2 refused. Each check
raises ValueError with a sentence that says what to do. A path is joined from its parts without quoting, so a part that
holds a slash, a question mark or dots could ask for something else: :func:`segment` and the checks of names forbid it.
"""

import re
from collections.abc import Iterable
from ipaddress import ip_address, ip_interface
from typing import Final
from urllib.parse import quote

from django.utils.translation import gettext as _

from servers.proxmox.errors import OddAnswer

LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
DNS_NAME: Final = re.compile(rf"{LABEL}(?:\.{LABEL})*")
CONFIG_ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]+")
STORAGE_ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]")
INTERFACE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{1,19}")
TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
VOLUME_PART: Final = re.compile(r"[A-Za-z0-9_.+~:@=-]+")
DISK: Final = re.compile(r"(?:scsi|sata|ide|virtio|mp|unused)\d{1,3}|rootfs|efidisk0|tpmstate0")
GROWTH: Final = re.compile(r"\+?\d+(?:\.\d+)?[KMGT]?")
MAC: Final = re.compile(r"[0-9A-Fa-f][02468ACEace](?::[0-9A-Fa-f]{2}){5}")
SSH_KINDS: Final = ("ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-")
ID_RANGE: Final = range(100, 1_000_000_000)


def guest_id(value: int) -> None:
    """A guest's id: 100 to 999999999."""
    if isinstance(value, bool) or not isinstance(value, int) or value not in ID_RANGE:
        raise ValueError(_("An id is a number from 100 to 999999999."))


def guest_name(value: str) -> None:
    """A guest's name is a DNS name: no underscore, no space, no umlaut."""
    if len(value) > 253 or not DNS_NAME.fullmatch(value):
        raise ValueError(
            _("“%(value)s” is no host name: use letters a-z, digits, hyphens and dots, no hyphen at either end.")
            % {"value": value[:60]}
        )


def snapshot_name(value: str) -> None:
    """A snapshot's name: two to 40 characters, not ``current``, and nothing that means something in a path."""
    if value == "current":
        raise ValueError(_("Proxmox keeps the name “current” for itself. Choose another."))
    if len(value) > 40 or not CONFIG_ID.fullmatch(value):
        raise ValueError(
            _("A snapshot's name begins with a letter and has 2 to 40 letters (a-z), digits, “-” and “_”.")
        )


def config_id(value: str) -> None:
    """An id such as that of a backup job."""
    if len(value) > 64 or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]+", value):
        raise ValueError(_("An id has letters (a-z), digits, “-” and “_”, and at least two of them."))


def storage_id(value: str) -> None:
    """A storage's name."""
    if len(value) > 100 or not STORAGE_ID.fullmatch(value):
        raise ValueError(_("“%(value)s” is no name of a storage.") % {"value": value[:60]})


def node_name(value: str) -> None:
    """A node's name: one label of a DNS name."""
    if not re.fullmatch(LABEL, value):
        raise ValueError(_("“%(value)s” is no name of a node.") % {"value": value[:60]})


def pool_id(value: str) -> None:
    """A pool's name; pools may be nested with slashes since 8.1."""
    if not re.fullmatch(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+){0,2}", value) or ".." in value:
        raise ValueError(_("“%(value)s” is no name of a pool.") % {"value": value[:60]})


def bridge(value: str) -> None:
    """A network interface of a node."""
    if not INTERFACE.fullmatch(value):
        raise ValueError(_("“%(value)s” is no name of a network bridge.") % {"value": value[:60]})


def tag(value: str) -> None:
    """One tag: ASCII only."""
    if not TAG.fullmatch(value):
        raise ValueError(
            _("“%(value)s” is no tag. Proxmox takes letters a-z, digits and _ - + . in tags.") % {"value": value[:60]}
        )


def disk(value: str) -> None:
    """The name of a disk in a configuration, such as ``scsi0`` or ``rootfs``."""
    if not DISK.fullmatch(value):
        sentence = _("“%(value)s” is no disk. Disks are called scsi0, virtio1, rootfs, mp0.")
        raise ValueError(sentence % {"value": value[:60]})


def growth(value: str) -> None:
    """A new size (``32G``) or what is added (``+10G``)."""
    if not GROWTH.fullmatch(value):
        raise ValueError(_("Write a size such as +10G (10 GiB more) or 32G (32 GiB in all)."))


def mount_path(value: str) -> None:
    """A folder of a container where a disk is mounted. Raises ValueError with a sentence."""
    if not re.fullmatch(r"(?:/[A-Za-z0-9][A-Za-z0-9_.-]*)+", value):
        raise ValueError(_("Give a folder below the root, such as /data: letters, digits, and . _ - between slashes."))


def volume_id(value: str) -> None:
    """A volume: ``STORAGE:path``, whose path may hold slashes but no step upwards."""
    storage, colon, path = value.partition(":")
    parts = path.split("/")
    good = colon and STORAGE_ID.fullmatch(storage) and all(VOLUME_PART.fullmatch(part) for part in parts)
    if not good or any(part.strip(".") == "" for part in parts):
        raise ValueError(_("“%(value)s” is no volume of a storage.") % {"value": value[:80]})


def mac(value: str) -> None:
    """A unicast hardware address."""
    if not MAC.fullmatch(value):
        raise ValueError(_("A hardware address looks like BC:24:11:00:00:01."))


def ssh_key(value: str) -> None:
    """One line of an ``authorized_keys`` file."""
    words = value.split()
    if "\n" in value.strip() or len(words) < 2 or not words[0].startswith(SSH_KINDS) or len(words[1]) < 16:
        raise ValueError(
            _("This is no public SSH key. It is one line that begins with ssh-ed25519, ssh-rsa or ecdsa-.")
        )


def network_address(value: str, version: int) -> None:
    """An address with its prefix, such as ``10.0.0.5/24``, of IP version 4 or 6."""
    try:
        right = "/" in value and ip_interface(value).version == version
    except ValueError:
        right = False
    if not right:
        example = "10.0.0.5/24" if version == 4 else "2001:db8::5/64"
        raise ValueError(_("Write the address with its prefix length, such as %(example)s.") % {"example": example})


def address(value: str, version: int = 0) -> None:
    """An IP address without prefix; of one version where it is given."""
    try:
        right = ip_address(value).version in ({version} if version else {4, 6})
    except ValueError:
        right = False
    if not right:
        raise ValueError(_("“%(value)s” is no IP address.") % {"value": value[:60]})


def one_line(value: str) -> None:
    """A text without line breaks and control characters."""
    if any(ord(sign) < 32 for sign in value):
        raise ValueError(_("Write it in one line."))


# --- what goes onto the wire


def flag(value: bool) -> int:
    """Booleans are 1 and 0: Python's True would be sent as a word, which Proxmox refuses."""
    return int(bool(value))


def joined_tags(words: Iterable[str]) -> str:
    """Tags as Proxmox stores them: sorted, lower case, without doubles."""
    return ";".join(sorted({word.lower() for word in words if word}))


def encoded_keys(keys: Iterable[str]) -> str:
    """SSH keys as the parameter ``sshkeys`` of a VM wants them: percent-encoded, once more than the form does it."""
    return quote("\n".join(key.strip() for key in keys), safe="")


def segment(text: str) -> str:
    """A value that may stand in a path: proxmoxer joins paths without quoting. Raises OddAnswer for anything else,
    since names of nodes and storages come from Proxmox itself."""
    if not text or text in {".", ".."} or any(sign in "/?#%\\" or sign.isspace() for sign in text):
        raise OddAnswer(_("Proxmox named something “%(name)s”, which cannot be asked for.") % {"name": text[:60]})
    return text
