"""Judges the answers that are asked for rarely, by the rotation: as ``answers`` does for the rest.

What is kept of them is JSON: texts, numbers, lists and objects of these.
"""

from collections.abc import Iterable
from math import isfinite
from typing import Any, Final

from django.utils.translation import gettext as _

from servers.proxmox.answers import GUEST_KINDS, listing, mapping, part, text, version, whole
from servers.proxmox.errors import OddAnswer
from servers.proxmox.types import Interface

RELEASE: Final = ("version", "release", "repoid")
MAX_HISTORY: Final = 5000  # a day of minutes is 1440 rows, a year of six hours the same
REPLICATION_TIMES: Final = ("duration", "last_sync", "last_try", "next_sync", "fail_count")


def agent_interfaces(data: Any) -> list[Interface]:
    """``agent/network-get-interfaces``: an object with a list. A card without addresses has no list of them."""
    rows = listing(mapping(data, "agent/network-get-interfaces").get("result"), "agent/network-get-interfaces")
    return [Interface(text(row.get("name")), _addresses(row)) for row in rows]


def container_interfaces(data: Any) -> list[Interface]:
    """``/lxc/…/interfaces``: null while it is stopped. Before 8.4 there is one IPv4 and one IPv6 address per card."""
    if data is None:
        return []
    rows = listing(data, "/lxc/…/interfaces")
    return [Interface(text(row.get("name")), _addresses(row) or _one_of_each(row)) for row in rows]


def _addresses(row: dict[str, Any]) -> list[str]:
    listed = row.get("ip-addresses")
    entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    return [text(entry["ip-address"]) for entry in entries if entry.get("ip-address")]


def _one_of_each(row: dict[str, Any]) -> list[str]:
    return [text(row[key]).partition("/")[0] for key in ("inet", "inet6") if row.get(key)]


def release(data: Any) -> dict[str, str]:
    """``/version``. Raises OddAnswer where it names no version."""
    version(data)
    return {key: text(data[key]) for key in RELEASE if data.get(key) is not None}


def identity(data: Any) -> dict[str, Any]:
    """``/cluster/status``: ``name`` and ``version`` of the cluster, and of each member its number and level.

    A server outside any cluster has no row of a cluster: then both are empty.
    """
    rows = listing(data, "/cluster/status")
    members = {
        text(row.get("name")): {"id": text(row.get("nodeid")), "level": text(row.get("level"))}
        for row in rows
        if row.get("type") == "node" and row.get("name")
    }
    if not members:
        raise OddAnswer(_("The cluster's status names no node at all."), "")
    head = next((row for row in rows if row.get("type") == "cluster"), {})
    return {"name": text(head.get("name")), "version": text(head.get("version")), "members": members}


def fingerprints(data: Any) -> list[str]:
    """``/nodes``: such as ``pve1 AB:CD:…``. Raises OddAnswer where it names no node."""
    rows = listing(data, "/nodes")
    if not any(row.get("node") for row in rows):
        raise OddAnswer(_("The list of nodes names no node at all."), "")
    return sorted(f"{text(r['node'])} {text(r['ssl_fingerprint']).upper()}" for r in rows if r.get("ssl_fingerprint"))


def not_backed_up(data: Any) -> list[str]:
    """``/cluster/backup-info/not-backed-up``."""
    rows = listing(data, "/cluster/backup-info/not-backed-up")
    guests = {(row["type"], whole(row.get("vmid"))) for row in rows if row.get("type") in GUEST_KINDS}
    return [f"{kind}/{vmid}" for kind, vmid in sorted(guests, key=str) if vmid]


def subscription(data: Any) -> dict[str, str]:
    """``/nodes/…/subscription``. Its keys and serial numbers are not kept."""
    row = mapping(data, "/nodes/…/subscription")
    return {key: text(row[key]) for key in ("status", "level", "nextduedate") if row.get(key) is not None}


def replication(data: Any) -> list[dict[str, Any]]:
    """``/nodes/…/replication``."""
    return [_job(row) for row in listing(data, "/nodes/…/replication") if row.get("id")]


def _job(row: dict[str, Any]) -> dict[str, Any]:
    figures = {key: number for key in REPLICATION_TIMES if (number := part(row.get(key))) is not None}
    return _texts_of(row, ("id", "type", "source", "target", "vmtype", "guest")) | figures


def texts(data: Any) -> dict[str, str]:
    """An object's plain values as texts; nothing of an empty answer."""
    row = mapping(data or {}, "/cluster/config/qdevice")
    return _texts_of(row, (key for key, value in row.items() if isinstance(value, str | int | float)))


def _texts_of(row: dict[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    return {key: text(row.get(key)) for key in keys}


def load(data: Any) -> list[float]:
    """``/nodes/…/status``: three numbers, which come as texts."""
    found = mapping(data, "/nodes/…/status").get("loadavg")
    numbers = [part(value) for value in found] if isinstance(found, list) else []
    if len(numbers) != 3 or None in numbers:
        raise OddAnswer(_("The answer to %(where)s has not the shape that Proxmox VE gives it.") % {"where": "status"})
    return [number for number in numbers if number is not None]


def certificates(data: Any) -> dict[str, int]:
    """``/nodes/…/certificates/info``: when each file's certificate ends."""
    rows = listing(data, "/nodes/…/certificates/info")
    ends = {text(row.get("filename")): whole(row.get("notafter")) for row in rows}
    return {name: end for name, end in ends.items() if name and end is not None}


def history(data: Any) -> list[dict[str, float]]:
    """``/nodes/…/rrddata``: the numbers of each row that has a time, in the order of time. More rows than Proxmox keeps
    of the longest time are an odd answer."""
    rows = listing(data, "/nodes/…/rrddata")
    if len(rows) > MAX_HISTORY:
        raise OddAnswer(_("Its history has %(count)d rows.") % {"count": len(rows)}, "")
    known = [{key: float(value) for key, value in row.items() if _is_number(value)} for row in rows]
    return sorted((row for row in known if row.get("time", 0) > 0), key=lambda row: row["time"])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
