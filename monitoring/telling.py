"""What is said of an incident: its beginning, that it got worse, that it flaps, its end. The only caller of
``publish``; always inside the transaction of what happened."""

from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from monitoring import graph_links
from monitoring.models import Condition, Incident
from monitoring.models.incident import flapping_window
from notifications import Message, Severity, Status, publish
from portal.lib import clock


def beginning(incident: Incident) -> None:
    """It is there."""
    publish(_message(incident, Status.FIRING, incident.text, incident.opened_at))


def late(incident: Incident) -> None:
    """It has been there for a while and nobody was told, for want of a channel. ``told`` is one more than before."""
    words = _("It has been so for %(span)s, and nobody was told before. %(text)s")
    text = words % {"span": clock.span(incident.duration), "text": incident.text}
    publish(_message(incident, Status.FIRING, text, incident.opened_at))


def worse(incident: Incident) -> None:
    """It is worse than was told. The incident's severity is the new one, ``told`` one more than before."""
    words = _("This is %(severity)s by now. %(text)s")
    text = words % {"severity": incident.get_severity_display(), "text": incident.text}
    publish(_message(incident, Status.FIRING, text, clock.now()))


def flapping(incident: Incident, moment: datetime, since_end: str) -> None:
    """It is back soon after its end. Said once: what follows is kept and not told, until it stays over."""
    times = ngettext("for the %(count)d. time", "for the %(count)d. time", incident.flaps) % {"count": incident.flaps}
    words = _("It is back %(times)s, %(span)s after its end: it flaps. Its end is told when it has been over for "
              "%(window)s; until then its comings and goings are kept here and not told. %(text)s")  # fmt: skip
    facts = {"times": times, "span": since_end, "window": clock.span(flapping_window()), "text": incident.text}
    publish(_message(incident, Status.FIRING, words % facts, moment))


def not_over(incident: Incident) -> None:
    """Its end was told, and a source goes on saying that it is there."""
    words = _("It is not over: a source goes on saying that it is there. %(text)s")
    publish(_message(incident, Status.FIRING, words % {"text": incident.text}, clock.now()))


def end(incident: Incident) -> None:
    """It is over."""
    text = _("%(ending)s It lasted %(span)s.") % {"ending": incident.ending, "span": clock.span(incident.duration)}
    if incident.flaps:
        came = ngettext("It came back once.", "It came back %(count)d times.", incident.flaps)
        text = f"{text} {came % {'count': incident.flaps}}"
    publish(_message(incident, Status.RESOLVED, text, incident.closed_at or clock.now()))


def ending(incident: Incident) -> str:
    """Why it is over, in a sentence."""
    server, cluster = incident.server, incident.cluster
    if (cluster is None and "cluster" in incident.labels and incident.condition in Condition.values) or (
        cluster is not None and not cluster.enabled
    ):
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
    if curves := graph_links.of(incident):
        told = _("Its curves around that time: %(address)s") % {"address": curves}
        text = f"{text}\n\n{told}".strip()
    return Message(
        id=incident.message_id, title=incident.title, text=text, severity=Severity(incident.severity), status=status,
        timestamp=moment, sequence=incident.told, labels={"condition": incident.condition, **incident.labels},
        link=f"{settings.PORTAL_URL}{address}",
    )  # fmt: skip
