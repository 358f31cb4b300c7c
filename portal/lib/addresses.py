"""Which addresses an outgoing call may reach. A URL that somebody typed must not open the internal network to them."""

import ipaddress
import re
import socket
from collections.abc import Iterable, Iterator
from typing import Final

from django.core.exceptions import ImproperlyConfigured

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Global by number, internal by use: clouds' metadata services answer there inside every machine.
PLATFORM: Final = (ipaddress.IPv4Network("168.63.129.16/32"), ipaddress.IPv4Network("192.0.0.0/24"))
NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
HOST_NAME: Final = re.compile(r"(?i:[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?)")


class AddressRefused(Exception):
    """The call would go to an internal address that the administrator's list does not name."""


class AddressGuard:
    """Refuses loopback, private, link-local, shared, multicast and reserved addresses, in every spelling, unless the
    list names them: entries are addresses, networks (10.0.0.0/8) or host names."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self.networks: list[Network] = []
        self.hosts: set[str] = set()
        for entry in allowed:
            self._allow(entry)

    def _allow(self, entry: str) -> None:
        try:
            self.networks.append(ipaddress.ip_network(entry.strip("[]"), strict=False))
        except ValueError:
            if not HOST_NAME.fullmatch(entry) or entry.replace(".", "").isdigit():
                raise ImproperlyConfigured(
                    f"PORTAL_ALLOWED_INTERNAL holds {entry!r}: write host names, addresses or networks such as "
                    "10.20.0.0/16, separated by commas."
                ) from None
            self.hosts.add(entry.lower().rstrip("."))

    def allows(self, host: str, address: Address) -> bool:
        """Whether a call to that host may connect to that address of it."""
        real = _unwrapped(address)
        listed = any(form in network for network in self.networks for form in (address, real))
        return listed or host.lower().rstrip(".") in self.hosts or all(_is_public(form) for form in _forms(real))

    def resolve(self, host: str, port: int) -> list[str]:
        """The addresses of that host, each of them allowed. Connect to these and to nothing else: a second look at
        the name could give other ones. Raises AddressRefused, or socket.gaierror for a name that is none."""
        answers = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        texts = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
        if not all(self.allows(host, ipaddress.ip_address(text)) for text in texts):
            raise AddressRefused
        return texts


def is_loopback(host: str) -> bool:
    """Whether that is this machine itself, by name or by address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_public(address: Address) -> bool:
    odd = (
        address.is_multicast or address.is_reserved or address.is_unspecified or any(address in net for net in PLATFORM)
    )
    return address.is_global and not odd and not getattr(address, "is_site_local", False)


def _unwrapped(address: Address) -> Address:
    """An IPv4 address in IPv6's clothes is what it is inside: ::ffff:10.1.2.3 and 64:ff9b::a01:203 are 10.1.2.3."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address in NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _forms(address: Address) -> Iterator[Address]:
    """The address, and the IPv4 address that a tunnel would carry the call to."""
    yield address
    if isinstance(address, ipaddress.IPv6Address):
        if address.sixtofour:
            yield address.sixtofour
        if address.teredo:
            yield address.teredo[1]
