"""The formats of single values, with the words in which a real server refuses them (of 8.4 and 9.2)."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import IPv4Interface, IPv6Interface

from simulator.params import Param

LABEL = r"[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?"
VOLUME = re.compile(r"[a-zA-Z][a-zA-Z0-9._-]*[a-zA-Z0-9]:.+")
MODELS = (
    "e1000, e1000-82540em, e1000-82544gc, e1000-82545em, e1000e, i82551, i82557b, i82559er, ne2k_isa, ne2k_pci, pcnet, "
    "rtl8139, virtio, vmxnet3"
)
INVALID = "invalid format - "


def _pattern(pattern: str, words: str) -> Param:
    known = re.compile(pattern)

    def judge(_name: str, value: str) -> None:
        if not known.fullmatch(value):
            raise ValueError(f"{INVALID}{words.format(value)}\n")

    return Param(judge=judge)


DNS_NAME = _pattern(rf"{LABEL}(\.{LABEL})*", "value does not look like a valid DNS name")
CONFIG_ID = _pattern(r"[A-Za-z][A-Za-z0-9_-]+", "invalid configuration ID '{}'")
SNAPSHOT = replace(CONFIG_ID, max_length=40)
STORAGE = _pattern(r"[a-zA-Z][a-zA-Z0-9._-]*[a-zA-Z0-9]", "storage ID '{}' contains illegal characters")
NODE = _pattern(LABEL, "value does not look like a valid node name")
POOL = _pattern(r"[A-Za-z0-9._/-]+", "value does not look like a valid pool name")
TAGS = _pattern(r"[;, ]*([a-zA-Z0-9_][a-zA-Z0-9_.+-]*[;, ]*)*", "invalid characters in tag")
ENCODED = _pattern(r"[-%a-zA-Z0-9_.!~*'()]*", "invalid urlencoded string: {}")
VOLUME_ID = _pattern(VOLUME.pattern, "unable to parse volume ID '{}'")
SIZE = Param(pattern=r"\+?\d+(\.\d+)?[KMGT]?")
PASSWORD = Param(min_length=5)


def _net(name: str, value: str) -> None:
    parts = [part.partition("=") for part in value.split(",")]
    if any(equals and not text for _key, equals, text in parts) or not parts[0][0]:
        raise ValueError(f"{INVALID}missing key in comma-separated list property\n")
    values = {key: text for key, _equals, text in parts}
    model = values.get("model") or parts[0][0]
    if "name" not in values and model not in MODELS.split(", "):
        said = f"{name}.model: value '{model}' does not have a value in the enumeration '{MODELS}'"
        raise ValueError(f"{INVALID}format error\n{said}\n")


def _drive(name: str, value: str) -> None:
    volume = value.split(",", maxsplit=1)[0].removeprefix("file=").removeprefix("volume=")
    if volume not in ("none", "cdrom") and not volume.startswith("/") and not VOLUME.fullmatch(volume):
        said = f"{name}.file: {INVALID}unable to parse volume ID '{volume}'"
        raise ValueError(f"{INVALID}format error\n{said}\n\n")


def _memory(_name: str, value: str) -> None:
    number = value.split(",", maxsplit=1)[0].removeprefix("current=")
    if not number.isdecimal():
        raise ValueError(f"{INVALID}format error\nmemory.current: type check ('integer') failed - got '{number}'\n")
    if int(number) < 16:
        raise ValueError(f"{INVALID}format error\nmemory.current: value must have a minimum value of 16\n")


def _ip_config(name: str, value: str) -> None:
    values = dict(part.partition("=")[::2] for part in value.split(","))
    for key, kind, words in (("ip", IPv4Interface, ("dhcp",)), ("ip6", IPv6Interface, ("dhcp", "auto"))):
        text = values.get(key, words[0])
        version = "ipv4" if key == "ip" else "ipv6"
        try:
            good = text in words or ("/" in text and bool(kind(text)))
        except ValueError:
            good = False
        if not good:
            said = f"value does not look like a valid {version} network configuration"
            raise ValueError(f"{INVALID}format error\n{name}.{key}: {INVALID}{said}\n\n")


def _schedule(_name: str, value: str) -> None:
    if found := re.search(r"(\d+):(\d+)", value):
        for number, limit in ((int(found[1]), 23), (int(found[2]), 59)):
            if number > limit:
                said = f"invalid calendar event '{value}' - value {number} out of range"
                raise ValueError(f"{INVALID}{said}\n\n")
    elif not re.search(r"\d|daily|hourly|weekly|monthly|yearly|[*]", value):
        raise ValueError(f"{INVALID}invalid calendar event '{value}' - unable to parse calendar event\n\n")


NET, DRIVE, MEMORY = Param(judge=_net), Param(judge=_drive), Param(judge=_memory)
IP_CONFIG, SCHEDULE = Param(judge=_ip_config), Param(judge=_schedule)
