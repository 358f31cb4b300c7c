"""The per-guest families that come from rows: they are there with or without a cache."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final, NamedTuple

from django.db.models import OuterRef, QuerySet, Subquery

from monitoring.exposition import Family, labels
from servers.models import Backup, Cluster, NodeStatus, Server, ServerStatus

Samples = Iterable[tuple[str, int | float]]

VM_STATUS: Final = Family("proxmox_vm_status", "gauge", "1 where the guest is running, 0 where it is not.")
INFO: Final = Family("proxmox_guest_info", "gauge", "Always 1: the guest's facts, to be joined on cluster and vmid.")
STATE: Final = Family("proxmox_guest_state", "gauge", "Always 1: the guest's state in Proxmox's word.")
LOCK: Final = Family("proxmox_guest_lock", "gauge", "Always 1, while the guest is locked: what locks it.")
EXPECTED_UP: Final = Family("portal_guest_expected_up", "gauge", "1 where the guest should be running, else 0.")
EXPECTED_DOWN: Final = Family(
    "portal_guest_expected_down", "gauge", "Always 1, while planned work keeps the guest down: its reason."
)
BACKUP_TIME: Final = Family(
    "proxmox_backup_last_success_timestamp_seconds", "gauge", "When the guest's newest existing backup was made."
)
BACKUP_AGE: Final = Family(
    "proxmox_backup_last_success_age_seconds", "gauge", "Age of the guest's newest existing backup."
)
BACKUP_SIZE: Final = Family("proxmox_backup_last_size_bytes", "gauge", "Size of the guest's newest existing backup.")
FAMILIES: Final = (VM_STATUS, INFO, STATE, LOCK, EXPECTED_UP, EXPECTED_DOWN, BACKUP_TIME, BACKUP_AGE, BACKUP_SIZE)


class Guest(NamedTuple):
    """What is told of a living server."""

    cluster: int
    vmid: int
    name: str
    kind: str
    node: str | None
    node_status: str | None
    status: str
    tags: str
    pool: str
    lock: str
    expected_state: str
    intended_state: str

    @property
    def is_known(self) -> bool:
        """Whether its state is the present one: a node that is not online takes its guests along."""
        return self.status != ServerStatus.UNKNOWN and self.node_status in (None, NodeStatus.ONLINE)

    @property
    def expected_up(self) -> bool:
        """``Server.expected``, of a row that is no object."""
        return (self.expected_state or self.intended_state) == ServerStatus.RUNNING


class Newest(NamedTuple):
    """The newest existing backup of a living server."""

    cluster: int
    vmid: int
    name: str
    made: datetime
    size: int


def guests(clusters: Iterable[Cluster]) -> dict[int, list[Guest]]:
    """The living servers by cluster: one query, whatever their number. Templates are no servers."""
    columns = (
        "cluster_id", "vmid", "name", "kind", "node__name", "node__status", "status", "tags", "pool", "lock",
        "expected_state", "intended_state",
    )  # fmt: skip
    found: dict[int, list[Guest]] = defaultdict(list)
    for row in _living(clusters).order_by("cluster_id", "vmid").values_list(*columns):
        found[row[0]].append(Guest(*row))
    return found


def backups(clusters: Iterable[Cluster]) -> dict[int, list[Newest]]:
    """The newest existing backup of each living server, by cluster: one query."""
    latest = Backup.objects.filter(server=OuterRef("pk"), gone_at=None).order_by("-created_at", "-pk").values("pk")[:1]
    chosen = _living(clusters).annotate(newest=Subquery(latest)).values("newest")
    columns = ("server__cluster_id", "server__vmid", "server__name", "created_at", "size")
    found: dict[int, list[Newest]] = defaultdict(list)
    for row in Backup.objects.filter(pk__in=chosen).order_by(*columns[:2]).values_list(*columns):
        found[row[0]].append(Newest(*row))
    return found


def _living(clusters: Iterable[Cluster]) -> QuerySet[Server]:
    return Server.objects.filter(retired_at=None, template=False, cluster__in=[cluster.pk for cluster in clusters])


def guest_samples(cluster: str, rows: list[Guest]) -> Iterator[tuple[Family, Samples]]:
    """The families of one cluster that tell what its guests are and should be."""
    known = [row for row in rows if row.is_known]
    yield VM_STATUS, [(_place(cluster, row), int(row.status == ServerStatus.RUNNING)) for row in known]
    yield INFO, [(_facts(cluster, row), 1) for row in rows]
    yield STATE, [(labels(cluster=cluster, name=r.name, state=r.status, vmid=r.vmid), 1) for r in known]
    yield LOCK, [(labels(cluster=cluster, lock=r.lock, name=r.name, vmid=r.vmid), 1) for r in known if r.lock]
    yield EXPECTED_UP, [(labels(cluster=cluster, vmid=row.vmid), int(row.expected_up)) for row in rows]
    yield EXPECTED_DOWN, []


def backup_samples(cluster: str, rows: list[Newest], moment: datetime) -> Iterator[tuple[Family, Samples]]:
    """The families of one cluster about each guest's newest backup."""
    told = [(labels(cluster=cluster, name=row.name, vmid=row.vmid), row) for row in rows]
    yield BACKUP_TIME, [(label, row.made.timestamp()) for label, row in told]
    yield BACKUP_AGE, [(label, max(0, int((moment - row.made).total_seconds()))) for label, row in told]
    yield BACKUP_SIZE, [(label, row.size) for label, row in told]


def _place(cluster: str, row: Guest) -> str:
    return labels(cluster=cluster, name=row.name, node=row.node or "", type=row.kind, vmid=row.vmid)


def _facts(cluster: str, row: Guest) -> str:
    return labels(
        cluster=cluster, name=row.name, node=row.node or "", pool=row.pool, tags=row.tags, type=row.kind, vmid=row.vmid
    )
