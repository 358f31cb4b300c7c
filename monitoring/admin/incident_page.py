"""An incident's page: what, since when, why, who was told, what changed, and what can be done now."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from monitoring import graph_links, runbooks, shipped
from monitoring.admin import shown, thing_panels
from monitoring.models import Incident
from monitoring.story import changes, similar, timeline
from monitoring.story.entries import Entry, cut
from monitoring.story.scope import Scope
from monitoring.things import identity_of
from notifications import decisions, may_see_rules, may_silence, muted_now, silence_url, told, try_url
from portal.lib import clock, show
from portal.lib.access import may
from portal.lib.buttons import object_url
from portal.lib.sections import Section, Table, section

AROUND: Final = timedelta(minutes=30)
MOST_DECISIONS: Final = 100
WHOLE: Final = "whole"  # in the address: every line, however many


@section("monitoring.incident:top", order=10)
def incident_now(request: HttpRequest, incident: Incident) -> Section:
    """How it stands, and what can be done."""
    context = {
        "incident": incident,
        "marks": shown.marks(incident, muted_now(incident.judged_labels) if incident.is_open else ()),
        "held": _held(incident),
        "facts": _facts(incident),
        "buttons": _buttons(request, incident),
        "silences": _silences(request, incident),
        "runbooks": [(name, reverse("runbook", args=[name])) for name in _runbooks(incident)],
    }
    return Section(incident.title, "monitoring/incident/now.html", context, icon="crisis_alert", wide=True)


def _facts(incident: Incident) -> list[tuple[str, Any]]:
    curves = graph_links.of(incident)
    return [
        (_("Where"), shown.subject(incident)),
        (_("What is wrong"), incident.get_condition()),
        (_("Began"), shown.when(incident.opened_at)),
        (_("Lasted") if incident.closed_at else _("For"), clock.span(incident.duration)),
        (_("Over"), shown.when(incident.closed_at) if incident.closed_at else ""),
        (_("How it ended"), incident.ending),
        (_("Acknowledged"), shown.acknowledgement(incident)),
        (_("Came back"), _came_back(incident)),
        (_("Its curves"), show.link(curves, _("around that time")) if curves else ""),
    ]


def _came_back(incident: Incident) -> str:
    if not incident.flaps:
        return ""
    return ngettext("%(count)d time", "%(count)d times", incident.flaps) % {"count": incident.flaps}


def _held(incident: Incident) -> list[tuple[str, SafeString]]:
    """Why nobody is told at this moment, beyond silences: what the routes wait for."""
    if not incident.is_open:
        return []
    lines = [line for line in decisions(incident.message_id) if line.until and line.until > clock.now()]
    waits = [line for line in lines if line.reason in {"quiet", "grouped", "rate_limited", "retried"}]
    return [(line.sentence, line.badge) for line in waits[-3:]]


def _buttons(request: HttpRequest, incident: Incident) -> list[dict[str, str]]:
    if not may(request.user, "acknowledge", incident):
        return []
    page = object_url(incident).removesuffix("change/")
    return [
        {"url": f"{page}acknowledge/", "text": _("Acknowledge"), "icon": "front_hand", "css": "pm-primary"},
        {"url": f"{page}snooze/", "text": _("Snooze"), "icon": "snooze", "css": ""},
    ]


def _silences(request: HttpRequest, incident: Incident) -> list[tuple[str, list[tuple[str, str]]]]:
    """Links to the filled-in form: of this incident alone, and of everything about its thing."""
    if not incident.is_open or not may_silence(request.user):
        return []
    thing: Any = incident.server or incident.node or incident.cluster
    found = [(_("Silence this incident"), {"incident": incident.message_id})]
    if thing is not None:
        found.append((_("Silence all about %s") % thing, identity_of(thing)))
    return [(words, _periods(labels, incident.title)) for words, labels in found]


def _periods(labels: Mapping[str, str], reason: str) -> list[tuple[str, str]]:
    words = {"1": _("1 hour"), "4": _("4 hours"), "24": _("1 day"), "until": _("until …")}
    return [(text, silence_url(labels, period=period, reason=reason)) for period, text in words.items()]


def _runbooks(incident: Incident) -> list[str]:
    """The runbooks of the rules that fired, or of those that would fire for such trouble."""
    named = incident.alerts.order_by().values_list("labels__alertname", flat=True).distinct()
    known = runbooks.names()
    fired = [str(name) for name in named if name in known]
    return sorted(fired or [name for name in shipped.rules_of(incident.condition) if name in known])[:3]


@section("monitoring.incident", order=10)
def incident_timeline(request: HttpRequest, incident: Incident) -> Section:
    """What happened, in order."""
    found = timeline.of(incident, request.user, Scope.of(incident))
    note = ngettext("%(count)d entry", "%(count)d entries", len(found)) % {"count": len(found)}
    return _story(request, _("What happened"), "timeline", found, "", note)


@section("monitoring.incident", order=12)
def incident_changes(request: HttpRequest, incident: Incident) -> Section:
    """What changed shortly before."""
    found = changes.before(incident, request.user, Scope.of(incident))
    empty = _("Nothing that the portal knows of changed in that time, neither on it nor on what it rests on.")
    return _story(request, _("What changed in the half hour before"), "difference", found, empty)


def _story(request: HttpRequest, title: str, icon: str, found: Sequence[Entry], empty: str, note: str = "") -> Section:  # noqa: PLR0913, PLR0917
    context = {"story": cut(found, whole=WHOLE in request.GET), "empty": empty, "whole": f"?{WHOLE}=1"}
    return Section(title, "monitoring/incident/story.html", context, icon=icon, note=note, wide=True)


@section("monitoring.incident", order=14)
def incident_panels(request: HttpRequest, incident: Incident) -> Section | None:
    """The curves around its beginning."""
    thing: Any = incident.server or incident.node or incident.cluster
    if thing is None:
        return None
    end = incident.opened_at + AROUND
    to = "now" if end >= clock.now() else graph_links.milliseconds(end)
    unasked = {"from": graph_links.milliseconds(incident.opened_at - AROUND), "to": to}
    if to != "now":
        unasked["refresh"] = ""
    return thing_panels.of_thing(request, thing, unasked)


@section("monitoring.incident", order=16)
def incident_messages(request: HttpRequest, incident: Incident) -> Section:
    """Who was told of it."""
    rows = [[line.title, line.channel, shown.became(line), show.exact(line.at)] for line in told(incident.message_id)]
    empty = _("Nobody was told of it, and it is over.")
    if incident.closed_at is None:
        empty = _("Nobody has been told of it. The decisions below say why.")
    head = [_("Message"), _("Channel"), _("State"), _("When")]
    return _table(_("Who was told"), "send", head, rows, empty)


@section("monitoring.incident", order=18)
def incident_decisions(request: HttpRequest, incident: Incident) -> Section:
    """Why somebody was told of it, or was not: every decision, in order."""
    lines = decisions(incident.message_id)
    shown_lines = lines if WHOLE in request.GET else lines[-MOST_DECISIONS:]
    rows = [
        [show.exact(line.at), line.route or show.DASH, line.channel or show.DASH, line.badge, line.sentence]
        for line in shown_lines
    ]
    head = [_("When"), _("Route"), _("Channel"), _("Decision"), _("Why")]
    empty = _("Nothing was decided about it: it was told before decisions were kept.")
    url = try_url(incident.judged_labels) if may_see_rules(request.user) else ""
    return _table(_("Why it was told, or not"), "alt_route", head, rows, empty, url)


@section("monitoring.incident", order=20)
def incident_similar(request: HttpRequest, incident: Incident) -> Section:
    """What was like it before, and how that ended."""
    found = similar.before(incident)
    rows = [
        [
            show.link(object_url(one), one.title, "pm-link pm-break"),
            show.exact(one.opened_at),
            clock.span(one.duration),
            one.ending or _("not over yet"),
            str(one.acknowledged_by or show.DASH),
        ]
        for one in [*found.same, *found.near]
    ]
    head = [_("Trouble"), _("Began"), _("Lasted"), _("How it ended"), _("Who looked after it")]
    table = Table(head, rows, _("There was nothing like it before, neither here nor elsewhere in its cluster."))
    words = ngettext("once in 30 days before", "%(count)d times in 30 days before", found.often)
    note = words % {"count": found.often} if found.often else ""
    return Section(_("Similar ones before"), context={"table": table}, icon="history", note=note, wide=True)


def _table(title: str, icon: str, head: list[Any], rows: list[list[Any]], empty: Any, url: str = "") -> Section:  # noqa: PLR0913, PLR0917
    context = {"table": Table(head, rows, empty)}
    return Section(title, context=context, icon=icon, url=url, url_text=_("Try the routes"), wide=True)
