"""Backup runs that failed and were not made good since, as the task list shows them."""

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext as _

from monitoring.conditions import Finding, Verdict
from monitoring.inventory_lookup import Lookup
from monitoring.models import Condition, Severity
from monitoring.proxmox_findings import backups_of
from servers.models import BackupRun, Outcome

# A failure that nobody has repeated is old news after a week; that the backup is too old is another condition.
REMEMBERED: Final = timedelta(days=7)
GOOD: Final = (Outcome.SUCCESS, Outcome.WARNINGS)


def verdicts(moment: datetime) -> dict[tuple[str, str], Verdict]:
    """The newest failed run of each server, or of each node where a run was of several servers, if no later one went
    well. History from before the cluster was added is shown elsewhere and is no trouble."""
    same = Q(vmid=OuterRef("vmid")) | Q(vmid=None, node_name=OuterRef("node_name"))
    later = BackupRun.objects.filter(
        same, cluster=OuterRef("cluster"), outcome__in=GOOD, started_at__gt=OuterRef("started_at")
    )
    failed = BackupRun.objects.filter(
        outcome=Outcome.FAILURE, started_at__gte=moment - REMEMBERED, cluster__enabled=True,
        ended_at__gte=F("cluster__created_at"),
    ).exclude(Exists(later))  # fmt: skip
    found: dict[tuple[str, str], Verdict] = {}
    lookup = Lookup()
    for run in failed.select_related("cluster", "server").order_by("started_at", "pk"):
        finding = _finding(run, lookup)
        if finding:
            found[finding.condition, finding.object_key] = finding
    return found


def _finding(run: BackupRun, lookup: Lookup) -> Finding | None:
    server = run.server
    if server is not None and server.is_retired:
        return None
    node = lookup.node(run.cluster, run.node_name)
    labels = {"condition": str(Condition.BACKUP_FAILED), "cluster": run.cluster.name, "node": run.node_name}
    where = {"node": run.node_name, "cluster": run.cluster.name}
    if server is None:
        key, title = backups_of(run.cluster, node, run.node_name), _("A backup on node %(node)s failed") % where
    else:
        key, title = f"server:{server.pk}", _("The backup of %(server)s failed") % {"server": server}
        labels |= {"vmid": str(run.vmid), "name": server.name}
    words = _("The backup on node %(node)s of cluster %(cluster)s failed. Proxmox says: %(message)s")
    return Finding(
        Condition.BACKUP_FAILED, key, Severity.WARNING, title[:200], words % {**where, "message": run.message},
        run.ended_at or run.started_at, run.cluster, node, server, labels,
    )  # fmt: skip
