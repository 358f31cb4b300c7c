"""What the portal itself knows is wrong becomes alerts of the source "portal".

Two things meet here: the rows as they are now, and the changes that nobody has looked at yet. The changes matter when
something fell and stood up again while no worker was there: it is told all the same, once each way.
"""

from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Count, Q

from monitoring import backup_runs, conditions, event_ends, watching
from monitoring.conditions import UNDECIDED, Finding, Verdict
from monitoring.expected import Excuses, State, cause
from monitoring.incidents import PORTAL, raise_alert, resolve_alert, settle
from monitoring.models import Alert, AlertStatus, Condition
from monitoring.watching.looking import Looking
from monitoring.watching.policy import Policies
from monitoring.watching.suspicion import ripe
from portal.lib import clock
from servers.models import ChangeKind, Cluster, Node, Server, StateChange

BATCH: Final = 500
# What a change of a server's state can begin and end.
OF_A_STATE: Final = (Condition.GUEST_DOWN, Condition.GUEST_UNEXPECTED)
# What is looked at here. What the watches suspect of theirs is not forgotten because nobody here speaks of it.
OWN: Final = frozenset(Condition.values) - watching.CONDITIONS


def evaluate() -> int:
    """Look at what changed and at what is, and open and close incidents. Returns how many of both.

    May run in two processes at once: opening is guarded by a constraint, closing by a conditional update.
    """
    moment = clock.now()
    reliable = _reliable()
    excuses = Excuses(moment)
    policies = Policies.load()
    moved = _replay(excuses, reliable, policies)
    verdicts = {**_clusters(), **_nodes(reliable), **_servers(excuses, reliable), **backup_runs.verdicts(moment)}
    firing = {key: alert for key, alert in _firing().items() if key[0] not in watching.CONDITIONS}
    looking = Looking(moment, frozenset(reliable), frozenset(firing), policies)
    verdicts = ripe(policies.applied(verdicts), looking, OWN)
    for key, verdict in verdicts.items():
        if isinstance(verdict, Finding) and key not in firing:
            moved += raise_alert(verdict)
    for key, alert in firing.items():
        if verdicts.get(key, _judge_missing(alert)) is None:
            moved += resolve_alert(alert, moment)
    return moved + event_ends.resolve(moment) + settle(moment)


def has_news() -> bool:
    """Whether there are changes that nobody has looked at."""
    return StateChange.objects.filter(processed_at=None).exists()


def _firing(**condition: Any) -> dict[tuple[str, str], Alert]:
    """The portal's own alerts that are not over, by condition and thing."""
    alerts = Alert.objects.filter(source=PORTAL, status=AlertStatus.FIRING, **condition)
    found = alerts.select_related("incident__server", "incident__cluster")
    return {(alert.condition, alert.object_key): alert for alert in found}


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


def _servers(excuses: Excuses, reliable: set[int]) -> dict[tuple[str, str], Verdict]:
    """Servers that are not what they should be: few, by the index on their status."""
    should_run = Q(expected_state="running") | Q(expected_state="", intended_state="running")
    should_stop = Q(expected_state="stopped")
    off = (should_run & ~Q(status="running")) | (should_stop & ~Q(status="stopped"))
    found: dict[tuple[str, str], Verdict] = {}
    for server in Server.objects.filter(off, retired_at=None, template=False, cluster__enabled=True).select_related(
        "cluster", "node"
    ):
        verdict = _judge(server, server.status, server.status_since, excuses, reliable)
        for condition in _conditions_of(verdict):
            found[condition, f"server:{server.pk}"] = verdict
    return found


def _judge(server: Server, status: str, since: datetime, excuses: Excuses, reliable: set[int]) -> Verdict:
    excuse = excuses.of(State.of(server, status, since))
    reason = "" if excuse or status == "running" else cause(server, since)
    return conditions.of_server(server, status, since, excuse, reason, reliable=server.cluster_id in reliable)


def _conditions_of(verdict: Verdict) -> tuple[str, ...]:
    if verdict is UNDECIDED:
        return (Condition.GUEST_DOWN, Condition.GUEST_UNEXPECTED)
    return (verdict.condition,) if isinstance(verdict, Finding) else ()


def _judge_missing(alert: Alert) -> Verdict:
    """An alert that no verdict speaks of: its thing is well, or its cluster cannot be asked."""
    cluster = alert.incident.cluster
    unsure = cluster is not None and cluster.enabled and bool(cluster.last_error)
    return UNDECIDED if unsure and alert.condition != Condition.CLUSTER_UNREACHABLE else None


def _replay(excuses: Excuses, reliable: set[int], policies: Policies) -> int:
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
                moved += _replay_one(change, change.server, excuses, reliable, policies)
    return moved


def _replay_one(change: StateChange, server: Server, excuses: Excuses, reliable: set[int], policies: Policies) -> int:
    verdict = _judge(server, change.new, change.at, excuses, reliable)
    firing = _firing(object_key=f"server:{server.pk}", condition__in=OF_A_STATE)
    if isinstance(verdict, Finding) and policies.of_finding(verdict):
        return 0  # how it is judged depends on how long it lasts: the look at everything decides
    if isinstance(verdict, Finding):
        return raise_alert(verdict) if (verdict.condition, verdict.object_key) not in firing else 0
    return sum(resolve_alert(alert, change.at) for alert in firing.values()) if verdict is None else 0
