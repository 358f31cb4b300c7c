"""From alerts to incidents, and from incidents to messages. The only caller of ``publish``.

Alerts of all sources join one incident by condition and thing. The first one opens it, and it is told; when the last
one is over it closes, and that is told to those who heard of the trouble.
"""

import hashlib
import logging
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from monitoring.conditions import Finding
from monitoring.models import Alert, AlertStatus, Condition, Incident
from notifications import Message, Severity, Status, publish
from portal.lib import clock

logger = logging.getLogger(__name__)
PORTAL: Final = "portal"


def raise_alert(finding: Finding, *, source: str = PORTAL, fingerprint: str = "", link: str = "") -> int:
    """A source says that something is wrong. Returns 1 if that opened an incident, 0 if it was known or joined one.

    The same alert (source, fingerprint, start) said again changes nothing but when it was last heard; a late repeat
    of one that is over is no news.
    """
    identity = {
        "source": source, "fingerprint": fingerprint or _fingerprint(finding), "starts_at": finding.since,
    }  # fmt: skip
    for _attempt in range(2):
        known = Alert.objects.filter(**identity).first()
        if known and source == PORTAL and known.status == AlertStatus.RESOLVED:
            # The same fall counts again, after somebody had said that it did not matter.
            identity["starts_at"] = clock.now()
        elif known:
            Alert.objects.filter(pk=known.pk).update(last_received_at=clock.now())
            return 0
        try:
            with transaction.atomic():
                incident, opened = _incident(finding)
                Alert.objects.create(
                    **identity, condition=finding.condition, severity=finding.severity, title=finding.title[:200],
                    labels=finding.labels, link=link, incident=incident,
                )  # fmt: skip
                if opened:
                    publish(_message(incident, Status.FIRING, incident.text, incident.opened_at))
        except IntegrityError:
            continue  # another worker was faster: look again at what is there
        if opened:
            logger.info("Incident %s opened: %s", incident.pk, incident.condition)
        return int(opened)
    return 0


def resolve_alert(alert: Alert, moment: datetime) -> int:
    """A source says that it is over. Returns 1 if that closed the incident: no other alert in it is firing."""
    with transaction.atomic():
        mine = Alert.objects.filter(pk=alert.pk, status=AlertStatus.FIRING).order_by()
        if not mine.update(status=AlertStatus.RESOLVED, ends_at=max(moment, alert.starts_at)):
            return 0
        locked = Incident.objects.select_for_update(of=("self",)).select_related("server", "cluster")
        incident = locked.get(pk=alert.incident_id)
        if incident.alerts.filter(status=AlertStatus.FIRING).exists():
            return 0
        return _close(incident, moment)


def _incident(finding: Finding) -> tuple[Incident, bool]:
    """The open incident of that trouble, locked against closing; made if there is none."""
    return Incident.objects.select_for_update().get_or_create(
        condition=finding.condition,
        object_key=finding.object_key,
        closed_at=None,
        defaults={
            "cluster": finding.cluster, "node": finding.node, "server": finding.server, "severity": finding.severity,
            "title": finding.title[:200], "text": finding.text, "labels": finding.labels, "opened_at": finding.since,
        },
    )  # fmt: skip


def _close(incident: Incident, moment: datetime) -> int:
    moment = max(moment, incident.opened_at)
    if not incident.close(moment, _ending(incident)):
        return 0
    text = _("%(ending)s It lasted %(span)s.") % {"ending": incident.ending, "span": clock.span(incident.duration)}
    publish(_message(incident, Status.RESOLVED, text, moment))
    logger.info("Incident %s closed: %s", incident.pk, incident.condition)
    return 1


def _ending(incident: Incident) -> str:
    server, cluster = incident.server, incident.cluster
    ours = incident.condition in Condition.values
    if (cluster is None and ours) or (cluster is not None and not cluster.enabled):
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


def _message(incident: Incident, status: Status, text: str, moment: datetime) -> Message:
    address = reverse("admin:monitoring_incident_change", args=(incident.pk,))
    return Message(
        id=incident.message_id, title=incident.title, text=text, severity=Severity(incident.severity), status=status,
        timestamp=moment, labels={"condition": incident.condition, **incident.labels},
        link=f"{settings.PORTAL_URL}{address}",
    )  # fmt: skip


def _fingerprint(finding: Finding) -> str:
    return hashlib.sha256(f"{finding.condition}\n{finding.object_key}".encode()).hexdigest()[:32]
