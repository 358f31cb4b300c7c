"""An incident's page: what, since when, why, who was told, what changed, and what can be done now."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from monitoring import graph_links, runbooks, setting_aside, shipped
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
from portal.lib.sections import Section, section

AROUND: Final = timedelta(minutes=30)
WHOLE: Final = "whole"  # in the address: every line, however many
MOST_WAITING: Final = 5  # lines at the top about what is still to be told


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
    """Why nobody is told at this moment, beyond silences: what the routes and their channels wait for."""
    if not incident.is_open:
        return []
    # Of each route and channel what was decided last: what came before is no longer so.
    last = {(line.route, line.channel): line for line in decisions(incident.message_id)}
    lines = [line for line in last.values() if line.until and line.until > clock.now()]
    waits = [line for line in lines if line.reason in {"quiet", "grouped", "rate_limited", "retried"}]
    return [(_about_waiting(line), line.badge) for line in waits[-MOST_WAITING:]]


def _about_waiting(line: Any) -> Any:
    return format_html("{}: {}", line.channel, line.sentence) if line.channel else line.sentence


def _buttons(request: HttpRequest, incident: Incident) -> list[dict[str, str]]:
    page, found = object_url(incident).removesuffix("change/"), []
    if may(request.user, "acknowledge", incident):
        found += [
            {"url": f"{page}acknowledge/", "text": _("Acknowledge"), "icon": "front_hand", "css": "pm-primary"},
            {"url": f"{page}snooze/", "text": _("Snooze"), "icon": "snooze", "css": ""},
        ]
    if may(request.user, "close", incident) and setting_aside.is_told_by_others(incident):
        found.append({"url": f"{page}close/", "text": _("Mark as over"), "icon": "task_alt", "css": ""})
    return found


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
    found = [
        Entry(line.at, "send", line.channel, format_html("{} {} {}", line.title, *_became(line)), tone=line.tone)
        for line in told(incident.message_id)
    ]
    empty = _("Nobody was told of it, and it is over.")
    if incident.closed_at is None:
        empty = _("Nobody has been told of it. The decisions below say why.")
    return _story(request, _("Who was told"), "send", found, empty)


def _became(line: Any) -> tuple[Any, str]:
    """What became of the message, and what there is to remark."""
    return show.badge(line.state, line.tone), line.remark


@section("monitoring.incident", order=18)
def incident_decisions(request: HttpRequest, incident: Incident) -> Section:
    """Why somebody was told of it, or was not: every decision, in order."""
    found = [
        Entry(line.at, "alt_route", _for_whom(line), format_html("{} {}", line.badge, line.sentence))
        for line in decisions(incident.message_id)
    ]
    empty = _("Nothing was decided about it: it was told before decisions were kept.")
    section = _story(request, _("Why it was told, or not"), "alt_route", found, empty)
    url = try_url(incident.judged_labels) if may_see_rules(request.user) else ""
    return replace(section, url=url, url_text=_("Try the routes"))


def _for_whom(line: Any) -> Any:
    """The route, and the channel where it is about one."""
    if not line.route:
        return line.channel or _("All routes")
    route = _("Route “%s”") % line.route
    return format_html("{} → {}", route, line.channel) if line.channel else route


@section("monitoring.incident", order=20)
def incident_similar(request: HttpRequest, incident: Incident) -> Section:
    """What was like it before, and how that ended."""
    found = similar.before(incident)
    entries = [
        Entry(
            one.opened_at, "history" if one in found.same else "share",
            show.link(object_url(one), one.title, "pm-link pm-break"),
            _how_it_went(one),
            str(one.acknowledged_by or ""),
        )
        for one in [*found.same, *found.near]
    ]  # fmt: skip
    empty = _("There was nothing like it before, neither here nor elsewhere in its cluster.")
    words = ngettext("%(count)d time in 30 days before", "%(count)d times in 30 days before", found.often)
    note = words % {"count": found.often} if found.often else ""
    return _story(request, _("Similar ones before"), "history", entries, empty, note)


def _how_it_went(one: Incident) -> str:
    facts = {"span": clock.span(one.duration), "ending": one.ending}
    return _("Lasted %(span)s. %(ending)s") % facts if one.closed_at else _("It has lasted %(span)s so far.") % facts
