"""From what a webhook kept to alerts. Every message may be read any number of times: alerts are known by sender,
fingerprint and start. What cannot be understood of one alert leaves the others alone, and is named on the message."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any, Final

from django.conf import settings
from django.db import DatabaseError, DataError
from django.utils.translation import gettext as _

from monitoring import alertmanager, canary, grafana_alerts, incidents, proxmox_events, proxmox_findings
from monitoring.conditions import Finding
from monitoring.exempt import Exemptions
from monitoring.inventory_lookup import Lookup
from monitoring.models import Alert, AlertStatus, Condition, Inbound, Source
from monitoring.payloads import NotUnderstood, Received
from portal.lib import batches, clock
from portal.lib.nudge import at_most

logger = logging.getLogger(__name__)
COMPLAINTS: Final = 20
BATCH: Final = 500
# New beginnings and ends that one go makes: some seconds of work on a busy machine. Then others have their turn.
AT_ONCE: Final = 50
NUDGES: Final = 20  # deliveries of one go that are sent at once; the ring has the others sent
# A database that was busy or away has so long to recover.
PAUSE: Final = timedelta(seconds=20)


Known = dict[tuple[str, datetime], Alert]
Find = Callable[[Received], Finding | None]


@dataclass
class Go:
    """What came of reading a part of a message: alerts that were taken, how many of the message's were looked at, how
    many of them were news, whether some are left, and what was left out and why."""

    taken: int = 0
    read: int = 0
    made: int = 0
    left: bool = False
    complaints: list[str] = field(default_factory=list)

    def complain_once(self, sentence: str) -> None:
        """Say so, unless it was said."""
        if sentence not in self.complaints:
            self.complaints.append(sentence)


class Later(Exception):
    """An end arrived before its beginning, which waits in an older message: that one goes first."""


def take(row: Inbound) -> int:
    """Turn a kept message into alerts, unless another process is at it. Returns how many were taken.

    Of a long one only the next few: a worker that reads ten thousand in one go does nothing else meanwhile.
    """
    if not row.claim(clock.now()):
        return 0
    row.refresh_from_db(fields=["position", "taken", "error"])
    try:
        with at_most(NUDGES):
            go = _read(row)
    except Later:
        Inbound.objects.filter(pk=row.pk).update(claimed_until=None, attempts=row.attempts)
        return 0
    except DatabaseError:  # a later ring tries again
        Inbound.objects.filter(pk=row.pk).update(claimed_until=clock.now() + PAUSE)
        raise
    _keep(row, go)
    if row.canary:
        canary.take(row)
    return go.taken


def _keep(row: Inbound, go: Go) -> None:
    """What came of one go; after the last one, of the message."""
    known = row.error.splitlines()
    complaints = [*known, *(line for line in go.complaints if line not in known)]
    if len(complaints) > COMPLAINTS:
        complaints = [*complaints[:COMPLAINTS], _("… and more")]
    values: dict[str, Any] = {
        "claimed_until": None, "attempts": 0, "taken": row.taken + go.taken, "position": row.position + go.read,
        "error": "\n".join(complaints), "processed_at": None if go.left else clock.now(),
    }  # fmt: skip
    if not go.left:
        values["attempts"] = row.attempts + 1
    Inbound.objects.filter(pk=row.pk, processed_at=None).update(**values)


def again(row: Inbound) -> bool:
    """Have a message read once more. False where it is being read already."""
    done = Inbound.objects.filter(pk=row.pk).exclude(processed_at=None).order_by()
    return bool(done.update(processed_at=None, claimed_until=None, attempts=0, taken=0, position=0, error=""))


def prune(moment: datetime) -> int:
    """Forget messages that are older than they are kept for. Returns how many."""
    old = Inbound.objects.filter(received_at__lt=moment - timedelta(days=settings.PORTAL_INBOUND_DAYS))
    return batches.delete(old.exclude(processed_at=None))


def finish(row: Inbound, taken: int, error: str) -> None:
    """It is not read any more."""
    values = {"processed_at": clock.now(), "claimed_until": None, "taken": taken, "error": error}
    Inbound.objects.filter(pk=row.pk, processed_at=None).update(**values)


def _read(row: Inbound) -> Go:
    """One go: how many alerts were taken, and what was left out and why."""
    try:
        payload = json.loads(row.body)
        if row.source == Source.PROXMOX:
            return Go(taken=_take_event(row, payload))
        grafana = row.source == Source.GRAFANA
        raw = alertmanager.alerts_of(payload)
        remark = alertmanager.remark(payload, grafana_alerts.VERSION if grafana else alertmanager.VERSION)
    except (ValueError, RecursionError):
        return Go(complaints=[_("the body is no JSON")])
    except NotUnderstood as error:
        return Go(complaints=[str(error)])
    go = Go(complaints=[remark] if remark and not row.position else [])
    _take_alerts(row, raw, grafana_alerts if grafana else alertmanager, go)
    return go


# --- Alertmanager and Grafana


def _take_alerts(row: Inbound, raw: list[Any], form: ModuleType, go: Go) -> None:
    """The next alerts of the message. Each is a transaction of its own; what is known already costs next to nothing."""
    entries = [_entry(one, form.read) for one in raw[row.position : row.position + BATCH]]
    lookup, known, heard = Lookup(), _known(row.source, [one for one in entries if isinstance(one, Received)]), []
    exempt = Exemptions()
    for entry in entries:
        if go.made >= AT_ONCE:
            break
        go.read += 1
        if isinstance(entry, str):
            go.complaints.append(entry)
        elif canary.is_our_own(entry.labels):
            go.complain_once(_("The portal's own alerts came back: they make no incidents."))
        elif canary.is_canary(entry.labels):
            go.taken += 1
        elif entry.firing and (found := known.get((entry.fingerprint, entry.starts_at))) and not found.set_aside:
            heard.append(found.pk)
            go.taken += 1
        else:
            _take_alert(row, entry, known, lambda alert: exempt.judge(form.finding_of(alert, lookup)), go)
    go.left = row.position + go.read < len(raw)
    Alert.objects.filter(pk__in=heard).update(last_received_at=clock.now())


def _entry(raw: Any, reader: Callable[[Any], Received]) -> Received | str:
    """One alert, or why it is none."""
    try:
        return reader(raw)
    except NotUnderstood as error:
        return str(error)


def _take_alert(row: Inbound, alert: Received, known: Known, find: Find, go: Go) -> None:
    """What is new: a beginning, or an end. A beginning that an exception keeps back is not kept, so that the sender's
    next repeat is told once the exception is gone."""
    go.made += 1
    try:
        if alert.firing:
            if finding := find(alert):
                incidents.raise_alert(finding, source=row.source, fingerprint=alert.fingerprint, link=alert.link)
            else:
                go.complain_once(_("An exception keeps this back: %s") % alert.labels.get("alertname", "?"))
        else:
            _end(row, alert, known.get((alert.fingerprint, alert.starts_at)))
        go.taken += 1
    except DataError:
        logger.exception("An alert of inbound message %s was left out", row.pk)
        go.complaints.append(_("%(name)s cannot be kept: the log says why") % {"name": alert.labels.get("alertname")})


def _known(source: str, alerts: list[Received]) -> Known:
    """The alerts that are known already, by fingerprint and start. Nearly all are: senders repeat themselves."""
    rows = Alert.objects.filter(source=source, fingerprint__in={alert.fingerprint for alert in alerts})
    return {(row.fingerprint, row.starts_at): row for row in rows}


def _end(row: Inbound, alert: Received, known: Alert | None) -> None:
    """End an alert, and what its sender said of the same thing before: a Prometheus that was restarted gives what still
    fires another start, and its end names only that. Raises Later where its beginning may wait in an older message that
    nobody has read."""
    same = Alert.objects.filter(source=row.source, fingerprint=alert.fingerprint, starts_at__lte=alert.starts_at)
    for one in same.filter(status=AlertStatus.FIRING):
        incidents.resolve_alert(one, alert.ends_at or clock.now())
    if known or same.filter(starts_at=alert.starts_at).exists():
        return
    if Inbound.objects.filter(source=row.source, processed_at=None, pk__lt=row.pk).exists():
        raise Later


# --- Proxmox


def _take_event(row: Inbound, payload: Any) -> int:
    """Returns how many troubles and ends the event came to. Raises NotUnderstood."""
    event = proxmox_events.read(payload, row.received_at)
    if row.cluster is None:
        raise NotUnderstood(_("its cluster is not here any more"))
    told = proxmox_findings.judge(event, row.cluster, Lookup())
    exempt = Exemptions()
    for finding in filter(None, map(exempt.heard, told.findings)):
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
