"""The words and colours of incidents."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from django.utils import formats, timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
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


def marks(incident: Incident, mutes: Iterable[Any]) -> SafeString:
    """Its state and severity, and beside them what keeps it quiet: facts, not states."""
    found = [severity(incident), state(incident)]
    if incident.acknowledged_at and incident.is_open:
        found[1:] = [show.badge(_("open"), show.BAD), found[1]]
    if incident.snoozed_at(clock.now()):
        found.append(show.badge(_("snoozed until %s") % moment_words(incident.snoozed_until), show.WARN))
    if incident.flaps_at(clock.now()) and incident.is_open and incident.acknowledged_at:
        found.append(show.badge(_("flapping"), show.WARN))
    for mute in mutes:
        kind = {"silenced": _("silenced"), "maintenance": _("maintenance")}.get(str(mute.kind), mute.kind)
        words = _("%(kind)s until %(until)s: %(name)s")
        facts = {"kind": kind, "until": moment_words(mute.until), "name": Truncator(mute.name).chars(60)}
        found.append(show.badge(words % facts, show.WARN, title=mute.name))
    return format_html('<span class="pm-badges">{}</span>', format_html_join("", "{}", ((one,) for one in found)))


def suppressed(incident: Incident, mutes: Iterable[Any]) -> SafeString | str:
    """What keeps it quiet, for a list: snoozed, silenced, maintenance."""
    if not incident.is_open:
        return ""
    found = [(_("snoozed"), incident.snoozed_until)] if incident.snoozed_at(clock.now()) else []
    names = {"silenced": _("silenced"), "maintenance": _("maintenance")}
    found += [(names.get(str(mute.kind), str(mute.kind)), mute.until) for mute in mutes]
    badges = [
        show.badge(words, show.WARN, title=_("until %s") % moment_words(until)) for words, until in dict(found).items()
    ]
    return format_html_join("", " {}", ((one,) for one in badges))


def moment_words(moment: datetime | None) -> str:
    """Day and time in the reader's zone."""
    return formats.date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT") if moment else ""


def when(moment: datetime | None) -> SafeString:
    """The exact time, and how long ago it was."""
    return format_html('{} <span class="pm-sub">{}</span>', show.exact(moment), clock.ago(moment))


def acknowledgement(incident: Incident) -> SafeString | str:
    """By whom and when."""
    if incident.acknowledged_at is None:
        return _("by nobody")
    return format_html("{} {}", incident.acknowledged_by or "?", when(incident.acknowledged_at))


def subject(incident: Incident) -> SafeString | str:
    """A link to the server, node or cluster that it is about."""
    found: Any = incident.server or incident.node or incident.cluster
    return show.link(object_url(found), found) if found else show.DASH
