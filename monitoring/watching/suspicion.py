"""Delay: trouble is told when it has lasted for a while. What it lasts since is a row, so a restart forgets nothing."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from monitoring.conditions import UNDECIDED, Finding, Verdict
from monitoring.models import Condition, Suspicion
from monitoring.watching.looking import Key, Looking

NONE: Final = timedelta(0)
# As long as the shipped rules' "for", so that both speak at the same time.
DELAYS: Final = {
    Condition.CLUSTER_NOT_QUORATE: timedelta(minutes=1),
    Condition.STORAGE_FULL: timedelta(minutes=10),
    Condition.STORAGE_FAILED: timedelta(minutes=2),
    Condition.BACKUP_TOO_OLD: timedelta(minutes=10),
    Condition.SNAPSHOT_TOO_OLD: timedelta(minutes=10),
    Condition.NOT_IN_BACKUP_JOB: timedelta(hours=1),
    Condition.CERTIFICATE_EXPIRING: timedelta(hours=1),
    # After the portal itself was away, Alertmanager needs a moment.
    Condition.CANARY_STALE: timedelta(minutes=3),
}


def ripe(verdicts: dict[Key, Verdict], looking: Looking, conditions: Collection[str]) -> dict[Key, Verdict]:
    """The verdicts, where what has not lasted long enough is undecided. ``conditions`` are those that were looked at:
    what is remembered of others stays."""
    found = {
        key: verdict for key, verdict in verdicts.items()
        if isinstance(verdict, Finding) and key not in looking.open and _delay(verdict, looking)
    }  # fmt: skip
    since = _remember(found, verdicts, looking.moment, conditions)
    green = {
        key
        for key, finding in found.items()
        if looking.moment - since.get(key, looking.moment) < _delay(finding, looking)
    }
    return {key: UNDECIDED if key in green else verdict for key, verdict in verdicts.items()}


def _delay(finding: Finding, looking: Looking) -> timedelta:
    policy = looking.policies.of_finding(finding)
    if policy is not None and policy.delay_minutes is not None:
        return timedelta(minutes=policy.delay_minutes)
    return DELAYS.get(Condition(finding.condition), NONE)


def _remember(
    found: dict[Key, Finding], verdicts: dict[Key, Verdict], moment: datetime, conditions: Collection[str]
) -> dict[Key, datetime]:
    """Since when each is suspected. What is well again, or open by now, is forgotten; what cannot be told stays."""
    kept = {(row.condition, row.object_key): row for row in Suspicion.objects.filter(condition__in=conditions)}
    over = [row.pk for key, row in kept.items() if key not in found and verdicts.get(key) is not UNDECIDED]
    if over:
        Suspicion.objects.filter(pk__in=over).delete()
    new = [Suspicion(condition=key[0], object_key=key[1], since=moment) for key in found if key not in kept]
    Suspicion.objects.bulk_create(new, ignore_conflicts=True)
    return {
        **{key: row.since for key, row in kept.items()},
        **{(row.condition, row.object_key): row.since for row in new},
    }
