"""The ends of what Proxmox's notifications began. It tells when a node is fenced or a job fails, and not when all is
well again: that the rows of the sync know."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from monitoring.incidents import resolve_alert
from monitoring.models import Alert, AlertStatus, Condition, Source
from servers.models import BackupRun, Finding, Node, NodeStatus, Outcome

# Of what nothing more is heard.
FORGOTTEN: Final = {Condition.BACKUP_FAILED: timedelta(days=7), Condition.REPLICATION_FAILED: timedelta(days=2)}
# A row says what was so at the last sync; one from shortly after the event may still show the time before it.
SURE_AFTER: Final = timedelta(seconds=60)


def resolve(moment: datetime) -> int:
    """End the alerts of Proxmox's notifications whose things are well again. Returns how many incidents that closed."""
    alerts = Alert.objects.filter(source=Source.PROXMOX, status=AlertStatus.FIRING, condition__in=ENDS)
    moved = 0
    for alert in alerts.select_related("incident__node", "incident__cluster", "incident__server"):
        forgotten = FORGOTTEN.get(Condition(alert.condition))
        if forgotten and moment - alert.starts_at > forgotten:
            moved += resolve_alert(alert, moment)
        elif ended := ENDS[alert.condition](alert):
            moved += resolve_alert(alert, ended)
    return moved


def _node_is_back(alert: Alert) -> datetime | None:
    node = Node.objects.select_related("cluster").filter(pk=_key(alert, "node") or 0).first()
    if node is None or node.is_retired:
        return alert.starts_at
    synced = node.cluster.last_success_at
    sure = synced is not None and not node.cluster.last_error and synced - alert.starts_at > SURE_AFTER
    return max(node.status_since, alert.starts_at) if sure and node.status == NodeStatus.ONLINE else None


def _backed_up(alert: Alert) -> datetime | None:
    """The end of a good run of that server, or of that node, that began after the failure."""
    good = BackupRun.objects.filter(
        cluster=alert.incident.cluster, outcome__in=(Outcome.SUCCESS, Outcome.WARNINGS), started_at__gt=alert.starts_at
    )
    server = _key(alert, "server")
    mine = good.filter(server=server) if server else good.filter(vmid=None, node_name=alert.labels.get("node", ""))
    run = mine.order_by("started_at").first()
    return run.ended_at if run else None


def _replicated(alert: Alert) -> datetime | None:
    """The last good run of the job, if it is later than the failure."""
    cluster, job = alert.incident.cluster, alert.labels.get("job", "")
    rows = Finding.objects.filter(cluster=cluster, key__startswith="replication@").values_list("value", flat=True)
    for row in (row for rows_of_node in rows for row in _rows(rows_of_node)):
        last, failed = row.get("last_sync"), row.get("fail_count")
        if row.get("id") == job and not failed and isinstance(last, int) and last > alert.starts_at.timestamp():
            return datetime.fromtimestamp(last, UTC)
    return None


def _rows(value: Any) -> list[dict[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _key(alert: Alert, kind: str) -> int | None:
    """The number in a key such as ``node:12``."""
    name, _colon, number = alert.object_key.partition("/")[0].partition(":")
    return int(number) if name == kind and number.isdecimal() else None


ENDS: Final[dict[str, Callable[[Alert], datetime | None]]] = {
    Condition.NODE_OFFLINE: _node_is_back,
    Condition.BACKUP_FAILED: _backed_up,
    Condition.REPLICATION_FAILED: _replicated,
}
