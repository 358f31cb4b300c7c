"""The same asked of many servers at once: of which of them it can be asked, and why not of the others.

Everything that rows can tell is judged here, before anything is queued. What was asked together bears the same word
(``Operation.batch``), by which one page shows all of it advancing.
"""

import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.db.models import Q
from django.utils.translation import gettext as _

from portal.lib import clock
from portal.lib.access import may
from servers.failover import Endpoints, ask
from servers.models import (
    POWER,
    Action,
    Cluster,
    GuestSnapshot,
    Kind,
    Operation,
    OperationState,
    Server,
    ServerStatus,
    Storage,
)
from servers.operations import Refusal, possible_actions, request_operation
from servers.plans import plan_of
from servers.proxmox.errors import EndpointError, Invalid, ProxmoxError
from servers.proxmox.gateway import Gateway

MOST: Final = 500
SECONDS: Final = 6.0  # for the questions to all clusters together, while a person waits
READ_SECONDS: Final = 3.0


@dataclass
class Judged:
    """Of which servers it can be asked, and of which it cannot, with the reason."""

    able: list[Server] = field(default_factory=list)
    unable: list[tuple[Server, str]] = field(default_factory=list)


def judge(user: Any, action: Action, servers: Sequence[Server], parameters: Mapping[str, Any]) -> Judged:
    """Rows only. ``parameters`` are those of the form."""
    keys = [server.pk for server in servers]
    active = Operation.objects.filter(server__in=keys, state__in=Operation.ACTIVE)
    busy = {row.server_id: row for row in active.only("server_id", "action", "requester")}
    named = GuestSnapshot.objects.filter(server__in=keys, name=str(parameters.get("name", "")))
    taken = set(named.values_list("server", flat=True)) if action == Action.SNAPSHOT else set()
    places = _places(str(parameters.get("storage", ""))) if action == Action.BACK_UP else set()
    found = Judged()
    for server in servers:
        why = _refused(user, action, server) or _busy(busy.get(server.pk))
        if not why and server.pk in taken:
            why = _("it has a snapshot of that name")
        if not why and action == Action.BACK_UP and not places & {(server.cluster_id, None), _place(server)}:
            why = _("its node does not have that storage")
        if why:
            found.unable.append((server, why))
        else:
            found.able.append(server)
    return found


def _refused(user: Any, action: Action, server: Server) -> str:
    reasons = (
        (server.is_retired, _("it is gone from Proxmox")),
        (server.template, _("it is a template")),
        (not may(user, plan_of(action).right, server), _("you may not do that to it")),
        (server.status == ServerStatus.UNKNOWN or server.node is None, _("its node does not answer")),
    )
    why = next((words for applies, words in reasons if applies), "")
    if why or (action in POWER and action in possible_actions(server)):
        return str(why)
    if action in POWER:
        return _("it is %(state)s") % {"state": dict(ServerStatus.choices).get(server.status, server.status)}
    return _("it is locked: %(lock)s") % {"lock": server.lock} if server.lock else ""


def _busy(operation: Operation | None) -> str:
    if operation is None:
        return ""
    words = _("“%(action)s”, asked by %(who)s, is not over yet")
    return words % {"action": operation.get_action_display(), "who": operation.requester}


def _place(server: Server) -> tuple[int, int | None]:
    return (server.cluster_id, server.node_id)


def _places(storage: str) -> set[tuple[int, int | None]]:
    rows = Storage.objects.filter(name=storage, retired_at=None, status="available", content__contains="backup")
    return set(rows.values_list("cluster", "node"))


def backup_storages(servers: Iterable[Server]) -> dict[str, int]:
    """The storages for backups, and how many of these servers each can take; the one for most comes first, and a shared
    one before those that go with their node."""
    places = [_place(server) for server in servers]
    clusters = {cluster for cluster, _node in places}
    rows = Storage.objects.filter(cluster__in=clusters, retired_at=None, status="available", content__contains="backup")
    homes: dict[str, set[tuple[int, int | None]]] = defaultdict(set)
    for name, cluster, node in rows.values_list("name", "cluster", "node"):
        homes[name].add((cluster, node))
    counted = {
        name: sum((cluster, None) in where or (cluster, node) in where for cluster, node in places)
        for name, where in homes.items()
    }
    own = {name for name, where in homes.items() if any(node for _cluster, node in where)}
    return dict(sorted(((n, c) for n, c in counted.items() if c), key=lambda row: (-row[1], row[0] in own, row[0])))


def without_snapshots(servers: Sequence[Server]) -> tuple[set[int], int]:
    """The keys of those that lie on storages without snapshots, and how many could not be asked in time. Asks Proxmox:
    call it outside of transactions."""
    unable: set[int] = set()
    asked: set[int] = set()
    until = time.monotonic() + SECONDS
    groups: dict[Cluster, list[Server]] = defaultdict(list)
    for server in servers:
        groups[server.cluster].append(server)
    for cluster, group in groups.items():
        endpoints = Endpoints(list(cluster.endpoints)[:2], dict(cluster.endpoint_state))
        try:
            ask(
                cluster, lambda gateway, group=group: _visit(gateway, group, until, asked, unable),  # type: ignore[misc]
                endpoints, read_seconds=READ_SECONDS,
            )  # fmt: skip
        except ProxmoxError:
            continue  # whoever was not asked is counted below
    return unable, len(servers) - len(asked)


def _visit(gateway: Gateway, group: list[Server], until: float, asked: set[int], unable: set[int]) -> None:
    for server in group:
        if server.node is None or server.pk in asked or time.monotonic() > until:
            continue
        try:
            able = gateway.can_snapshot(server.node.name, server.kind, server.vmid)
        except EndpointError:
            raise
        except ProxmoxError:
            continue
        asked.add(server.pk)
        if not able:
            unable.add(server.pk)


def ask_all(
    user: Any, action: Action, servers: Iterable[Server], parameters: Mapping[str, Any]
) -> tuple[str, int, list[str]]:
    """Queue it for each. Returns the word that they have in common, how many were queued, and why others were not."""
    batch, queued, refused = uuid.uuid4().hex, 0, []
    for server in servers:
        try:
            request_operation(server, action, user, _own(action, server, parameters), batch=batch)
            queued += 1
        except Refusal as refusal:
            refused.append(str(refusal))
        except Invalid as error:
            refused.append(f"{server}: {' '.join(error.fields.values())}")
    return batch, queued, refused


def _own(action: Action, server: Server, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked of this one: only a running VM has memory to keep."""
    given = dict(parameters)
    if action == Action.SNAPSHOT and (server.kind != Kind.QEMU or server.status != ServerStatus.RUNNING):
        given.pop("memory", None)
    return given


def call_off(batch: str, user: Any) -> int:
    """Call off what has not been sent yet, of those that this person may ask for. Returns how many they were."""
    words = _("Called off by %(who)s before anything was sent.") % {"who": user.get_username()}
    unsent = Q(state=OperationState.QUEUED, stage=0, upid="", sending_at=None)
    rows = Operation.objects.filter(unsent, batch=batch).select_related("server")
    mine = [row.pk for row in rows if row.server and may(user, row.plan.right, row.server)]
    columns = {"message": words, "waiting_for": "", "finished_at": clock.now()}
    # the condition again: a worker may have begun with one meanwhile
    return Operation.objects.filter(unsent, pk__in=mine).update(state=OperationState.CANCELLED, **columns)
