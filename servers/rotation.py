"""What ``/cluster/resources`` lacks, fetched slowly, a few calls at a time, each thing when it is its turn.

The state (what was fetched when) is kept in ``Cluster.rotation``. A failing listing is skipped and tried again at its
next turn; it never fails a sync.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q
from django.utils.translation import gettext as _

from portal.lib import clock
from servers import addresses, findings, identity, snapshots
from servers.backups import record_runs, record_volumes
from servers.failover import Endpoints, ask
from servers.models import Backup, Cluster, Finding, Node, NodeStatus, Storage
from servers.proxmox.errors import EndpointError, Implausible, ProxmoxError, TokenRefused
from servers.proxmox.types import BackupVolume

logger = logging.getLogger(__name__)
TURN: Final = timedelta(seconds=10)  # between two rotations of a cluster
LEASE: Final = timedelta(seconds=240)
CALLS_PER_TURN: Final = 4
EMPTY_BEFORE_GONE: Final = 3
EVERY: Final = {
    "version": timedelta(hours=1),
    "nodes": timedelta(hours=1),
    "tasks": timedelta(seconds=30),
    "content": timedelta(minutes=5),
    "addresses": TURN,  # a few guests at each turn, each guest rarely
    "snapshots": 2 * TURN,
    **findings.EVERY,
}


@dataclass(slots=True, frozen=True)
class Job:
    """One call: its key in the state, its kind, and the storage and node that it is about."""

    key: str
    kind: str
    storage: Storage | None = None
    node: str = ""


def claim_rotation(cluster: Cluster, moment: datetime) -> bool:
    """Whether this process may rotate the cluster now."""
    free = Q(rotation_lease_until=None) | Q(rotation_lease_until__lt=moment)
    mine = Cluster.objects.filter(free, pk=cluster.pk, enabled=True).exclude(last_success_at=None)
    return bool(mine.update(rotation_lease_until=moment + LEASE, rotation_due_at=moment + TURN))


def rotations_due(moment: datetime) -> list[Cluster]:
    """Clusters whose turn has come. One that cannot be synced is not asked for more."""
    free = Q(rotation_lease_until=None) | Q(rotation_lease_until__lt=moment)
    return list(Cluster.objects.filter(free, enabled=True, rotation_due_at__lte=moment, failures=0))


def rotate(cluster: Cluster, *, everything: bool = False) -> list[str]:
    """Do what is due, or everything now. Returns the sentences of what failed."""
    if not claim_rotation(cluster, clock.now()):
        return []
    cluster.refresh_from_db()
    done: dict[str, Any] = dict(cluster.rotation)
    errors: list[str] = []
    jobs = list(_jobs(cluster))
    due = jobs if everything else _due(jobs, done, clock.now())[:CALLS_PER_TURN]
    endpoints = Endpoints(list(cluster.endpoints), dict(cluster.endpoint_state))
    try:
        for job in due:
            done[job.key] = clock.now().timestamp()
            try:
                _do(cluster, job, endpoints, done)
            except ProxmoxError as error:
                errors.append(f"{job.key}: {error.sentence}")
                logger.info("Rotation of %s, %s: %s", cluster.name, job.key, error.kind)
                if isinstance(error, EndpointError | TokenRefused):
                    break  # the sync tells it; more calls would only wait longer
    finally:
        keys = {job.key for job in jobs}
        Cluster.objects.filter(pk=cluster.pk).update(
            rotation={key: when for key, when in done.items() if key.removeprefix("empty:") in keys},
            rotation_lease_until=None,
            rotation_error="\n".join(errors),
        )
        findings.forget_others(cluster, keys)
    return errors


def _jobs(cluster: Cluster) -> Iterator[Job]:
    yield Job("tasks", "tasks")
    yield Job("version", "version")
    yield Job("nodes", "nodes")
    yield from (Job(kind, kind) for kind in findings.OF_CLUSTER)
    online = [node.name for node in Node.objects.filter(cluster=cluster, retired_at=None, status=NodeStatus.ONLINE)]
    yield Job("addresses", "addresses")
    yield Job("snapshots", "snapshots")
    if Node.objects.filter(cluster=cluster, retired_at=None).count() > 1:
        yield from (Job(kind, kind) for kind in findings.OF_SEVERAL)
    yield from (Job(f"{kind}@{node}", kind, node=node) for kind in findings.OF_NODE for node in online)
    storages = Storage.objects.filter(cluster=cluster, retired_at=None, status="available", content__contains="backup")
    for storage in storages.select_related("node"):
        node = storage.node.name if storage.node else next(iter(online), "")
        if node in online:
            yield Job(Backup.listing_of(storage), "content", storage, node)


def _due(jobs: list[Job], done: dict[str, float], moment: datetime) -> list[Job]:
    """The jobs whose time has come, the one that waits longest first."""
    waiting = {job.key: moment.timestamp() - done.get(job.key, 0) - EVERY[job.kind].total_seconds() for job in jobs}
    return sorted((job for job in jobs if waiting[job.key] >= 0), key=lambda job: -waiting[job.key])


def _do(cluster: Cluster, job: Job, endpoints: Endpoints, done: dict[str, Any]) -> None:
    if job.kind == "version":
        release = ask(cluster, lambda g: g.release(), endpoints)
        Cluster.objects.filter(pk=cluster.pk).update(version=release["version"])
        Finding.keep(cluster, job.key, release, clock.now())
    elif job.kind == "nodes":
        identity.renew(cluster, endpoints)
    elif job.kind == "tasks":
        record_runs(cluster, ask(cluster, lambda g: g.tasks(), endpoints))
    elif job.kind == "addresses":
        addresses.collect(cluster, endpoints)
    elif job.kind == "snapshots":
        snapshots.collect(cluster, endpoints)
    elif job.kind in findings.QUESTIONS:
        findings.find(cluster, job.key, job.kind, job.node, endpoints)
    elif job.storage is not None:
        name = job.storage.name
        volumes = ask(cluster, lambda g: g.backups(job.node, name), endpoints)
        _doubt(job, job.storage, volumes, done)
        record_volumes(job.storage, volumes)


def _doubt(job: Job, storage: Storage, volumes: list[BackupVolume], done: dict[str, Any]) -> None:
    """A token that lost a right gets an empty list with status 200, so emptiness must be seen several times.

    Raises Implausible until then.
    """
    key = f"empty:{job.key}"
    known = 0 if volumes else Backup.objects.filter(storage=storage, gone_at=None).count()
    done[key] = int(done.get(key, 0)) + 1 if known else 0
    if 0 < done[key] < EMPTY_BEFORE_GONE:
        raise Implausible(
            _("The storage lists no backups, where %(count)d were known.") % {"count": known},
            _("Check that the token has Datastore.AllocateSpace and VM.Backup."),
        )
