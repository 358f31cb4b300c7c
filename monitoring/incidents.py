"""From what is wrong to incidents, and from incidents to messages. The only caller of ``publish``.

Two sources meet here: the rows as they are now, and the changes that nobody has looked at yet. The changes matter when
something fell and stood up again while no worker was there: it is told all the same, once each way.
"""

import hashlib
import logging
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import gettext as _

from monitoring import conditions
from monitoring.conditions import UNDECIDED, Finding, Verdict
from monitoring.models import Alert, AlertStatus, Condition, Incident
from notifications import Message, Severity, Status, publish
from portal.lib import clock
from servers.models import ChangeKind, Cluster, Node, Operation, Server, StateChange

logger = logging.getLogger(__name__)
PORTAL: Final = "portal"
BATCH: Final = 500
OURS: Final = tuple(Condition.values)


def evaluate() -> int:
    """Look at what changed and at what is, and open and close incidents. Returns how many of both.

    May run in two processes at once: opening is guarded by a constraint, closing by a conditional update.
    """
    moment = clock.now()
    reliable = _reliable()
    busy = busy_servers(moment)
    moved = _replay(busy, reliable)
    verdicts = {**_clusters(), **_nodes(reliable), **_servers(busy, reliable)}
    for verdict in verdicts.values():
        if isinstance(verdict, Finding):
            moved += open_incident(verdict)
    for incident in Incident.objects.filter(closed_at=None, condition__in=OURS).select_related("server", "cluster"):
        verdict = verdicts.get((incident.condition, incident.object_key), _judge_missing(incident))
        if verdict is None:
            moved += close_incident(incident, moment)
    return moved


def has_news() -> bool:
    """Whether there are changes that nobody has looked at."""
    return StateChange.objects.filter(processed_at=None).exists()


def busy_servers(moment: datetime) -> set[int]:
    """Servers with an operation under way, or over so lately that Proxmox's list may not show it yet."""
    lately = moment - conditions.AFTER_OPERATION
    active = Q(state__in=Operation.ACTIVE) | Q(finished_at__gte=lately, state__in=["succeeded", "warnings"])
    return set(Operation.objects.filter(active).values_list("server_id", flat=True))


# --- gathering


def _reliable() -> set[int]:
    """Clusters whose rows are the present: enabled, and the last sync was good."""
    return set(Cluster.objects.filter(enabled=True, last_error="").values_list("pk", flat=True))


def _clusters() -> dict[tuple[str, str], Verdict]:
    return {
        (Condition.CLUSTER_UNREACHABLE, f"cluster:{cluster.pk}"): conditions.of_cluster(cluster)
        for cluster in Cluster.objects.filter(enabled=True).exclude(last_error="")
    }


def _nodes(reliable: set[int]) -> dict[tuple[str, str], Verdict]:
    down = (
        Node.objects.filter(retired_at=None, cluster__enabled=True).exclude(status="online").select_related("cluster")
    )
    counted = down.annotate(guests=Count("server", filter=Q(server__retired_at=None, server__template=False)))
    return {
        (Condition.NODE_OFFLINE, f"node:{node.pk}"): conditions.of_node(
            node, node.guests, reliable=node.cluster_id in reliable
        )
        for node in counted
    }


def _servers(busy: set[int], reliable: set[int]) -> dict[tuple[str, str], Verdict]:
    """Servers that are not what they should be: few, by the index on their status."""
    should_run = Q(expected_state="running") | Q(expected_state="", intended_state="running")
    should_stop = Q(expected_state="stopped")
    off = (should_run & ~Q(status="running")) | (should_stop & ~Q(status="stopped"))
    found: dict[tuple[str, str], Verdict] = {}
    for server in Server.objects.filter(off, retired_at=None, template=False, cluster__enabled=True).select_related(
        "cluster", "node"
    ):
        verdict = conditions.of_server(
            server, server.status, server.status_since, busy, reliable=server.cluster_id in reliable
        )
        for condition in _conditions_of(verdict):
            found[condition, f"server:{server.pk}"] = verdict
    return found


def _conditions_of(verdict: Verdict) -> tuple[str, ...]:
    if verdict is UNDECIDED:
        return (Condition.GUEST_DOWN, Condition.GUEST_UNEXPECTED)
    return (verdict.condition,) if isinstance(verdict, Finding) else ()


def _judge_missing(incident: Incident) -> Verdict:
    """An open incident that no verdict speaks of: its thing is well, or its cluster cannot be asked."""
    cluster = incident.cluster
    unsure = cluster is not None and cluster.enabled and bool(cluster.last_error)
    return UNDECIDED if unsure and incident.condition != Condition.CLUSTER_UNREACHABLE else None


def _replay(busy: set[int], reliable: set[int]) -> int:
    """Changes of servers' states that nobody has looked at: a fall that is over by now is told, too."""
    changes = list(
        StateChange.objects.filter(processed_at=None)
        .select_related("server__cluster", "server__node")
        .order_by("at", "pk")[:BATCH]
    )
    moved = 0
    for change in changes:
        with transaction.atomic():
            mine = StateChange.objects.filter(pk=change.pk, processed_at=None).update(processed_at=clock.now())
            if mine and change.kind == ChangeKind.STATUS and change.server:
                moved += _replay_one(change, change.server, busy, reliable)
    return moved


def _replay_one(change: StateChange, server: Server, busy: set[int], reliable: set[int]) -> int:
    verdict = conditions.of_server(server, change.new, change.at, busy, reliable=server.cluster_id in reliable)
    if isinstance(verdict, Finding):
        return open_incident(verdict)
    moved = 0
    if verdict is None:
        for incident in Incident.objects.filter(object_key=f"server:{server.pk}", closed_at=None, condition__in=OURS):
            moved += close_incident(incident, change.at)
    return moved


# --- incidents


def open_incident(finding: Finding) -> int:
    """Open it and tell it, unless it is open already. Returns 1 if it was opened."""
    key = {"condition": finding.condition, "object_key": finding.object_key, "closed_at": None}
    if Incident.objects.filter(**key).exists():
        return 0
    try:
        with transaction.atomic():
            incident = Incident.objects.create(
                condition=finding.condition, object_key=finding.object_key, cluster=finding.cluster,
                node=finding.node, server=finding.server, severity=finding.severity, title=finding.title[:200],
                text=finding.text, labels=finding.labels, opened_at=finding.since,
            )  # fmt: skip
            Alert.objects.update_or_create(
                source=PORTAL, fingerprint=_fingerprint(finding), starts_at=finding.since,
                defaults={
                    "status": AlertStatus.FIRING, "condition": finding.condition, "severity": finding.severity,
                    "title": finding.title[:200], "labels": finding.labels, "incident": incident, "ends_at": None,
                },
            )  # fmt: skip
            publish(_message(incident, Status.FIRING, incident.title, incident.text, incident.opened_at))
    except IntegrityError:
        return 0  # another worker opened it at the same moment
    logger.info("Incident %s opened: %s", incident.pk, incident.condition)
    return 1


def close_incident(incident: Incident, moment: datetime) -> int:
    """Close it and tell the recovery to those who heard of the trouble. Returns 1 if it was closed."""
    moment = max(moment, incident.opened_at)
    with transaction.atomic():
        if not incident.close(moment, _ending(incident)):
            return 0
        incident.alerts.filter(source=PORTAL, status=AlertStatus.FIRING).update(
            status=AlertStatus.RESOLVED, ends_at=moment
        )
        text = _("%(ending)s It lasted %(span)s.") % {"ending": incident.ending, "span": clock.span(incident.duration)}
        publish(_message(incident, Status.RESOLVED, incident.title, text, moment))
    logger.info("Incident %s closed: %s", incident.pk, incident.condition)
    return 1


def _ending(incident: Incident) -> str:
    server, cluster = incident.server, incident.cluster
    if cluster is None or not cluster.enabled:
        return _("Its cluster is not watched any more.")
    if server is not None and server.is_retired:
        return _("The server is gone from Proxmox.")
    if incident.condition == Condition.GUEST_DOWN and server is not None and server.status == "running":
        return _("The server runs again.")
    if incident.condition == Condition.NODE_OFFLINE:
        return _("The node is back.")
    if incident.condition == Condition.CLUSTER_UNREACHABLE:
        return _("The cluster is synced again.")
    return _("It is as it should be.")


def _message(incident: Incident, status: Status, title: str, text: str, moment: datetime) -> Message:
    address = reverse("admin:monitoring_incident_change", args=(incident.pk,))
    return Message(
        id=incident.message_id, title=title, text=text, severity=Severity(incident.severity), status=status,
        timestamp=moment, labels={"condition": incident.condition, **incident.labels},
        link=f"{settings.PORTAL_URL}{address}",
    )  # fmt: skip


def _fingerprint(finding: Finding) -> str:
    return hashlib.sha256(f"{finding.condition}\n{finding.object_key}".encode()).hexdigest()[:32]
