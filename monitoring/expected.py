"""Expected down: why a server may be down without being missed, for how long at most, and what took it down.

One judgement for the portal's own conditions and for ``portal_guest_expected_down{reason}``, which the shipped rules
honour. A reason ends: with its operation, its window, its lock, or when it has lasted longer than such work does. A
server that is still down then is in trouble, and the text of that trouble names what it did not come back from.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from django.db.models import Q
from django.utils.translation import gettext as _

from monitoring import conditions
from monitoring.things import labels_of
from notifications import planned
from portal.lib import clock
from servers.models import BackupRun, Cluster, Node, Operation, Server, ServerStatus

# Locks under which a server may be down by plan, and how long such work takes at most. Proxmox has no end for it: a
# backup whose storage hangs keeps its lock for good.
LOCKS: Final[Mapping[str, timedelta]] = {
    "backup": timedelta(hours=4), "clone": timedelta(hours=4), "create": timedelta(hours=4),
    "migrate": timedelta(hours=1), "snapshot": timedelta(hours=1), "snapshot-delete": timedelta(hours=1),
    "rollback": timedelta(hours=1), "disk": timedelta(hours=1), "suspending": timedelta(minutes=15),
}  # fmt: skip
# HA stops a guest and starts it elsewhere; the request takes 4 to 20 s, the guest's shutdown some minutes.
HA_MOVES: Final = frozenset({"migrate", "relocate"})
HA_TAKES: Final = timedelta(minutes=15)
# Work that ended so long before the fall, or less, is told with it.
CAUSE_WITHIN: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class State:
    """What is asked about: a server as it is, or as a change says that it was."""

    pk: int
    node: int | None
    status: str
    since: datetime
    lock: str
    ha_state: str
    labels: Callable[[], Mapping[str, str]]

    @classmethod
    def of(cls, server: Server, status: str = "", since: datetime | None = None) -> "State":
        """That server's."""
        return cls(
            server.pk, server.node_id, status or server.status, since or server.status_since, server.lock,
            server.ha_state, lambda: labels_of(server),
        )  # fmt: skip


class Excuses:
    """Why servers may be down at that moment. Three queries, whatever their number; of all clusters, or of these."""

    def __init__(self, moment: datetime, clusters: Iterable[Cluster] | None = None) -> None:
        self._moment = moment
        self._keys = None if clusters is None else [cluster.pk for cluster in clusters]

    @cached_property
    def _busy(self) -> dict[int | None, Operation]:
        """A server has one operation at a time; of one under way and one just over, the later one counts."""
        rows = Operation.objects.filter(conditions.at_work(self._moment), self._here()).order_by("pk")
        return {row.server_id: row for row in rows.defer("log")}

    @cached_property
    def _returned(self) -> set[int]:
        nodes = Node.objects.filter(self._here(), retired_at=None)
        return {node.pk for node in nodes if conditions.is_just_back(node, self._moment)}

    @cached_property
    def _planned(self) -> Callable[[Mapping[str, str]], tuple[str, datetime] | None] | None:
        return planned(self._moment)

    def _here(self) -> Q:
        return Q() if self._keys is None else Q(cluster__in=self._keys)

    @property
    def busy(self) -> list[int]:
        """The keys of the servers of which something was asked a moment ago, or is being done."""
        return [pk for pk in self._busy if pk]

    def of(self, state: State) -> str:
        """The reason, '' where there is none. A guest that runs needs none, unless it is being taken down."""
        operation = self._busy.get(state.pk)
        if state.status == ServerStatus.RUNNING:
            return operation.action if operation and operation.plan.takes_down(operation) else ""
        return operation.action if operation else (self._of_proxmox(state) or self._of_people(state))

    def _of_proxmox(self, state: State) -> str:
        down_for = self._moment - state.since
        if state.lock in LOCKS and down_for < LOCKS[state.lock]:
            return f"lock_{state.lock}".replace("-", "_")
        if state.ha_state in HA_MOVES and down_for < HA_TAKES:
            return f"ha_{state.ha_state}"
        if state.node in self._returned:
            return "node_returned"
        return f"state_{state.status}".replace("-", "_") if state.status in conditions.PASSING else ""

    def _of_people(self, state: State) -> str:
        return "maintenance" if self._planned and self._planned(state.labels()) else ""


def cause(server: Server, since: datetime) -> str:
    """What a server that is down did not come back from, as a sentence; '' where nothing planned took it down."""
    moment = clock.now()
    if server.lock in LOCKS and moment - since >= LOCKS[server.lock]:
        words = _("It has been locked (%(lock)s) for %(span)s, longer than such work takes.")
        return words % {"lock": server.lock, "span": clock.span(moment - since)} + _of_backup(server, since)
    lately = Q(finished_at__gte=since - CAUSE_WITHIN) | Q(finished_at=None)
    near = lately & Q(requested_at__lte=since)
    operation = Operation.objects.filter(near, server=server).order_by("-pk").first()
    if operation is not None:
        words = _("It did not come back from “%(what)s”, asked for by %(who)s (operation %(number)d).")
        facts = {"what": operation.get_action_display(), "who": operation.requester or "?", "number": operation.pk}
        return words % facts
    return _of_backup(server, since).strip()


def _of_backup(server: Server, since: datetime) -> str:
    over = Q(ended_at=None) | Q(ended_at__gte=since - CAUSE_WITHIN)
    near = BackupRun.objects.filter(over, server=server, started_at__lte=since + CAUSE_WITHIN)
    run = near.order_by("-started_at").first()
    if run is None:
        return ""
    words = _("It went down in a backup by %(user)s that began %(ago)s.")
    return " " + words % {"user": run.user or "?", "ago": clock.ago(run.started_at)}
