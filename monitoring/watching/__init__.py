"""What the portal watches beside the state of servers, nodes and clusters: things that change slowly.

Each watch says which conditions are its own and returns a verdict for each thing that may be in trouble; a thing of
which it says nothing is well. Delay and hysteresis are the same for all of them and live here, not in the watches.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from monitoring.conditions import UNDECIDED, Finding, Verdict
from monitoring.incidents import PORTAL, RANK, raise_alert, resolve_alert
from monitoring.models import Alert, AlertStatus, Severity
from monitoring.watching import backups, canary, clusters, snapshots, storages, work
from monitoring.watching.looking import Key, Looking
from monitoring.watching.policy import Policies
from monitoring.watching.suspicion import ripe
from portal.lib import clock
from servers.models import Cluster


@dataclass(frozen=True, slots=True)
class Watch:
    """One of them."""

    conditions: frozenset[str]
    look: Callable[[Looking], dict[Key, Verdict]]


WATCHES: Final = (
    Watch(clusters.CONDITIONS, clusters.look),
    Watch(storages.CONDITIONS, storages.look),
    Watch(backups.CONDITIONS, backups.look),
    Watch(snapshots.CONDITIONS, snapshots.look),
    Watch(work.CONDITIONS, work.look),
    Watch(canary.CONDITIONS, canary.look),
)
CONDITIONS: Final = frozenset().union(*(watch.conditions for watch in WATCHES))


def watch(moment: datetime | None = None) -> int:
    """Look at everything, open and close incidents. Returns how many of both. May run twice at once: opening is
    guarded by a constraint, closing by a conditional update."""
    moment = moment or clock.now()
    firing = _firing(CONDITIONS)
    looking = Looking(moment, _reliable(), frozenset(firing), Policies.load())
    verdicts: dict[Key, Verdict] = {}
    for one in WATCHES:
        verdicts |= one.look(looking)
    verdicts = ripe(looking.policies.applied(verdicts), looking, CONDITIONS)
    moved = sum(_raise(verdict, firing.get(key), moment) for key, verdict in verdicts.items())
    over = [alert for key, alert in firing.items() if verdicts.get(key, _unknown(alert)) is None]
    return moved + sum(resolve_alert(alert, moment) for alert in over)


def _raise(finding: Verdict, known: Alert | None, moment: datetime) -> int:
    """Only what is new, or is worse than what was said: that joins the incident and takes the earlier one's place."""
    if not isinstance(finding, Finding):
        return 0
    if known is None:
        return raise_alert(finding)
    if RANK[Severity(finding.severity)] > RANK[Severity(known.severity)]:
        raise_alert(replace(finding, since=moment))
        resolve_alert(known, moment)
    return 0


def _firing(conditions: Iterable[str]) -> dict[Key, Alert]:
    alerts = Alert.objects.filter(source=PORTAL, status=AlertStatus.FIRING, condition__in=list(conditions))
    return {(alert.condition, alert.object_key): alert for alert in alerts.select_related("incident__cluster")}


def _reliable() -> frozenset[int]:
    """Clusters whose rows are the present: enabled, and the last sync was good."""
    return frozenset(Cluster.objects.filter(enabled=True, last_error="").values_list("pk", flat=True))


def _unknown(alert: Alert) -> Verdict:
    """An alert that no watch speaks of: its thing is well, or its cluster cannot be asked."""
    cluster = alert.incident.cluster
    return UNDECIDED if cluster is not None and cluster.enabled and cluster.last_error else None
