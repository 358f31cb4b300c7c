"""Judges the shape of Proxmox's answers and turns them into plain types.

Types differ between versions and kinds of row: numbers come as strings, flags as 0, 1, "" or not at all. A row that
lacks what identifies it is left out with a complaint; an answer of the wrong shape is no answer (OddAnswer).
"""

from functools import lru_cache
from math import ceil, isnan
from typing import Any, Final

from django.utils.translation import gettext as _

from servers.proxmox.errors import OddAnswer
from servers.proxmox.types import BackupVolume, ClusterStatus, Guest, NodeFacts, Resources, StorageFacts, TaskRow

GUEST_KINDS: Final = frozenset({"qemu", "lxc"})


def version(data: Any) -> str:
    """``/version``."""
    found = text(mapping(data, "/version").get("version"))
    if not found:
        raise _odd("/version")
    return found


def permissions(data: Any) -> dict[str, dict[str, int]]:
    """``/access/permissions``."""
    rows = mapping(data, "/access/permissions")
    if not all(isinstance(value, dict) for value in rows.values()):
        raise _odd("/access/permissions")
    return rows


def cluster_status(data: Any) -> ClusterStatus:
    """``/cluster/status``. A server outside any cluster has no cluster row: it is its own quorum."""
    name, quorate, addresses = "", True, {}
    rows = listing(data, "/cluster/status")
    if not any(row.get("type") == "node" for row in rows):
        raise _odd("/cluster/status")
    for row in rows:
        if row.get("type") == "cluster":
            name, quorate = text(row.get("name")), flag(row.get("quorate"))
        elif row.get("type") == "node" and row.get("ip"):
            addresses[text(row.get("name"))] = text(row["ip"])
    return ClusterStatus(name, quorate, addresses)


def resources(data: Any) -> Resources:
    """``/cluster/resources``. Rows of types that we do not know (pools, SDN, what comes next) are passed over."""
    found = Resources()
    for row in listing(data, "/cluster/resources"):
        kind = row.get("type")
        try:
            if kind in GUEST_KINDS:
                found.guests.append(_guest(row))
            elif kind == "node":
                found.nodes.append(_node(row))
            elif kind == "storage":
                found.storages.append(_storage(row))
        except (KeyError, ValueError, TypeError):
            found.complaints.append(
                _("a row %(id)s of type %(type)s is not complete")
                % {
                    "id": str(row.get("id", "?"))[:80],
                    "type": str(kind)[:20],
                }
            )
    if not found.nodes:
        raise OddAnswer(_("The list of resources names no node at all."), "")
    return found


def backups(data: Any) -> list[BackupVolume]:
    """A storage's content with ``content=backup``."""
    where = "/nodes/…/storage/…/content"
    return [_backup(row) for row in listing(data, where) if row.get("content") == "backup" and row.get("volid")]


def tasks(data: Any) -> list[TaskRow]:
    """``/cluster/tasks``."""
    return [
        TaskRow(
            upid=text(row["upid"]),
            node=text(row.get("node")),
            type=text(row.get("type")),
            id=text(row.get("id")),
            user=text(row.get("user")),
            started=whole(row.get("starttime")) or 0,
            ended=whole(row.get("endtime")),
            status=text(row.get("status")),
        )
        for row in listing(data, "/cluster/tasks")
        if row.get("upid")
    ]


def upid(data: Any) -> str:
    """The task that a write was answered with."""
    if isinstance(data, str) and data.startswith("UPID:") and data.count(":") >= 8:
        return data
    raise OddAnswer(_("Proxmox took the request and named no task."), "")


def identifier(data: Any) -> int:
    """``/cluster/nextid``, which is documented as a number and comes as a text."""
    try:
        return _identifier(data)
    except ValueError:
        raise _odd("/cluster/nextid") from None


def log_lines(data: Any, start: int) -> list[str]:
    """``/tasks/…/log``. An empty log is one line "no content", and that of a forgotten task is an object."""
    if not isinstance(data, list):
        return []
    lines = [text(row.get("t")) for row in listing(data, "/tasks/…/log") if (whole(row.get("n")) or 0) > start]
    return [] if lines == ["no content"] else lines


def guest_status(data: Any) -> str:
    """``status/current``: a paused VM is running there, with the truth in ``qmpstatus``."""
    row = mapping(data, "status/current")
    status = text(row.get("status"))
    if not status:
        raise _odd("status/current")
    return text(row.get("qmpstatus")) or status if status == "running" else status


def _guest(row: dict[str, Any]) -> Guest:
    kind, status = row["type"], _required(row["status"])
    if status == "unknown":
        figures: tuple[Any, ...] = (None,) * 11
    else:
        get = row.get
        # A VM's disk is always 0, which means that nobody knows.
        disk = whole(get("disk")) if kind == "lxc" and status == "running" else None
        figures = (
            part(get("cpu")), cores(get("maxcpu")), whole(get("mem")), whole(get("maxmem")), disk,
            whole(get("maxdisk")), whole(get("uptime")), whole(get("netin")), whole(get("netout")),
            whole(get("diskread")), whole(get("diskwrite")),
        )  # fmt: skip
    return Guest(
        _identifier(row["vmid"]),
        kind,
        _required(row["node"]),
        text(row.get("name")),
        status,
        flag(row.get("template")),
        _tags(text(row.get("tags"))),
        text(row.get("pool")),
        text(row.get("lock")),
        text(row.get("hastate")),
        *figures,
    )


def _node(row: dict[str, Any]) -> NodeFacts:
    return NodeFacts(
        name=_required(row["node"]),
        status=_required(row["status"]),
        level=text(row.get("level")),
        cpu=part(row.get("cpu")),
        max_cpu=whole(row.get("maxcpu")),
        memory=whole(row.get("mem")),
        max_memory=whole(row.get("maxmem")),
        disk=whole(row.get("disk")),
        max_disk=whole(row.get("maxdisk")),
        uptime=whole(row.get("uptime")),
        ha_state=text(row.get("hastate")),
    )


def _storage(row: dict[str, Any]) -> StorageFacts:
    available = text(row.get("status")) == "available"
    return StorageFacts(
        name=_required(row["storage"]),
        node=_required(row["node"]),
        plugin_type=text(row.get("plugintype")),
        content=",".join(sorted(word for word in text(row.get("content")).split(",") if word)),
        shared=flag(row.get("shared")),
        status=text(row.get("status")) or "unknown",
        used=whole(row.get("disk")) if available else None,
        size=whole(row.get("maxdisk")) if available else None,
    )


def _backup(row: dict[str, Any]) -> BackupVolume:
    verification = row.get("verification")
    return BackupVolume(
        volid=text(row["volid"]),
        vmid=whole(row.get("vmid")),
        kind=text(row.get("subtype")) if text(row.get("subtype")) in GUEST_KINDS else "",
        format=text(row.get("format")),
        size=whole(row.get("size")) or 0,
        created=whole(row.get("ctime")) or 0,
        notes=text(row.get("notes")),
        protected=flag(row.get("protected")),
        encrypted=bool(row.get("encrypted")) and row.get("encrypted") != "0",
        verification=text(verification.get("state")) if isinstance(verification, dict) else "",
    )


# --- single values, as forgiving as the API is loose


def listing(data: Any, where: str) -> list[dict[str, Any]]:
    """The answer as a list of objects. Raises OddAnswer."""
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise _odd(where)
    return data


def mapping(data: Any, where: str) -> dict[str, Any]:
    """The answer as an object. Raises OddAnswer."""
    if not isinstance(data, dict):
        raise _odd(where)
    return data


def text(value: Any) -> str:
    """A text; '' for what is absent."""
    return "" if value is None else str(value)


def whole(value: Any) -> int | None:
    """A count that is not negative (an uptime of -2 has been seen), from a number or a text; None if there is none."""
    if type(value) is int:  # the usual case, ten thousand times ten
        return max(value, 0)
    if value is None or value == "" or isinstance(value, bool):
        return None
    try:
        return max(0, int(float(value)))
    except (ValueError, TypeError, OverflowError):
        return None


def cores(value: Any) -> int | None:
    """A number of cores. A container may be limited to a part of one: that counts as one."""
    found = value if type(value) is int else part(value)
    return None if found is None else max(0, ceil(found))


def part(value: Any) -> float | None:
    """A part of one that is not negative; it may be above 1."""
    if type(value) is float and value >= 0:
        return value
    try:
        number = None if value is None or value == "" else float(value)
    except (ValueError, TypeError):
        return None
    return None if number is None or isnan(number) else max(0.0, number)


def flag(value: Any) -> bool:
    """1, "1" and true are true; 0, "0", "" and what is absent are not."""
    return value in (1, "1", True)


def _identifier(value: Any) -> int:
    number = int(str(value))
    if not 1 <= number <= 999_999_999:
        raise ValueError
    return number


def _required(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError
    return value


@lru_cache(maxsize=4096)
def _tags(joined: str) -> str:
    words = sorted({word for word in joined.replace(",", ";").replace(" ", ";").split(";") if word})
    return f";{';'.join(words)};" if words else ""


def _odd(where: str) -> OddAnswer:
    return OddAnswer(
        _("The answer to %(where)s has not the shape that Proxmox VE gives it.") % {"where": where},
        _("Look whether a proxy or another program answers at that address."),
    )
