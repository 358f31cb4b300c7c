"""Backup jobs: who is in them, and the nightly run that keeps a long-running demo's backups fresh."""

from __future__ import annotations

import time

from simulator.cluster import Cluster
from simulator.model import Guest, Job, Volume
from simulator.tasks import Body
from simulator.vzdump import Order

DAY = 86400
NIGHTLY = "nightly"
HOUR = 2 * 3600
KEEP = 7


def members(cluster: Cluster, job: Job) -> list[Guest]:
    """Return the guests that a job backs up."""
    excluded, listed = set(job.exclude.split(",")), set(job.vmid.split(","))
    return [
        guest
        for guest in cluster.guests.values()
        if (job.all and str(guest.vmid) not in excluded)
        or str(guest.vmid) in listed
        or (job.pool and job.pool == guest.pool)
    ]


def run_job(cluster: Cluster, name: str) -> list[str]:
    """Start a job on every node that is online and return the UPIDs of its tasks. Raises KeyError for no such job."""
    job, started = cluster.jobs[name], []
    guests = [guest for guest in members(cluster, job) if not guest.template]
    for node in [node.name for node in cluster.nodes.values() if node.online]:
        vmids = [guest.vmid for guest in guests if guest.node == node]
        if vmids:
            order = Order(cluster, node, job.storage, vmids, {"storage": job.storage, "mode": job.mode, "job-id": name})
            started.append(cluster.book.start(node, "vzdump", "", "root@pam", order.run))
    _prune(cluster, job.storage, {guest.vmid for guest in guests})
    return started


def _prune(cluster: Cluster, storage: str, vmids: set[int]) -> None:
    """Forget the oldest unprotected backups of guests, so that a demo may run for months."""
    mine: dict[int, list[Volume]] = {}
    for volume in cluster.volumes.values():
        if volume.storage == storage and volume.vmid in vmids and not volume.protected:
            mine.setdefault(volume.vmid, []).append(volume)
    for volumes in mine.values():
        for volume in sorted(volumes, key=lambda volume: volume.ctime)[:-KEEP]:
            del cluster.volumes[volume.node, volume.volid]


def every_night(cluster: Cluster) -> Body:
    """Run the nightly job at two o'clock, for ever."""
    while True:
        due = (int(time.time() - HOUR) // DAY + 1) * DAY + HOUR
        while (left := due - time.time()) > 0:
            yield min(left, 600.0)
        if NIGHTLY in cluster.jobs and cluster.quorate:
            run_job(cluster, NIGHTLY)
