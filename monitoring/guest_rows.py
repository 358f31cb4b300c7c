"""The per-guest families that come from rows: they are there with or without a cache."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Final

from django.db.models import Min, OuterRef, Q, QuerySet, Subquery

from monitoring.expected import Excuses, State
from monitoring.exposition import Family, escape
from monitoring.things import COLUMNS, labels_from
from servers.models import Backup, Cluster, NodeStatus, Server, ServerStatus

VM_STATUS: Final = Family("proxmox_vm_status", "gauge", "1 where the guest is running, 0 where it is not.")
INFO: Final = Family("proxmox_guest_info", "gauge", "Always 1: the guest's facts, to be joined on cluster and vmid.")
STATE: Final = Family("proxmox_guest_state", "gauge", "Always 1: the guest's state in Proxmox's word.")
LOCK: Final = Family("proxmox_guest_lock", "gauge", "Always 1, while the guest is locked: what locks it.")
EXPECTED_UP: Final = Family("portal_guest_expected_up", "gauge", "1 where the guest should be running, else 0.")
EXPECTED_DOWN: Final = Family(
    "portal_guest_expected_down", "gauge", "Always 1, while the guest may be down without being missed: the reason."
)
BACKUP_TIME: Final = Family(
    "proxmox_backup_last_success_timestamp_seconds", "gauge", "When the guest's newest existing backup was made."
)
BACKUP_AGE: Final = Family(
    "proxmox_backup_last_success_age_seconds", "gauge", "Age of the guest's newest existing backup."
)
SNAPSHOT_AGE: Final = Family(
    "proxmox_guest_oldest_snapshot_age_seconds", "gauge", "Age of the guest's oldest snapshot; absent without one."
)
BACKUP_SIZE: Final = Family("proxmox_backup_last_size_bytes", "gauge", "Size of the guest's newest existing backup.")
GUEST_FAMILIES: Final = (VM_STATUS, INFO, STATE, LOCK, EXPECTED_UP, EXPECTED_DOWN)
BACKUP_FAMILIES: Final = (BACKUP_TIME, BACKUP_AGE, BACKUP_SIZE, SNAPSHOT_AGE)
FAMILIES: Final = (*GUEST_FAMILIES, *BACKUP_FAMILIES)


Lines = dict[Family, list[str]]


def guest_lines(clusters: Iterable[Cluster], moment: datetime) -> dict[int, Lines]:
    """What the guests of each cluster are and should be: some queries, one pass. Templates are no servers."""
    columns = (
        "pk", "cluster_id", "vmid", "name", "kind", "node__name", "node__status", "status", "tags", "pool", "lock",
        "expected_state", "intended_state",
    )  # fmt: skip
    names, found = _names(clusters), _empty(clusters, GUEST_FAMILIES)
    excuses = _excuses(list(clusters), moment)
    rows = _living(clusters).order_by("cluster_id", "vmid").values_list(*columns)
    for pk, cluster, vmid, name, kind, node, node_status, status, tags, pool, lock, wanted, intended in rows.iterator():
        lines, who = found[cluster], f'{names[cluster]},name="{escape(name)}"'
        where = f'node="{escape(node or "")}"'
        facts = f'pool="{escape(pool)}",tags="{escape(tags)}",type="{kind}",vmid="{vmid}"'
        lines[INFO].append(f"proxmox_guest_info{{{who},{where},{facts}}} 1\n")
        up = int((wanted or intended) == ServerStatus.RUNNING)  # as Server.expected has it
        lines[EXPECTED_UP].append(f'portal_guest_expected_up{{{names[cluster]},vmid="{vmid}"}} {up}\n')
        if reason := excuses.get(pk):
            who_and_why = f'{names[cluster]},reason="{escape(reason)}",vmid="{vmid}"'
            lines[EXPECTED_DOWN].append(f"portal_guest_expected_down{{{who_and_why}}} 1\n")
        if status == ServerStatus.UNKNOWN or node_status not in (None, NodeStatus.ONLINE):
            continue
        running = int(status == ServerStatus.RUNNING)
        lines[VM_STATUS].append(f'proxmox_vm_status{{{who},{where},type="{kind}",vmid="{vmid}"}} {running}\n')
        lines[STATE].append(f'proxmox_guest_state{{{who},state="{escape(status)}",vmid="{vmid}"}} 1\n')
        if lock:
            locked = f'{names[cluster]},lock="{escape(lock)}",name="{escape(name)}",vmid="{vmid}"'
            lines[LOCK].append(f"proxmox_guest_lock{{{locked}}} 1\n")
    return found


def _excuses(clusters: list[Cluster], moment: datetime) -> dict[int, str]:
    """Why guests may be down now, by key. Asked of those that do not run, and of those of which something was asked.
    Columns are read and no objects made: of ten thousand guests some thousands may be down."""
    excuses = Excuses(moment, clusters)
    not_running = ~Q(status=ServerStatus.RUNNING) | Q(pk__in=excuses.busy)
    asked = ("pk", "node_id", "status", "status_since", "lock", "ha_state")
    found = {}
    rows = _living(clusters).filter(not_running).values_list(*asked, *COLUMNS)
    for pk, node, status, since, lock, ha_state, *columns in rows.iterator():
        if reason := excuses.of(State(pk, node, status, since, lock, ha_state, partial(labels_from, *columns))):
            found[pk] = reason
    return found


def backup_lines(clusters: Iterable[Cluster], moment: datetime) -> dict[int, Lines]:
    """The newest existing backup and the oldest snapshot of each living server: one query each."""
    latest = Backup.objects.filter(server=OuterRef("pk"), gone_at=None).order_by("-created_at", "-pk").values("pk")[:1]
    chosen = _living(clusters).annotate(newest=Subquery(latest)).values("newest")
    columns = ("server__cluster_id", "server__vmid", "server__name", "created_at", "size")
    names, found, present = _names(clusters), _empty(clusters, BACKUP_FAMILIES), moment.timestamp()
    rows = Backup.objects.filter(pk__in=chosen).order_by(*columns[:2]).values_list(*columns)
    for cluster, vmid, name, made, size in rows.iterator():
        lines, who = found[cluster], f'{{{names[cluster]},name="{escape(name)}",vmid="{vmid}"}}'
        when = made.timestamp()
        lines[BACKUP_TIME].append(f"proxmox_backup_last_success_timestamp_seconds{who} {when}\n")
        lines[BACKUP_AGE].append(f"proxmox_backup_last_success_age_seconds{who} {max(0, int(present - when))}\n")
        lines[BACKUP_SIZE].append(f"proxmox_backup_last_size_bytes{who} {size}\n")
    _add_snapshots(clusters, names, found, present)
    return found


def _add_snapshots(clusters: Iterable[Cluster], names: dict[int, str], found: dict[int, Lines], present: float) -> None:
    columns = ("cluster_id", "vmid", "name", "oldest")
    with_some = _living(clusters).annotate(oldest=Min("snapshots__taken_at")).exclude(oldest=None)
    for cluster, vmid, name, taken in with_some.order_by(*columns[:2]).values_list(*columns).iterator():
        who = f'{{{names[cluster]},name="{escape(name)}",vmid="{vmid}"}}'
        age = max(0, int(present - taken.timestamp()))
        found[cluster][SNAPSHOT_AGE].append(f"proxmox_guest_oldest_snapshot_age_seconds{who} {age}\n")


def _living(clusters: Iterable[Cluster]) -> QuerySet[Server]:
    return Server.objects.filter(retired_at=None, template=False, cluster__in=[cluster.pk for cluster in clusters])


def _names(clusters: Iterable[Cluster]) -> dict[int, str]:
    return {cluster.pk: f'cluster="{escape(cluster.name)}"' for cluster in clusters}


def _empty(clusters: Iterable[Cluster], families: tuple[Family, ...]) -> dict[int, Lines]:
    return {cluster.pk: {family: [] for family in families} for cluster in clusters}
