"""Which incident an alert belongs to. Alerts of all sources join by condition and thing; one that was over a moment
ago is opened again; and some sources see the same trouble at a larger thing than others do."""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Final

from django.db.models import QuerySet

from monitoring.conditions import Finding
from monitoring.models import Condition, Incident
from monitoring.models.incident import flapping_window
from portal.lib import clock

# Conditions that one source sees at a server, another at its node and a third at the cluster: a failed backup is told
# by Proxmox of the guest, by the task list of the node, and by a rule of the cluster.
NESTED: Final = frozenset({Condition.BACKUP_FAILED})
# A source that sees it more closely may be so much later than one that sees it from afar.
CLOSER_WITHIN: Final = timedelta(minutes=15)
# How long a source may go on saying what another one has seen the end of: a rule waits before it resolves.
SLOW_FOR: Final = timedelta(minutes=3)


class How(Enum):
    """What an alert did to its incident."""

    OPENED = "opened"
    JOINED = "joined"
    REOPENED = "reopened"  # and it is told that it flaps
    REOPENED_QUIETLY = "reopened quietly"  # its end was not told either, or another source is slow


@dataclass(frozen=True, slots=True)
class Joined:
    """The incident of an alert, and what the alert did to it; ``pause`` is for how long it had been over."""

    incident: Incident
    how: How
    pause: timedelta = timedelta(0)


def join(finding: Finding) -> Joined:
    """The incident of that trouble, locked against closing; opened if there is none. Within a transaction; raises
    IntegrityError where another process opened it at the same moment."""
    same = Incident.objects.filter(condition=finding.condition, object_key=finding.object_key)
    found = _locked(same.filter(closed_at=None)) or _nested(finding)
    if found:
        return Joined(found, How.JOINED)
    return _reopened(same, finding) or Joined(_open(finding), How.OPENED)


def _locked(incidents: "QuerySet[Incident]") -> Incident | None:
    return incidents.select_for_update(of=("self",)).order_by("-opened_at", "-pk").first()


def _nested(finding: Finding) -> Incident | None:
    """An open incident about a part of that thing, or about what it is a part of, where it must be the same trouble."""
    if finding.condition not in NESTED or finding.cluster is None:
        return None
    near = Incident.objects.filter(condition=finding.condition, cluster=finding.cluster, closed_at=None)
    if finding.server is None:
        return _locked(near.filter(node=finding.node) if finding.node else near)
    wider = near.filter(server=None, opened_at__gte=clock.now() - CLOSER_WITHIN)
    return _locked(wider.filter(node=finding.node)) or _locked(wider.filter(node=None))


def _reopened(same: "QuerySet[Incident]", finding: Finding) -> Joined | None:
    """The same trouble of a moment ago. An alert that began before the end is no new trouble but a slow source: it is
    told only if it stays."""
    window = flapping_window()
    last = _locked(same.filter(closed_at__gt=finding.since - window)) if window else None
    if last is None or last.closed_at is None:
        return None
    moment, pause = clock.now(), finding.since - last.closed_at
    quiet = last.tell_at is not None  # its end was not told: for all that people know, it is there
    if pause < timedelta(0):
        slow = last.reopen(moment, flap=False, tell_at=None if quiet else moment + SLOW_FOR)
        return Joined(last, How.REOPENED_QUIETLY) if slow else None
    if not last.reopen(moment):
        return None
    return Joined(last, How.REOPENED_QUIETLY if quiet else How.REOPENED, pause)


def _open(finding: Finding) -> Incident:
    return Incident.objects.create(
        condition=finding.condition, object_key=finding.object_key, cluster=finding.cluster, node=finding.node,
        server=finding.server, severity=finding.severity, title=finding.title[:200], text=finding.text,
        labels=finding.labels, opened_at=finding.since,
    )  # fmt: skip
