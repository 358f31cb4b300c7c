"""Where the curves around an incident are: the page of its server, node or cluster, with the range that tells of it."""

from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse

from monitoring.models import Incident

BEFORE: Final = timedelta(hours=1)
AFTER: Final = timedelta(minutes=30)


def of(incident: Incident) -> str:
    """The whole address, from an hour before it began until now, or until half an hour after its end; '' where it is
    about nothing that has a page."""
    subject = incident.server or incident.node or incident.cluster
    if subject is None:
        return ""
    end = milliseconds(incident.closed_at + AFTER) if incident.closed_at else "now"
    page = reverse(f"admin:servers_{subject._meta.model_name}_change", args=(subject.pk,))
    asked = urlencode({"from": milliseconds(incident.opened_at - BEFORE), "to": end})
    return f"{settings.PORTAL_URL}{page}?{asked}"


def milliseconds(moment: datetime) -> str:
    """As Grafana spells a moment in an address."""
    return str(int(moment.timestamp() * 1000))
