"""The words and colours of incidents."""

from typing import Any, Final

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from monitoring.models import Incident, Severity
from portal.lib import clock, show
from portal.lib.buttons import object_url

TONES: Final[dict[str, str]] = {Severity.CRITICAL: show.BAD, Severity.WARNING: show.WARN, Severity.INFO: show.CALM}


def severity(incident: Incident) -> SafeString:
    """How bad it is, as a label."""
    return show.badge(incident.get_severity_display(), TONES.get(incident.severity, show.MUTED))


def state(incident: Incident) -> SafeString:
    """Open, acknowledged by whom, or over."""
    if incident.closed_at:
        return show.badge(_("over"), show.GOOD, title=incident.ending)
    if incident.acknowledged_at:
        return show.badge(_("%(who)s looks after it") % {"who": incident.acknowledged_by or "?"}, show.CALM)
    if incident.flaps_at(clock.now()):
        return show.badge(_("flapping"), show.BAD)
    return show.badge(_("open"), show.BAD)


def subject(incident: Incident) -> SafeString | str:
    """A link to the server, node or cluster that it is about."""
    found: Any = incident.server or incident.node or incident.cluster
    return show.link(object_url(found), found) if found else show.DASH
