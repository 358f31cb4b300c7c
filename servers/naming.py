"""Many names from one pattern, and many addresses from one range. Raises ValueError with a sentence for the person."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface
from typing import Any, Final

from django.utils.translation import gettext as _

from servers.proxmox import formats

RUN: Final = re.compile(r"\{(\d{1,6})\.\.(\d{1,6})\}")
MOST: Final = 500
Address = IPv4Address | IPv6Address


def names(text: str) -> list[str]:
    """The names that a text stands for: ``web-{01..20}``, or several separated by commas or lines."""
    found: list[str] = []
    for part in re.split(r"[,\s]+", text.strip()):
        if part:
            found += _expand(part, MOST - len(found))
    if not found:
        raise ValueError(_("Give it a name."))
    for name in found:
        _judge(name)
    doubled = sorted({name for name in found if found.count(name) > 1})
    if doubled:
        raise ValueError(_("“%(name)s” is there twice.") % {"name": doubled[0]})
    return found


def _expand(part: str, most: int) -> list[str]:
    match = RUN.search(part)
    if match is None:
        return [part]
    first, last = int(match[1]), int(match[2])
    if last < first:
        raise ValueError(_("“%(part)s” counts backwards: write the lower number first.") % {"part": part})
    if last - first + 1 > most:
        raise ValueError(_("That are more than %(most)d servers at once.") % {"most": MOST})
    width = len(match[1])
    return [f"{part[: match.start()]}{number:0{width}d}{part[match.end() :]}" for number in range(first, last + 1)]


def _judge(name: str) -> None:
    if "{" in name or "}" in name:
        raise ValueError(_("“%(name)s”: write one run of numbers, such as web-{01..20}.") % {"name": name})
    if "_" in name:
        raise ValueError(_("“%(name)s” has an underscore, which host names cannot have: write a hyphen.")
                         % {"name": name})  # fmt: skip
    if not name.isascii():
        raise ValueError(_("“%(name)s” has letters that host names cannot have: write a to z, digits, hyphens.")
                         % {"name": name})  # fmt: skip
    formats.guest_name(name)


def addresses(text: str, count: int) -> list[str]:
    """As many addresses with their prefix length as there are servers: ``10.0.0.10/24`` (and those after it), or
    ``10.0.0.10-10.0.0.30/24``. The word ``dhcp`` (or nothing) is everybody's."""
    text = text.strip()
    if not text or text.lower() == "dhcp":
        return ["dhcp"] * count
    first, prefix, last = _range(text)
    network = ip_interface(f"{first}/{prefix}").network
    if last is None:
        last = first + count - 1
        if last not in network:
            raise ValueError(_("From %(first)s on, %(network)s has no %(count)d addresses left.")
                             % {"first": first, "network": network, "count": count})  # fmt: skip
    if last not in network:
        raise ValueError(_("%(last)s is not in %(network)s.") % {"last": last, "network": network})
    room = int(last) - int(first) + 1
    if room < count:
        raise ValueError(_("The range has %(room)d addresses, and %(count)d servers are asked for.")
                         % {"room": max(room, 0), "count": count})  # fmt: skip
    found = [first + number for number in range(count)]
    edges = {network.network_address, network.broadcast_address} if network.num_addresses > 2 else set()
    for address in found:
        if address in edges and network.version == 4:
            raise ValueError(_("%(address)s is the first or last address of %(network)s, which no server can have.")
                             % {"address": address, "network": network})  # fmt: skip
    return [f"{address}/{prefix}" for address in found]


def _range(text: str) -> tuple[Address, int, Address | None]:
    body, slash, prefix = text.replace(" ", "").rpartition("/")
    first, dash, last = (body or text).partition("-")
    try:
        start, end = ip_address(first), ip_address(last) if dash else None
        length = ip_interface(f"{start}/{prefix}").network.prefixlen
    except ValueError:
        start, length, end = None, 0, None
    if start is None or not slash or (end is not None and end.version != start.version):
        raise ValueError(_("Write dhcp, an address with its prefix (10.0.0.10/24), or a range "
                           "(10.0.0.10-10.0.0.30/24)."))  # fmt: skip
    return start, length, end


def words(text: Any) -> list[str]:
    """What stands in a text, separated by commas or blanks."""
    return str(text or "").replace(",", " ").split()


def lines(text: Any) -> list[str]:
    """The lines of a text that hold something."""
    return [line.strip() for line in str(text or "").splitlines() if line.strip()]
