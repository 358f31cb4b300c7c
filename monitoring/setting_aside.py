"""Alerts from outside that are over for us and not for whoever told of them: by somebody's word, because their end was
lost on the way, or by an exception. What is set aside begins again when its source says it again."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from monitoring.exempt import Exemptions
from monitoring.incidents import PORTAL, close_incident, locked
from monitoring.models import Alert, AlertStatus, Condition, Incident
from portal.lib import audit, clock


def is_told_by_others(incident: Incident) -> bool:
    """Whether nobody but outside sources says that it is there: what the portal sees ends when it is so no more."""
    return incident.is_open and not incident.alerts.filter(source=PORTAL, status=AlertStatus.FIRING).exists()


def close(incident: Incident, person: Any) -> bool:
    """That person says that it is over, which is told. False where it is over already, or the portal sees it itself."""
    with transaction.atomic():
        _set_aside(incident.alerts.filter(status=AlertStatus.FIRING).exclude(source=PORTAL).order_by("pk"))
        mine = locked(incident.pk)
        if not is_told_by_others(mine):
            transaction.set_rollback(True)
            return False
        audit.note(mine, {"closed_by": ("", person)})
        close_incident(mine, clock.now(), _("%(person)s closed it.") % {"person": person})
    return True


def by_exceptions(moment: datetime) -> int:
    """Set aside what an exception made since would have kept back. Returns how many incidents are over by that."""
    told = Alert.objects.filter(status=AlertStatus.FIRING, condition__in=Condition.values).exclude(source=PORTAL)
    exempt, closed = Exemptions(), 0
    for alert in told.select_related("incident__server", "incident__cluster"):
        if why := exempt.keeps_back(alert):
            closed += _end(alert, moment, why)
    return closed


def _end(alert: Alert, moment: datetime, why: str) -> int:
    with transaction.atomic():
        _set_aside([alert])
        incident = locked(alert.incident_id)
        if not incident.is_open or incident.alerts.filter(status=AlertStatus.FIRING).exists():
            return 0
        return close_incident(incident, moment, why)


def _set_aside(alerts: Iterable[Alert]) -> None:
    moment = clock.now()
    for alert in alerts:
        mine = Alert.objects.filter(pk=alert.pk, status=AlertStatus.FIRING).order_by()
        mine.update(status=AlertStatus.RESOLVED, ends_at=max(moment, alert.starts_at), set_aside=True)
