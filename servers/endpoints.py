"""The addresses of a cluster's API: read what a person types, keep one form, ``https://HOST:PORT``."""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

DEFAULT_PORT: Final = 8006
HOST_NAME: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*\.?")


def parse_endpoints(typed: object) -> list[str]:
    """Each address in the form ``https://HOST:PORT``, without repeats, in the order given.

    Takes a list, or a text with one address per line or comma. Raises ValidationError, which says what is wrong
    with which address.
    """
    if isinstance(typed, str):
        typed = re.split(r"[\s,]+", typed)
    if not isinstance(typed, list) or not all(isinstance(item, str) for item in typed):
        raise ValidationError({"endpoints": _("Write one address per line, e.g. https://pve1.example.org:8006.")})
    found = [parse_endpoint(item) for item in typed if item.strip()]
    if not found:
        raise ValidationError({"endpoints": _("Write at least one address, e.g. https://pve1.example.org:8006.")})
    return list(dict.fromkeys(found))


def parse_endpoint(typed: str) -> str:
    """One address as ``https://HOST:PORT``. A bare host, a bare IPv6 address, a trailing slash, the address copied
    from the browser's bar (``https://pve:8006/#v1:0:18``) are all understood. Raises ValidationError."""
    text = typed.strip()
    if text.lower().startswith("http://"):
        raise _refuse(_("%(address)s: Proxmox answers on https only. Write https:// instead."), typed)
    if "://" not in text:
        text = f"https://[{text}]" if _is_ipv6(text) else f"https://{text}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port or DEFAULT_PORT
    except ValueError:
        raise _refuse(_("%(address)s is no address: write https://HOST:8006 or https://[IPv6]:8006."), typed) from None
    if parts.scheme != "https":
        raise _refuse(_("%(address)s: only https:// addresses are possible."), typed)
    if parts.username or parts.password:
        raise _refuse(_("Leave user and password out of the address: the API token has fields of its own."), "")
    if parts.path.rstrip("/") not in {"", "/api2", "/api2/json"}:
        raise _refuse(_("%(address)s: leave the path out, only https://HOST:PORT is needed."), typed)
    if _is_ipv6(host):
        return f"https://[{host}]:{port}"
    if not HOST_NAME.fullmatch(host):
        raise _refuse(_("%(address)s: that is not a host name."), typed)
    return f"https://{host}:{port}"


def validate_host(typed: str) -> None:
    """Raises ValidationError where that is neither a host name nor an IP address, or where a port stands with it."""
    host = typed.strip()
    if not (_is_ipv6(host) or HOST_NAME.fullmatch(host)):
        sentence = _("%(address)s: write a host name or an IP address, without a port.")
        raise ValidationError(sentence % {"address": host})


def host_and_port(endpoint: str) -> tuple[str, int]:
    """The host (IPv6 without brackets) and port of an endpoint in our form."""
    parts = urlsplit(endpoint)
    return parts.hostname or "", parts.port or DEFAULT_PORT


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.ip_address(text.strip("[]")).version == 6
    except ValueError:
        return False


def _refuse(sentence: str, address: str) -> ValidationError:
    return ValidationError({"endpoints": sentence % {"address": address.strip()} if address else sentence})
