"""A server that was deleted through the portal is history at once; Proxmox's list may show it for some seconds more."""

from datetime import datetime, timedelta
from typing import Final

from portal.lib import clock
from servers.models import Action, ChangeKind, Cluster, Counter, Operation, OperationState, Server, StateChange

# ``/cluster/resources`` shows the state before a change for 5 to 12 s, and a sync may have asked before the end.
LIST_IS_OLD: Final = timedelta(seconds=30)
DONE: Final = (OperationState.SUCCEEDED, OperationState.WARNINGS)


def retire(server: Server) -> bool:
    """Make it history, tell it, and count it; call it in the transaction that says so. Whether it lived until now."""
    moment = clock.now()
    # The same lock that a sync takes before it compares: neither overwrites the other.
    cluster = Cluster.objects.select_for_update().get(pk=server.cluster_id)
    living = Server.objects.select_for_update().filter(pk=server.pk, retired_at=None).first()
    if living is None:
        return False
    Server.objects.filter(pk=server.pk).update(retired_at=moment)
    StateChange.objects.create(
        cluster=cluster, server=server, kind=ChangeKind.RETIRED, field="status", old=living.status, at=moment
    )
    if cluster.first_complete_at and not living.template:
        Counter.add(Counter.DELETED, cluster.name, 1)
    return True


def just_deleted(cluster: Cluster, moment: datetime) -> dict[int, tuple[str, str]]:
    """Kind and name, by VMID, of what was deleted through the portal so lately that an old list may show it still."""
    done = Operation.objects.filter(
        cluster=cluster, action=Action.DELETE, state__in=DONE, finished_at__gt=moment - LIST_IS_OLD,
        server__retired_at__isnull=False,
    )  # fmt: skip
    return {vmid: (kind, name) for vmid, kind, name in done.values_list("vmid", "kind", "server__name") if vmid}
