"""What a backup task writes into its log, in the server's words."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from simulator.model import GiB, Guest, MiB


@dataclass
class Run:
    """One guest's part of a backup task: ``target`` is the volume's id, ``error`` is empty when it went well.

    ``begun`` is epoch seconds; ``running`` says what the guest did when the backup began.
    """

    guest: Guest
    begun: int
    seconds: int
    target: str
    size: int
    error: str = ""
    running: bool = True


@dataclass
class Part:
    """How a guest fared in a backup task, for the table of its notification: ``state`` is ok or err."""

    vmid: int
    name: str
    state: str
    seconds: int = 0
    size: int = 0
    target: str = ""


def notification(node: str, parts: list[Part], log: list[str], problem: str, *, failed: bool) -> tuple[str, str]:
    """Return title and text of what is sent at the end of a task: a table of its guests, then the log."""
    title = f"vzdump backup status ({node}.example.org): backup {'failed' if failed else 'successful'}"
    rows = [("VMID", "Name", "Status", "Time", "Size", "Filename")]
    rows += [
        (str(p.vmid), p.name, p.state, f"{p.seconds}s", f"{p.size / GiB:.3f} GiB", p.target or "null") for p in parts
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    table = ["    ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    total = (
        f"Total running time: {sum(p.seconds for p in parts)}s\nTotal size: {sum(p.size for p in parts) / GiB:.3f} GiB"
    )
    text = "\n".join([problem, "", "Details", "=======", *table, "", total, "", "Logs", "====", *log])
    return (f"{title}: {problem}" if problem else title), text


def opening(vmids: list[int], options: str) -> str:
    """Return the first line of a log."""
    return f"INFO: starting new backup job: vzdump {' '.join(str(vmid) for vmid in vmids)} {options}"


def head(run: Run) -> list[str]:
    """Return a guest's lines up to the start of the copy."""
    guest = run.guest
    lines = [
        f"INFO: Starting Backup of VM {guest.vmid} ({guest.type})",
        f"INFO: Backup started at {stamp(run.begun)}",
        f"INFO: status = {'running' if run.guest.running else 'stopped'}",
    ]
    mode = [f"INFO: backup mode: {'snapshot' if run.running else 'stop'}", "INFO: ionice priority: 7"]
    disk = f"INFO: include disk 'scsi0' '{guest.storage}:vm-{guest.vmid}-disk-0' {guest.maxdisk // GiB}G"
    if not guest.is_vm:
        return [*lines, *mode, f"INFO: CT Name: {guest.name}", "INFO: including mount point rootfs ('/') in backup"]
    named = [f"INFO: VM Name: {guest.name}", disk]
    return [*lines, *named, *mode] if run.running else [*lines, *mode, *named]


def start_of_copy(run: Run) -> list[str]:
    """Return a guest's lines when the copy begins."""
    storage, _, name = run.target.partition(":")
    if "vzdump-" in name:
        folder = "/var/lib/vz" if storage == "local" else f"/mnt/pve/{storage}"
        made = f"vzdump archive '{folder}/dump/{name.removeprefix('backup/')}'"
    else:
        made = f"Proxmox Backup Server archive '{name.removeprefix('backup/')}'"
    if not run.guest.is_vm:
        return [f"INFO: creating {made}"]
    helper = [] if run.running else ["INFO: starting kvm to execute backup task"]
    job = uuid.uuid5(uuid.NAMESPACE_OID, run.target)
    started = ["INFO: starting backup via QMP command", f"INFO: started backup task '{job}'"]
    return [f"INFO: creating {made}", *helper, *started, *(["INFO: resuming VM again"] if run.running else [])]


def progress(run: Run, share: float, seconds: int) -> str:
    """Return the line that says which share is copied after some seconds."""
    total, rate = run.guest.maxdisk, run.guest.maxdisk * share / max(1, seconds)
    done = f"{human(total * share)} of {human(total)}"
    return f"INFO: {round(share * 100):3d}% ({done}) in {seconds}s, read: {human(rate)}/s, write: {human(rate * 0.4)}/s"


def tail(run: Run) -> list[str]:
    """Return a guest's lines after the copy, good or bad."""
    guest, end = run.guest, stamp(run.begun + run.seconds)
    if run.error:
        return [f"ERROR: Backup of VM {guest.vmid} failed - {run.error}", f"INFO: Failed at {end}"]
    rate = human(guest.maxdisk / max(1, run.seconds))
    took = f"{run.seconds // 3600:02d}:{run.seconds // 60 % 60:02d}:{run.seconds % 60:02d}"
    lines = [f"INFO: Total bytes written: {guest.maxdisk // 4} ({guest.maxdisk // 4 // MiB}MiB, {rate}/s)"]
    if guest.is_vm:
        lines = [f"INFO: transferred {guest.maxdisk / GiB:.2f} GiB in {run.seconds} seconds ({rate}/s)"]
        lines += [] if run.running else ["INFO: stopping kvm after backup task"]
    if "vzdump-" in run.target:
        lines.append(f"INFO: archive file size: {run.size / GiB:.2f}GB")
    return [*lines, f"INFO: Finished Backup of VM {guest.vmid} ({took})", f"INFO: Backup finished at {end}"]


def whole(node: str, runs: list[Run], storage: str) -> list[str]:
    """Return the log of a task that has ended."""
    options = f"--storage {storage} --mode snapshot --node {node}"
    lines = [opening([run.guest.vmid for run in runs], options)]
    for run in runs:
        lines += head(run)
        if not run.error:
            lines += start_of_copy(run)
            lines += [progress(run, 1.0, run.seconds)] if run.guest.is_vm else []
        lines += tail(run)
    if any(run.error for run in runs):
        return [*lines, "INFO: Backup job finished with errors", "TASK ERROR: job errors"]
    return [*lines, "INFO: Backup job finished successfully", "TASK OK"]


def human(size: float) -> str:
    """Return bytes as the log writes them: ``1.5 GiB``, ``319.0 MiB``."""
    return f"{size / GiB:.1f} GiB" if size >= GiB else f"{size / MiB:.1f} MiB"


def stamp(epoch: float) -> str:
    """Return a time as the log writes it; the simulated nodes live in UTC."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d %H:%M:%S")
