"""From what a webhook kept to alerts. Every message may be read any number of times: alerts are known by sender,
fingerprint and start. What cannot be understood of one alert leaves the others alone, and is named on the message."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import DatabaseError, DataError
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from monitoring import alertmanager, canary, grafana_alerts, incidents, proxmox_events, proxmox_findings
from monitoring.conditions import Finding
from monitoring.inventory_lookup import Lookup
from monitoring.models import Alert, AlertStatus, Condition, Inbound, Source
from monitoring.models.hooks import MOST_ATTEMPTS
from monitoring.payloads import NotUnderstood, Received
from portal.lib import clock

logger = logging.getLogger(__name__)
COMPLAINTS: Final = 20
BATCH: Final = 500
STAY_EVERY: Final = 100
# A message that is younger is probably being taken.
GRACE: Final = timedelta(seconds=20)
PRUNED_AT_ONCE: Final = 1000


class Later(Exception):
    """An end arrived before its beginning, which waits in an older message: that one goes first."""


def take(row: Inbound) -> int:
    """Turn a kept message into alerts, unless another process is at it. Returns how many were taken."""
    if not row.claim(clock.now()):
        return 0
    try:
        taken, complaints = _read(row)
    except Later:
        Inbound.objects.filter(pk=row.pk).update(claimed_until=None, attempts=row.attempts)
        return 0
    except DatabaseError:  # the database was busy or away: the next ring tries again
        Inbound.objects.filter(pk=row.pk).update(claimed_until=None)
        raise
    if len(complaints) > COMPLAINTS:
        more = _("… and %(count)d more") % {"count": len(complaints) - COMPLAINTS}
        complaints = [*complaints[:COMPLAINTS], more]
    _finish(row, taken, "\n".join(complaints))
    if row.canary:
        canary.take(row)
    return taken


def waiting(moment: datetime) -> Iterable[int]:
    """The keys of messages that nobody has read for a while, the oldest first. Those over which worker after worker
    died are given up, and say so."""
    free = Inbound.objects.filter(Q(claimed_until=None) | Q(claimed_until__lt=moment), processed_at=None)
    for row in free.filter(attempts__gte=MOST_ATTEMPTS)[:BATCH]:
        _finish(row, row.taken, _("Given up after %(count)d attempts: the log says why.") % {"count": row.attempts})
    late = free.filter(received_at__lt=moment - GRACE, attempts__lt=MOST_ATTEMPTS)
    return list(late.order_by("received_at", "pk").values_list("pk", flat=True)[:50])


def again(row: Inbound) -> bool:
    """Have a message read once more. False where it is being read already."""
    done = Inbound.objects.filter(pk=row.pk).exclude(processed_at=None).order_by()
    return bool(done.update(processed_at=None, claimed_until=None, attempts=0, taken=0, error=""))


def prune(moment: datetime) -> int:
    """Forget messages that are older than they are kept for. Returns how many."""
    old = Inbound.objects.filter(received_at__lt=moment - timedelta(days=settings.PORTAL_INBOUND_DAYS))
    keys = list(old.exclude(processed_at=None).order_by().values_list("pk", flat=True)[:PRUNED_AT_ONCE])
    return Inbound.objects.filter(pk__in=keys).delete()[0] if keys else 0


def _finish(row: Inbound, taken: int, error: str) -> None:
    values = {"processed_at": clock.now(), "claimed_until": None, "taken": taken, "error": error}
    Inbound.objects.filter(pk=row.pk, processed_at=None).update(**values)


def _read(row: Inbound) -> tuple[int, list[str]]:
    """How many alerts were taken, and what was left out and why."""
    try:
        payload = json.loads(row.body)
        if row.source == Source.PROXMOX:
            return _take_event(row, payload), []
        grafana = row.source == Source.GRAFANA
        raw = alertmanager.alerts_of(payload)
        remark = alertmanager.remark(payload, grafana_alerts.VERSION if grafana else alertmanager.VERSION)
    except (ValueError, RecursionError):
        return 0, [_("the body is no JSON")]
    except NotUnderstood as error:
        return 0, [str(error)]
    reader = grafana_alerts.read if grafana else alertmanager.read
    finder = grafana_alerts.finding_of if grafana else alertmanager.finding_of
    taken, complaints = _take_alerts(row, raw, reader, finder)
    return taken, [*([remark] if remark else []), *complaints]


# --- Alertmanager and Grafana


def _take_alerts(
    row: Inbound, raw: list[Any], reader: Callable[[Any], Received], finder: Callable[[Received, Lookup], Finding]
) -> tuple[int, list[str]]:
    complaints: list[str] = []
    alerts = list(_without_own(_understood(raw, reader, complaints), complaints))
    lookup, known, heard, taken = Lookup(), _known(row.source, alerts), [], 0
    for number, alert in enumerate(alerts):
        if number and number % STAY_EVERY == 0:
            row.stay(clock.now())
        found = known.get((alert.fingerprint, alert.starts_at))
        try:
            if not alert.firing:
                _end(row, alert, found)
            elif found is None:
                incidents.raise_alert(
                    finder(alert, lookup), source=row.source, fingerprint=alert.fingerprint, link=alert.link
                )
            else:
                heard.append(found.pk)
            taken += 1
        except DataError:
            logger.exception("An alert of inbound message %s was left out", row.pk)
            complaints.append(_("%(name)s cannot be kept: the log says why") % {"name": alert.labels.get("alertname")})
    for start in range(0, len(heard), BATCH):
        Alert.objects.filter(pk__in=heard[start : start + BATCH]).update(last_received_at=clock.now())
    return taken, complaints


def _understood(raw: list[Any], reader: Callable[[Any], Received], complaints: list[str]) -> Iterator[Received]:
    for one in raw:
        try:
            yield reader(one)
        except NotUnderstood as error:
            complaints.append(str(error))


def _without_own(alerts: Iterable[Received], complaints: list[str]) -> Iterator[Received]:
    """Without the canary, which is no trouble, and without what the portal itself handed on to an Alertmanager that
    sends here too: an incident of an incident would never end."""
    own = 0
    for alert in alerts:
        if canary.is_our_own(alert.labels):
            own += 1
        elif not canary.is_canary(alert.labels):
            yield alert
    if own:
        words = ngettext(
            "%(count)d alert is the portal's own, which came back: it makes no incident.",
            "%(count)d alerts are the portal's own, which came back: they make no incidents.",
            own,
        )
        complaints.append(words % {"count": own})


def _known(source: str, alerts: list[Received]) -> dict[tuple[str, datetime], Alert]:
    """The alerts that are known already, by fingerprint and start. Nearly all are: senders repeat themselves."""
    fingerprints = sorted({alert.fingerprint for alert in alerts})
    found: dict[tuple[str, datetime], Alert] = {}
    for start in range(0, len(fingerprints), BATCH):
        rows = Alert.objects.filter(source=source, fingerprint__in=fingerprints[start : start + BATCH])
        found |= {(row.fingerprint, row.starts_at): row for row in rows}
    return found


def _end(row: Inbound, alert: Received, known: Alert | None) -> None:
    """End an alert. Raises Later where its beginning may wait in an older message that nobody has read."""
    identity = {"source": row.source, "fingerprint": alert.fingerprint, "starts_at": alert.starts_at}
    known = known or Alert.objects.filter(**identity).first()
    if known:
        incidents.resolve_alert(known, alert.ends_at or clock.now())
    elif Inbound.objects.filter(source=row.source, processed_at=None, pk__lt=row.pk).exists():
        raise Later


# --- Proxmox


def _take_event(row: Inbound, payload: Any) -> int:
    """Returns how many troubles and ends the event came to. Raises NotUnderstood."""
    event = proxmox_events.read(payload, row.received_at)
    if row.cluster is None:
        raise NotUnderstood(_("its cluster is not here any more"))
    told = proxmox_findings.judge(event, row.cluster, Lookup())
    for finding in told.findings:
        fingerprint = _fingerprint(event, finding)
        incidents.raise_alert(finding, source=row.source, fingerprint=fingerprint, notice=told.notice)
    ended = 0
    for key in told.well:
        ended += incidents.resolve_earlier(Condition.BACKUP_FAILED, key, event.at, sources=(Source.PROXMOX,))
    return len(told.findings) + ended


def _fingerprint(event: proxmox_events.Event, finding: Finding) -> str:
    parts = (finding.condition, finding.object_key, event.job, event.title)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def firing(source: str, condition: str) -> Iterable[Alert]:
    """The alerts of a sender that says when something begins and not when it ends."""
    alerts = Alert.objects.filter(source=source, condition=condition, status=AlertStatus.FIRING)
    return alerts.select_related("incident__node", "incident__cluster", "incident__server")
