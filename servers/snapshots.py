"""Which snapshots servers have: asked of Proxmox a few servers at a time, and of one server after something was done.

The list of resources does not tell it, and a call per server has no place in a sync. Each server is asked every hour;
one whose snapshots were changed through the portal is asked at once.
"""

import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Q, QuerySet

from portal.lib import clock
from servers.failover import Endpoints, ask
from servers.models import Action, Cluster, GuestSnapshot, NodeStatus, Server
from servers.proxmox.details import SnapshotFacts
from servers.proxmox.errors import EndpointError, ProxmoxError, TokenRefused
from servers.proxmox.gateway import Gateway

logger = logging.getLogger(__name__)
GUESTS_PER_TURN: Final = 8
SECONDS_PER_TURN: Final = 15.0
READ_SECONDS: Final = 10.0
AGAIN: Final = timedelta(hours=1)
SILENT: Final = timedelta(minutes=15)  # where the question failed
CHANGING: Final = frozenset({Action.SNAPSHOT, Action.ROLLBACK, Action.DELETE_SNAPSHOT, Action.RESTORE})


def due(cluster: Cluster, moment: datetime) -> "QuerySet[Server]":
    """The servers whose turn it is, the one that waits longest first."""
    waits = Q(snapshots_due_at=None) | Q(snapshots_due_at__lte=moment)
    rows = Server.objects.filter(
        waits, cluster=cluster, retired_at=None, template=False, node__status=NodeStatus.ONLINE
    ).select_related("node")
    columns = ("vmid", "kind", "node__name")
    return rows.only(*columns).order_by(F("snapshots_due_at").asc(nulls_first=True), "pk")[:GUESTS_PER_TURN]


def collect(cluster: Cluster, endpoints: Endpoints) -> int:
    """Ask those whose turn it is and keep what they have. Returns how many were asked. Raises TokenRefused."""
    return _ask_all(cluster, list(due(cluster, clock.now())), endpoints)


def refresh(server: Server) -> None:
    """Ask for one server now; where that fails its turn comes soon."""
    cluster = server.cluster
    if server.node is not None and not server.is_retired:
        _ask_all(cluster, [server], Endpoints(list(cluster.endpoints), dict(cluster.endpoint_state)))


def ask_soon(server: Server) -> None:
    """Its turn is next."""
    Server.objects.filter(pk=server.pk).update(snapshots_due_at=clock.now())


def _ask_all(cluster: Cluster, guests: list[Server], endpoints: Endpoints) -> int:
    told: dict[int, list[SnapshotFacts] | None] = {}
    if not guests:
        return 0
    try:
        ask(cluster, lambda gateway: _visit(gateway, guests, told), endpoints, read_seconds=READ_SECONDS)
    except EndpointError as error:
        logger.info("Snapshots of %s: %s", cluster.name, error.kind)
    finally:
        for guest in guests:
            if guest.pk in told:
                _keep(guest, told[guest.pk])
    return len(told)


def _visit(gateway: Gateway, guests: list[Server], told: dict[int, list[SnapshotFacts] | None]) -> None:
    until = time.monotonic() + SECONDS_PER_TURN
    for guest in guests:
        if guest.pk in told or guest.node is None:
            continue
        if time.monotonic() > until:
            return
        try:
            told[guest.pk] = gateway.snapshots(guest.node.name, guest.kind, guest.vmid)
        except (TokenRefused, EndpointError):
            raise
        except ProxmoxError as error:
            logger.info("Snapshots of guest %s: %s", guest.vmid, error.kind)
            told[guest.pk] = None


def _keep(guest: Server, facts: list[SnapshotFacts] | None) -> None:
    """Bring the rows of one server in line. None: nobody knows, so what is known stays."""
    moment = clock.now()
    with transaction.atomic():
        turn = {"snapshots_due_at": moment + (SILENT if facts is None else AGAIN)}
        if not Server.objects.filter(pk=guest.pk, retired_at=None).update(**turn) or facts is None:
            return
        wanted = {fact.name: _columns(fact) for fact in facts}
        known = {row.name: row for row in GuestSnapshot.objects.filter(server=guest.pk)}
        GuestSnapshot.objects.filter(server=guest.pk).exclude(name__in=wanted).delete()
        for name, columns in wanted.items():
            row = known.get(name)
            if row is None or any(getattr(row, key) != value for key, value in columns.items()):
                GuestSnapshot.objects.update_or_create(server_id=guest.pk, name=name, defaults=columns)


def _columns(fact: SnapshotFacts) -> dict[str, object]:
    taken = datetime.fromtimestamp(fact.taken, UTC) if fact.taken else None
    return {"description": fact.description, "taken_at": taken, "parent": fact.parent, "memory": fact.memory}
