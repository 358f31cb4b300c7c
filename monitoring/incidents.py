"""From alerts to incidents. An alert is what one source says; the incident is what people hear of.

The first alert opens the incident, and it is told; those of other sources join it (``monitoring/joining.py``); when
the last one is over it closes, and that is told to those who heard of the trouble (``monitoring/telling.py``).
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from monitoring import telling
from monitoring.conditions import Finding
from monitoring.joining import How, Joined, join
from monitoring.models import Alert, AlertStatus, Incident, Severity, StepKind
from monitoring.models.incident import flapping_window
from notifications import resolved
from portal.lib import clock

logger = logging.getLogger(__name__)
PORTAL: Final = "portal"
RANK: Final = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}


def raise_alert(
    finding: Finding, *, source: str = PORTAL, fingerprint: str = "", link: str = "", notice: bool = False
) -> int:
    """A source says that something is wrong. Returns 1 if that opened an incident, 0 if it was known or joined one.

    The same alert (source, fingerprint, start) said again changes nothing but when it was last heard; a late repeat
    of one that is over is no news, and a repeat of one that was set aside begins it again. A ``notice`` has no end: it
    is told, kept, and over at once.
    """
    identity: dict[str, Any] = {
        "source": source, "fingerprint": fingerprint or _fingerprint(finding), "starts_at": finding.since,
    }  # fmt: skip
    for _attempt in range(2):
        known = Alert.objects.filter(**identity).first()
        if known and source == PORTAL and known.status == AlertStatus.RESOLVED:
            # The same fall counts again, after somebody had said that it did not matter.
            finding = replace(finding, since=clock.now())
            identity["starts_at"] = finding.since
        elif known and not known.set_aside:
            Alert.objects.filter(pk=known.pk).update(last_received_at=clock.now())
            return 0
        try:
            with transaction.atomic():
                aside = known if known and known.set_aside else None
                if aside and not _begin_again(aside):
                    return 0
                joined = join(finding)
                alert = _keep(finding, identity, link, joined.incident, aside)
                if not notice or joined.how is How.OPENED:
                    _tell(joined, finding)
                if notice:
                    _end_notice(alert, joined.incident)
        except IntegrityError:
            continue  # another worker was faster: look again at what is there
        if joined.how is not How.JOINED:
            logger.info("Incident %s %s: %s", joined.incident.pk, joined.how.value, joined.incident.condition)
        return int(joined.how is How.OPENED)
    return 0


def locked(key: int) -> Incident:
    """That incident, for the rest of the transaction. Its alerts are changed before: in one order, nobody waits for
    ever."""
    return Incident.objects.select_for_update(of=("self",)).select_related("server", "cluster").get(pk=key)


def resolve_alert(alert: Alert, moment: datetime) -> int:
    """A source says that it is over. Returns 1 if that closed the incident: no other alert in it is firing."""
    with transaction.atomic():
        mine = Alert.objects.filter(pk=alert.pk, status=AlertStatus.FIRING).order_by()
        if not mine.update(status=AlertStatus.RESOLVED, ends_at=max(moment, alert.starts_at)):
            return 0
        incident = locked(alert.incident_id)
        if incident.alerts.filter(status=AlertStatus.FIRING).exists():
            return 0
        return close_incident(incident, moment, telling.ending(incident))


def resolve_earlier(condition: str, object_key: str, moment: datetime, *, sources: Sequence[str]) -> int:
    """Something is well again: end what those sources said of it before that moment. Returns how many alerts."""
    ended = list(Alert.objects.filter(
        source__in=sources, condition=condition, object_key=object_key, status=AlertStatus.FIRING,
        starts_at__lt=moment,
    ))  # fmt: skip
    for alert in ended:
        resolve_alert(alert, moment)
    return len(ended)


def settle(moment: datetime) -> int:
    """Tell what has stayed so for long enough: the ends of incidents that flapped, and that others are not over as
    was told. Returns how many."""
    told = 0
    for incident in Incident.objects.filter(tell_at__lte=moment).select_related("server", "cluster"):
        with transaction.atomic():
            same = Incident.objects.filter(pk=incident.pk, tell_at=incident.tell_at, closed_at=incident.closed_at)
            if same.order_by().update(tell_at=None):
                incident.tell_at = None
                _tell_state(incident)
                told += 1
    return told


def _tell_state(incident: Incident) -> None:
    if incident.is_open:
        _count_telling(incident)
        telling.not_over(incident)
    else:
        telling.end(incident)


def _begin_again(known: Alert) -> bool:
    """Whether it was this process that took up what had been set aside."""
    aside = Alert.objects.filter(pk=known.pk, set_aside=True).order_by()
    return bool(aside.update(set_aside=False, status=AlertStatus.FIRING, ends_at=None, last_received_at=clock.now()))


def _keep(
    finding: Finding, identity: dict[str, Any], link: str, incident: Incident, aside: Alert | None = None
) -> Alert:
    values: dict[str, Any] = {
        "condition": finding.condition, "object_key": finding.object_key, "severity": finding.severity,
        "title": finding.title[:200], "labels": finding.labels, "link": link, "incident": incident,
    }  # fmt: skip
    if aside is None:
        return Alert.objects.create(**identity, **values)
    Alert.objects.filter(pk=aside.pk).update(**values)
    return aside


def _tell(joined: Joined, finding: Finding) -> None:
    incident = joined.incident
    if joined.how is How.OPENED:
        telling.beginning(incident)
    elif joined.how is How.REOPENED:
        _count_telling(incident)
        telling.flapping(incident, finding.since, clock.span(joined.pause))
    elif RANK[Severity(finding.severity)] > RANK[Severity(incident.severity)]:
        # Who hears only of what is critical has not heard of it yet.
        incident.severity, incident.tell_at = finding.severity, None  # by this they hear that it is there
        incident.steps.create(kind=StepKind.WORSE, text=finding.severity)
        _count_telling(incident)
        telling.worse(incident)


def _count_telling(incident: Incident) -> None:
    incident.told += 1
    incident.save(update_fields=["told", "severity", "tell_at"])


def _end_notice(alert: Alert, incident: Incident) -> None:
    moment = clock.now()
    Alert.objects.filter(pk=alert.pk).update(status=AlertStatus.RESOLVED, ends_at=moment)
    if not incident.alerts.filter(status=AlertStatus.FIRING).exists():
        incident.close(moment, _("A notice: there is nothing to wait for."))
        resolved(incident.message_id)


def close_incident(incident: Incident, moment: datetime, ending: str) -> int:
    """It is over, and that is told. Within a transaction. Returns 0 where another process closed it."""
    moment = max(moment, incident.opened_at, incident.reopened_at or incident.opened_at)
    # That it was not over had not been told yet: what people heard last is its end.
    told = incident.is_open and incident.tell_at is not None
    flaps = not told and incident.flaps_at(moment)
    tell_at = clock.now() + flapping_window() if flaps else None
    if not incident.close(moment, ending, tell_at=tell_at):
        return 0
    if not flaps and not told:
        telling.end(incident)
    logger.info("Incident %s closed: %s", incident.pk, incident.condition)
    return 1


def _fingerprint(finding: Finding) -> str:
    return hashlib.sha256(f"{finding.condition}\n{finding.object_key}".encode()).hexdigest()[:32]
