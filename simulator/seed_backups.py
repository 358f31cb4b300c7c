"""Backups of the seeded guests, the jobs that made them, and the tasks in which that happened.

All are counted back from now, so that a demo which is started again after weeks still has backups of last night.
"""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime

from simulator.backup_log import Run, whole
from simulator.cluster import Cluster
from simulator.model import GiB, Guest, Job, MiB, Volume
from simulator.tasks import Task

DAY = 86400
NIGHTS = 4
KEY = "AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89"
ORPHAN = 899


def seed_backups(cluster: Cluster, seed: int) -> None:
    """Add jobs, backups and backup tasks to a seeded cluster."""
    rng = random.Random(seed + 7)
    guests = [guest for guest in cluster.guests.values() if not guest.template]
    lonely = {guest.vmid for guest in guests if rng.random() < 0.08} | {guest.vmid for guest in guests[4:5]}
    _add_jobs(cluster, lonely)
    covered = [guest for guest in guests if guest.vmid not in lonely]
    midnight = _midnight()
    for night in reversed(range(NIGHTS)):
        for node in cluster.nodes:
            local = [guest for guest in covered if guest.node == node]
            _run_night(cluster, node, local, night, rng)
    _weekly(cluster, covered, midnight, rng)
    _oddities(cluster, guests, midnight, rng)
    _other_content(cluster, midnight)


def _midnight() -> int:
    """Return the start of the last night in which everything has ended by now."""
    return (int(time.time()) - 6 * 3600) // DAY * DAY


def _add_jobs(cluster: Cluster, lonely: set[int]) -> None:
    exclude = ",".join(str(vmid) for vmid in sorted(lonely))
    keep = {"keep-daily": "7", "keep-weekly": "4"}
    cluster.jobs = {
        "nightly": Job("nightly", "pbs", "02:00", all=1, exclude=exclude, comment="every night", keep=keep),
        "weekly": Job("weekly", "nfs-backup", "sat 04:00", pool="production", keep={"keep-last": "2"}),
        "lab": Job("lab", "local", "mon 03:00", enabled=0, vmid="100"),
    }


def _run_night(cluster: Cluster, node: str, guests: list[Guest], night: int, rng: random.Random) -> None:
    """Back up a node's guests to the PBS in one task, whose log and end fit the backups."""
    if not guests:
        return
    start = _midnight() - night * DAY + 2 * 3600
    step = max(1, min(90, 3 * 3600 // len(guests)))
    broken = guests[1 % len(guests)].vmid if night in (1, 3) and node == "pve1" else 0
    runs = []
    for index, guest in enumerate(guests):
        begun = start + 5 + index * step
        size = int(guest.maxdisk * rng.uniform(0.1, 0.6))
        volid, up = pbs_volid("pbs", guest, begun), guest.running
        run = Run(guest, begun, max(1, step - 3), volid, size, running=up)
        if guest.vmid == broken:
            run.error = "job failed with err -5 - Input/output error"
        else:
            _add_pbs(cluster, run, night, rng)
        runs.append(run)
    task = cluster.book.add(node, "vzdump", "", "root@pam", start)
    finish_seeded(task, runs, "pbs")


def _add_pbs(cluster: Cluster, run: Run, night: int, rng: random.Random) -> None:
    state = "" if night == 0 else "failed" if run.guest.vmid % 17 == 5 and night == 2 else "ok"
    encrypted = KEY if run.guest.vmid % 5 == 0 else ""
    add_volume(
        cluster,
        Volume(run.target, "pbs", "backup", f"pbs-{'vm' if run.guest.is_vm else 'ct'}", run.size, run.begun,
               vmid=run.guest.vmid, subtype=run.guest.type, notes=run.guest.name, verification=state,
               encrypted=encrypted),
    )  # fmt: skip


def _weekly(cluster: Cluster, guests: list[Guest], midnight: int, rng: random.Random) -> None:
    """Add the files of the weekly job on the shared NFS storage."""
    for week in (2, 9):
        for index, guest in enumerate(guest for guest in guests if guest.pool == "production"):
            add_file(cluster, "nfs-backup", guest, midnight - week * DAY + 4 * 3600 + index, rng.uniform(0.2, 0.5))


def _oddities(cluster: Cluster, guests: list[Guest], midnight: int, rng: random.Random) -> None:
    """Add old, protected and orphaned backups, and a failed task of a single guest."""
    for guest in guests[:3]:
        old = add_file(cluster, "local", guest, midnight - rng.randint(120, 400) * DAY, 0.2)
        old.protected, old.notes = True, f"{guest.name} 보관용"
    gone = Guest(ORPHAN, "qemu", next(iter(cluster.nodes)), "old-shop")
    add_file(cluster, "nfs-backup", gone, midnight - 40 * DAY, 0.4).notes = "old-shop"
    for guest in guests[6:7]:
        task = cluster.book.add(guest.node, "vzdump", str(guest.vmid), "root@pam", midnight + 6 * 3600 - DAY)
        run = Run(guest, task.starttime, 12, "", 0, "VM is locked (snapshot)")
        finish_seeded(task, [run], "nfs-backup")
    for guest in guests[:60]:
        kind = "qmstart" if guest.is_vm else "vzstart"
        if guest.started:
            task = cluster.book.add(guest.node, kind, str(guest.vmid), "root@pam", guest.started)
            task.status, task.endtime, task.log = "OK", task.starttime + 2, ["TASK OK"]


def _other_content(cluster: Cluster, midnight: int) -> None:
    when = midnight - 100 * DAY
    iso, template = "iso/debian-12.11.0-amd64-netinst.iso", "vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
    for storage, node in [("cephfs", ""), *(("local", name) for name in cluster.nodes)]:
        add_volume(cluster, Volume(f"{storage}:{iso}", storage, "iso", "iso", 664 * MiB, when, node))
        add_volume(cluster, Volume(f"{storage}:{template}", storage, "vztmpl", "tzst", 126 * MiB, when, node))


def add_volume(cluster: Cluster, volume: Volume) -> Volume:
    """Put a volume on its storage and return it."""
    cluster.volumes[volume.node, volume.volid] = volume
    return volume


def add_file(cluster: Cluster, storage: str, guest: Guest, ctime: int, share: float) -> Volume:
    """Add a backup file of a guest (``share`` of its disk in size) and return it."""
    form = "vma.zst" if guest.is_vm else "tar.zst"
    node = "" if cluster.storages[storage].shared else guest.node
    size = int(guest.maxdisk * share) or GiB
    volid = file_volid(storage, guest, ctime, form)
    volume = Volume(volid, storage, "backup", form, size, ctime, node, guest.vmid, guest.type, guest.name)
    return add_volume(cluster, volume)


def pbs_volid(storage: str, guest: Guest, ctime: int) -> str:
    """Return the id of a snapshot on a Proxmox Backup Server."""
    stamp = datetime.fromtimestamp(ctime, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{storage}:backup/{'vm' if guest.is_vm else 'ct'}/{guest.vmid}/{stamp}"


def file_volid(storage: str, guest: Guest, ctime: int, form: str) -> str:
    """Return the id of a backup file; the simulated nodes live in UTC."""
    stamp = datetime.fromtimestamp(ctime, UTC).strftime("%Y_%m_%d-%H_%M_%S")
    return f"{storage}:backup/vzdump-{guest.type}-{guest.vmid}-{stamp}.{form}"


def finish_seeded(task: Task, runs: list[Run], storage: str) -> None:
    """End a backup task of the past; its log is written only when somebody reads it."""
    task.status = "job errors" if any(run.error for run in runs) else "OK"
    task.endtime = max((run.begun + run.seconds for run in runs), default=task.starttime) + 2
    task.long_log = lambda: whole(task.node, runs, storage)
