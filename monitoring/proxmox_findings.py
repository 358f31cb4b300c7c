"""From Proxmox's notifications to troubles of the things in our inventory, and to their ends."""

from dataclasses import dataclass, field
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from monitoring.conditions import Finding
from monitoring.inventory_lookup import Lookup
from monitoring.models import Condition, Severity
from monitoring.proxmox_events import (
    FENCING,
    MAIL,
    REPLICATION,
    UPDATES,
    VZDUMP,
    Event,
    GuestBackup,
    fenced_node,
    fencing_ended,
    guests,
)
from servers.models import Cluster, Node, NodeStatus, Server

NOTICE_SEVERITIES: Final = {"error": Severity.CRITICAL, "warning": Severity.WARNING, "unknown": Severity.WARNING}
NAMED: Final = 20


@dataclass(frozen=True, slots=True)
class Told:
    """What an event comes to: troubles, the keys of backups that went well, and whether it is only a notice."""

    findings: list[Finding] = field(default_factory=list)
    well: list[str] = field(default_factory=list)
    notice: bool = False


def judge(event: Event, cluster: Cluster, lookup: Lookup) -> Told:
    """What that event says about that cluster. A test of the target says nothing."""
    node = lookup.node(cluster, fenced_node(event) if event.kind == FENCING else event.hostname)
    if not event.kind:
        return Told()
    if event.kind == VZDUMP:
        return _backups(event, cluster, node, lookup)
    if event.kind == FENCING:
        # The last word on a node that has come back meanwhile is no new trouble.
        back = fencing_ended(event) and node is not None and node.status == NodeStatus.ONLINE
        return Told() if back else Told([_fencing(event, cluster, node)])
    if event.kind == REPLICATION:
        return Told([_replication(event, cluster, node, lookup)])
    return Told([_notice(event, cluster, node)], notice=True)


def place(cluster: Cluster, node: Node | None, name: str) -> str:
    """The key of a node, or of a node of that name that the inventory does not have."""
    return f"node:{node.pk}" if node else f"cluster:{cluster.pk}/{name}"[:120]


def backups_of(cluster: Cluster, node: Node | None, name: str) -> str:
    """The key of the backups of a node as a whole."""
    return f"{place(cluster, node, name)}/backup"[:120]


def _labels(event: Event, cluster: Cluster, condition: str, **more: str) -> dict[str, str]:
    known = {"condition": condition, "cluster": cluster.name, "node": event.hostname, "job": event.job, **more}
    return {name: value for name, value in known.items() if value}


def _backups(event: Event, cluster: Cluster, node: Node | None, lookup: Lookup) -> Told:
    parts = guests(event)
    servers = {part.vmid: lookup.server(cluster, part.vmid) for part in parts}
    well = [f"server:{server.pk}" for part in parts if not part.failed and (server := servers[part.vmid])]
    if not event.bad:
        return Told(well=[*well, backups_of(cluster, node, event.hostname)])
    failed = [part for part in parts if part.failed]
    alone = servers[failed[0].vmid] if len(failed) == 1 else None
    if alone:
        return Told([_backup_of_one(event, cluster, node, alone, failed[0])], well)
    return Told([_backups_of_several(event, cluster, node, failed)], well)


def _backup_of_one(event: Event, cluster: Cluster, node: Node | None, server: Server, part: GuestBackup) -> Finding:
    labels = _labels(event, cluster, Condition.BACKUP_FAILED, vmid=part.vmid, name=server.name)
    return Finding(
        Condition.BACKUP_FAILED, f"server:{server.pk}", Severity.WARNING,
        _("The backup of %(server)s failed") % {"server": server}, _said(part.reason, event), event.at,
        cluster, node, server, labels,
    )  # fmt: skip


def _backups_of_several(event: Event, cluster: Cluster, node: Node | None, failed: list[GuestBackup]) -> Finding:
    names = [f"{part.name} ({part.vmid})" if part.name else part.vmid for part in failed]
    listed = ", ".join(names[:NAMED]) + (" …" if len(names) > NAMED else "")
    where = {"node": event.hostname or "?", "cluster": cluster.name}
    if failed:
        title = ngettext("%(count)d backup on node %(node)s failed", "%(count)d backups on node %(node)s failed",
                         len(failed)) % {**where, "count": len(failed)}  # fmt: skip
    else:
        title = _("The backup on node %(node)s of cluster %(cluster)s failed") % where
    return Finding(
        Condition.BACKUP_FAILED, backups_of(cluster, node, event.hostname), Severity.WARNING, title[:200],
        _said(listed, event), event.at, cluster, node, labels=_labels(event, cluster, Condition.BACKUP_FAILED),
    )  # fmt: skip


def _said(what: str, event: Event) -> str:
    """What failed and why, and Proxmox's own title, which holds the reason where no guest does."""
    return "\n".join(part for part in (what, _("Proxmox says: %(title)s") % {"title": event.title}) if part)


def _fencing(event: Event, cluster: Cluster, node: Node | None) -> Finding:
    name = fenced_node(event)
    words = _("Proxmox fences node %(node)s of cluster %(cluster)s: its servers under high availability are started "
              "elsewhere.") % {"node": name, "cluster": cluster.name}  # fmt: skip
    return Finding(
        Condition.NODE_OFFLINE, place(cluster, node, name), Severity.CRITICAL,
        _("Node %(node)s is offline") % {"node": name}, f"{words} {event.title}", event.at, cluster, node,
        labels=_labels(event, cluster, Condition.NODE_OFFLINE, node=name),
    )  # fmt: skip


def _replication(event: Event, cluster: Cluster, node: Node | None, lookup: Lookup) -> Finding:
    """The job's id begins with the guest's number: ``101-0``."""
    server = lookup.server(cluster, event.job.partition("-")[0])
    key = f"server:{server.pk}" if server else f"{place(cluster, node, event.hostname)}/{event.job}"[:120]
    title = _("The replication %(job)s failed") % {"job": event.job or "?"}
    if server:
        title = _("The replication of %(server)s failed") % {"server": server}
    return Finding(
        Condition.REPLICATION_FAILED, key, Severity.WARNING, title[:200], event.text or event.title, event.at, cluster,
        node, server, _labels(event, cluster, Condition.REPLICATION_FAILED, vmid=str(server.vmid) if server else ""),
    )  # fmt: skip


def _notice(event: Event, cluster: Cluster, node: Node | None) -> Finding:
    """Something that is told once and has no end: updates, a mail to root, a kind that is newer than this portal."""
    known = {UPDATES: Condition.PACKAGE_UPDATES, MAIL: Condition.SYSTEM_MAIL}
    condition = str(known.get(event.kind, f"proxmox_{event.kind}"))[:60]
    return Finding(
        condition, f"{place(cluster, node, event.hostname)}/{event.title}"[:120],
        NOTICE_SEVERITIES.get(event.severity, Severity.INFO), event.title[:200], event.text, event.at, cluster, node,
        labels=_labels(event, cluster, condition),
    )  # fmt: skip
