"""Servers that the portal is making: kept out of the inventory until they are ready, and known from then on."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from portal.lib import clock
from servers import leftovers
from servers.models import Action, Cluster, Operation, OperationState, Server

# ``/cluster/resources`` shows the state before a change for 5 to 12 s, and a sync may have asked before the end.
LIST_IS_OLD: Final = timedelta(seconds=30)
# A server that the sync sees that late after its operation is still the one that was asked for.
SEEN_WITHIN: Final = timedelta(hours=1)
REGISTERED: Final = ("owner", "environment", "expected_state", "exporter_port", "notes", "backup_days")


def hidden(cluster: Cluster, moment: datetime) -> set[tuple[int, str]]:
    """VMID and kind of what is being made, is left of what failed, or was removed again a moment ago: no servers."""
    made = Operation.objects.filter(cluster=cluster, action=Action.CREATE).exclude(vmid=None)
    active = made.filter(state__in=Operation.ACTIVE).values_list("vmid", "kind", "kept")
    gone = made.filter(state=OperationState.FAILED, finished_at__gt=moment - LIST_IS_OLD)
    rows = {(vmid, kind) for vmid, kind, kept in active if vmid and not kept.get("shown")}
    rows |= {(row.vmid, row.kind) for row in leftovers.followed(moment) if row.vmid and row.cluster_id == cluster.pk}
    return rows | {
        (vmid, kind)
        for vmid, kind, kept in gone.values_list("vmid", "kind", "kept")
        if vmid and not kept.get("left") and kept.get("cleaned") == "removed"
    }


class Newcomers:
    """The operations whose servers a sync may see for the first time."""

    def __init__(self, cluster: Cluster, moment: datetime, vmids: Iterable[int]) -> None:
        self.found: dict[tuple[int, str], Operation] = {}
        wanted = list(vmids)
        if not wanted:
            return
        rows = Operation.objects.filter(
            cluster=cluster, action=Action.CREATE, server=None, vmid__in=wanted,
            requested_at__gt=moment - 24 * SEEN_WITHIN,
        ).order_by("pk")  # fmt: skip
        for row in rows:
            left = bool(row.kept.get("left"))
            late = row.finished_at is not None and row.finished_at < moment - SEEN_WITHIN and not left
            done = row.state in (OperationState.SUCCEEDED, OperationState.WARNINGS)
            if not late and row.vmid and (row.kept.get("shown") or done or left):
                self.found[row.vmid, row.kind] = row

    def prepare(self, server: Server) -> None:
        """Write into the row of a new server what was asked for with it."""
        if operation := self.found.get((server.vmid, server.kind)):
            for name, value in _registration(operation).items():
                setattr(server, name, value)

    def link(self, servers: Iterable[Server]) -> None:
        """Tell the operations which rows theirs are."""
        for server in servers:
            if operation := self.found.get((server.vmid, server.kind)):
                Operation.objects.filter(pk=operation.pk, server=None).update(server=server)


def linked(operation: Operation) -> bool:
    """Whether the server has a row. A row that was there before the operation could say so is taken now."""
    if Operation.objects.filter(pk=operation.pk).exclude(server=None).exists():
        return True
    row = Server.objects.filter(
        cluster_id=operation.cluster_id, vmid=operation.vmid or 0, kind=operation.kind, retired_at=None,
        first_seen__gte=operation.requested_at,
    ).first()  # fmt: skip
    if row is None:
        return False
    Server.objects.filter(pk=row.pk).update(**_registration(operation))
    return bool(Operation.objects.filter(pk=operation.pk, server=None).update(server=row))


def _registration(operation: Operation) -> dict[str, Any]:
    given = operation.parameters.get("register", {})
    columns = {name: given[name] for name in REGISTERED if given.get(name) not in (None, "")}
    return columns | {"intended_state": operation.intent}


def purge_secrets(moment: datetime | None = None) -> int:
    """Drop the secrets of creations that failed more than a day ago: nobody tries them again. How many they were."""
    old = (moment or clock.now()) - timedelta(days=1)
    rows = Operation.objects.exclude(secrets="").exclude(state__in=Operation.ACTIVE).filter(finished_at__lt=old)
    return rows.update(secrets="")
