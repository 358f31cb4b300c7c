"""Backups: the volumes that storages list, and the runs that the task list shows."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import transaction

from portal.lib import clock
from servers.bulk import update_many
from servers.models import Backup, BackupRun, Cluster, Counter, Server, Storage
from servers.models.backup import Outcome
from servers.proxmox.types import BackupVolume, TaskRow

COLUMNS: Final = ("server", "size", "notes", "protected", "encrypted", "verification", "gone_at")
# An id of a deleted guest comes back; its old backups are not the new server's. The slack is for clocks.
SLACK: Final = timedelta(minutes=2)


def record_volumes(storage: Storage, volumes: list[BackupVolume]) -> None:
    """Bring the storage's backup rows in line with its content."""
    moment = clock.now()
    with transaction.atomic():
        known = {backup.volid: backup for backup in Backup.objects.filter(storage=storage, gone_at=None)}
        owners = _owners(storage.cluster)
        new, touched = [], []
        for volume in {volume.volid: volume for volume in volumes}.values():
            backup = known.pop(volume.volid, None)
            if backup is None:
                new.append(_make(storage, volume, owners))
            elif _update(backup, volume, owners):
                touched.append(backup)
        for backup in known.values():
            backup.gone_at = moment
        update_many(Backup, [*known.values(), *touched], COLUMNS)
        Backup.objects.bulk_create(new, batch_size=2000)


def _make(storage: Storage, volume: BackupVolume, owners: dict[int, Server]) -> Backup:
    backup = Backup(
        cluster_id=storage.cluster_id, storage=storage, volid=volume.volid, vmid=volume.vmid, kind=volume.kind,
        format=volume.format, created_at=datetime.fromtimestamp(volume.created, UTC),
    )  # fmt: skip
    _update(backup, volume, owners)
    return backup


def _update(backup: Backup, volume: BackupVolume, owners: dict[int, Server]) -> bool:
    wanted: dict[str, Any] = {
        "size": volume.size, "notes": volume.notes, "protected": volume.protected, "encrypted": volume.encrypted,
        "verification": volume.verification,
    }  # fmt: skip
    if backup.server_id is None:
        wanted["server_id"] = _owner(owners, volume.vmid, backup.created_at)
    different = {field: value for field, value in wanted.items() if getattr(backup, field) != value}
    for field, value in different.items():
        setattr(backup, field, value)
    return bool(different)


def _owners(cluster: Cluster) -> dict[int, Server]:
    return {server.vmid: server for server in Server.objects.filter(cluster=cluster, retired_at=None)}


def _owner(owners: dict[int, Server], vmid: int | None, made: datetime) -> int | None:
    """The living server that this is a backup of. One that was there at the first sync owns all of its id."""
    server = owners.get(vmid) if vmid is not None else None
    if server is None:
        return None
    first = server.cluster.first_complete_at
    was_there_first = first is None or server.first_seen <= first
    return server.pk if was_there_first or made >= server.first_seen - SLACK else None


def record_runs(cluster: Cluster, tasks: list[TaskRow]) -> None:
    """Write each vzdump task once, and count its end once, in the same transaction."""
    vzdumps = {task.upid: task for task in tasks if task.type == "vzdump"}
    with transaction.atomic():
        rows = BackupRun.objects.filter(cluster=cluster, upid__in=vzdumps)
        known = {run.upid: run for run in rows}
        owners = _owners(cluster) if vzdumps.keys() - known.keys() else {}
        new = [_run(cluster, task, owners) for upid, task in vzdumps.items() if upid not in known]
        ended = [
            _finish(known[upid], task)
            for upid, task in vzdumps.items()
            if upid in known and known[upid].outcome == Outcome.RUNNING and task.ended
        ]
        BackupRun.objects.bulk_create(new)
        update_many(BackupRun, ended, ("ended_at", "outcome", "message"))
        _count(cluster, [*new, *ended])


def _run(cluster: Cluster, task: TaskRow, owners: dict[int, Server]) -> BackupRun:
    vmid = int(task.id) if task.id.isdigit() else None
    started = datetime.fromtimestamp(task.started, UTC)
    run = BackupRun(
        cluster=cluster, upid=task.upid, node_name=task.node, vmid=vmid, user=task.user.partition("!")[0],
        server_id=_owner(owners, vmid, started), started_at=started,
    )  # fmt: skip
    return _finish(run, task) if task.ended else run


def _finish(run: BackupRun, task: TaskRow) -> BackupRun:
    run.ended_at = datetime.fromtimestamp(task.ended or task.started, UTC)
    run.message = task.status
    run.outcome = outcome_of(task.status)
    return run


def outcome_of(status: str) -> Outcome:
    """How a task ended, by Proxmox's words: ``OK``, ``WARNINGS: n``, or the text of the error."""
    if status == "OK":
        return Outcome.SUCCESS
    return Outcome.WARNINGS if status.startswith("WARNINGS:") else Outcome.FAILURE


def _count(cluster: Cluster, runs: list[BackupRun]) -> None:
    """History from before the cluster was added is shown and not counted: it would look like a burst."""
    counted = [run for run in runs if run.ended_at and run.ended_at >= cluster.created_at]
    good = sum(run.outcome in (Outcome.SUCCESS, Outcome.WARNINGS) for run in counted)
    bad = sum(run.outcome == Outcome.FAILURE for run in counted)
    Counter.add(Counter.BACKUP_SUCCESS, cluster.name, good)
    Counter.add(Counter.BACKUP_FAILURE, cluster.name, bad)
