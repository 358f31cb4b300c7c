"""Judges the answers about one guest, storage, node or job, as ``answers`` does for the rest."""

import re
from typing import Any

from servers.proxmox.answers import flag, guest_status, listing, mapping, text, whole
from servers.proxmox.config_answers import properties
from servers.proxmox.details import (
    Appliance,
    Bridge,
    GuestState,
    HaResource,
    JobFacts,
    MigrationCheck,
    PendingChange,
    SnapshotFacts,
    StorageSpace,
    VolumeFacts,
)


def pending(data: Any) -> list[PendingChange]:
    """``…/pending``: only what waits."""
    return [
        PendingChange(text(row.get("key")), text(row.get("value")), None if row.get("delete") else text(row["pending"]))
        for row in listing(data, "…/pending")
        if row.get("delete") or "pending" in row
    ]


def snapshots(data: Any) -> list[SnapshotFacts]:
    """``…/snapshot`` without the entry ``current``, which is no snapshot; the oldest first."""
    rows = [row for row in listing(data, "…/snapshot") if row.get("name") and row["name"] != "current"]
    found = [
        SnapshotFacts(
            name=text(row["name"]),
            taken=whole(row.get("snaptime")) or 0,
            description=text(row.get("description")).strip(),
            parent=text(row.get("parent")),
            memory=flag(row.get("vmstate")),
        )
        for row in rows
    ]
    return sorted(found, key=lambda snapshot: snapshot.taken)


def guest_state(data: Any) -> GuestState:
    """``status/current``."""
    status, row = guest_status(data), mapping(data, "status/current")
    managed = row.get("ha")
    return GuestState(
        status=status,
        lock=text(row.get("lock")),
        name=text(row.get("name")),
        uptime=whole(row.get("uptime")) or 0,
        ha_state=text(managed.get("state")) if isinstance(managed, dict) else "",
        disk_size=whole(row.get("maxdisk")),
    )


def migration(data: Any) -> MigrationCheck:
    """``GET …/migrate``: VMs write ``allowed_nodes`` (absent when it runs on old versions), containers
    ``allowed-nodes``."""
    rows = mapping(data, "…/migrate")
    refused = rows.get("not_allowed_nodes", rows.get("not-allowed-nodes"))
    nodes = rows.get("allowed_nodes", rows.get("allowed-nodes"))
    disks = rows.get("local_disks")
    return MigrationCheck(
        running=flag(rows.get("running")),
        nodes=tuple(text(node) for node in nodes) if isinstance(nodes, list) else (),
        refused={key: _reasons(value) for key, value in refused.items()} if isinstance(refused, dict) else {},
        local_disks=tuple(text(row.get("volid")) for row in listing(disks, "…/migrate")) if disks else (),
        local_resources=tuple(text(word) for word in rows.get("local_resources") or ()),
    )


def _reasons(value: Any) -> str:
    if not isinstance(value, dict):
        return text(value)
    return "; ".join(
        f"{key}: {', '.join(map(str, entry)) if isinstance(entry, list) else entry}" for key, entry in value.items()
    )


def storages(data: Any) -> list[StorageSpace]:
    """``/nodes/N/storage``."""
    return [
        StorageSpace(
            name=text(row["storage"]),
            plugin=text(row.get("type")),
            content=tuple(sorted(word for word in text(row.get("content")).split(",") if word)),
            shared=flag(row.get("shared")),
            active=flag(row.get("active")),
            enabled=flag(row.get("enabled")),
            total=whole(row.get("total")),
            used=whole(row.get("used")),
            available=whole(row.get("avail")),
        )
        for row in listing(data, "/nodes/…/storage")
        if row.get("storage")
    ]


def volumes(data: Any) -> list[VolumeFacts]:
    """``/nodes/N/storage/S/content``."""
    return [
        VolumeFacts(
            volume=text(row["volid"]),
            content=text(row.get("content")),
            format=text(row.get("format")),
            size=whole(row.get("size")),
            created=whole(row.get("ctime")),
            vmid=whole(row.get("vmid")),
            notes=text(row.get("notes")),
            protected=flag(row.get("protected")),
        )
        for row in listing(data, "/nodes/…/storage/…/content")
        if row.get("volid")
    ]


def bridges(data: Any) -> list[Bridge]:
    """``/nodes/N/network?type=any_bridge``: those of Linux and Open vSwitch."""
    return [
        Bridge(
            name=text(row["iface"]),
            active=flag(row.get("active")),
            vlan_aware=flag(row.get("bridge_vlan_aware")),
            addresses=tuple(text(row[key]) for key in ("cidr", "cidr6") if row.get(key)),
            comment=text(row.get("comments")).strip(),
        )
        for row in listing(data, "/nodes/…/network")
        if row.get("iface") and text(row.get("type")).lower() in ("bridge", "ovsbridge", "vnet")
    ]


def appliances(data: Any) -> list[Appliance]:
    """``/nodes/N/aplinfo``."""
    keys = ("template", "package", "version", "os", "section", "headline")
    return [
        Appliance(*(text(row.get(key)) for key in keys))
        for row in listing(data, "/nodes/…/aplinfo")
        if row.get("template")
    ]


def jobs(data: Any) -> list[JobFacts]:
    """``/cluster/backup``."""
    return [_job(row) for row in listing(data, "/cluster/backup") if row.get("id")]


def _job(row: dict[str, Any]) -> JobFacts:
    keep = row.get("prune-backups")
    if isinstance(keep, str):
        keep = properties(keep)
    return JobFacts(
        id=text(row["id"]),
        enabled=flag(row.get("enabled", 1)),
        schedule=text(row.get("schedule")),
        storage=text(row.get("storage")),
        vmids=_ids(row.get("vmid")),
        everything=flag(row.get("all")),
        exclude=_ids(row.get("exclude")),
        pool=text(row.get("pool")),
        mode=text(row.get("mode")) or "snapshot",
        comment=text(row.get("comment")),
        next_run=whole(row.get("next-run")),
        keep={key: text(value) for key, value in keep.items()} if isinstance(keep, dict) else {},
    )


def _ids(value: Any) -> tuple[int, ...]:
    return tuple(int(word) for word in re.split(r"[,; ]+", text(value)) if word.isdecimal())


def ha_resources(data: Any) -> list[HaResource]:
    """``/cluster/ha/resources``."""
    return [
        HaResource(text(row["sid"]), text(row.get("state")), text(row.get("group")), text(row.get("comment")))
        for row in listing(data, "/cluster/ha/resources")
        if row.get("sid")
    ]
