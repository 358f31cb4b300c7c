"""Decisions in words, for the page of whoever published the message."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils import formats, timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from notifications.models import Decision
from notifications.routing.reasons import Reason
from portal.lib import show
from portal.lib.buttons import object_url

MOST: Final = 300
NAMES: Final[dict[str, Any]] = {
    Reason.MATCHED: gettext_lazy("matched"),
    Reason.NOT_MATCHED: gettext_lazy("did not match"),
    Reason.STOPPED: gettext_lazy("not asked"),
    Reason.QUEUED: gettext_lazy("to be told"),
    Reason.GROUPED: gettext_lazy("told together"),
    Reason.REPEATED: gettext_lazy("repeated"),
    Reason.ESCALATED: gettext_lazy("escalated"),
    Reason.RETRIED: gettext_lazy("to be tried again"),
    Reason.DELIVERED: gettext_lazy("delivered"),
    Reason.ACKNOWLEDGED: gettext_lazy("acknowledged"),
    Reason.SNOOZED: gettext_lazy("snoozed"),
    Reason.FAILED: gettext_lazy("failed"),
    Reason.SILENCED: gettext_lazy("silenced"),
    Reason.MAINTENANCE: gettext_lazy("maintenance"),
    Reason.QUIET: gettext_lazy("quiet hours"),
    Reason.NO_ROUTE: gettext_lazy("no route"),
    Reason.NO_CHANNEL: gettext_lazy("no channel"),
    Reason.SEVERITY: gettext_lazy("not severe enough"),
    Reason.DISABLED: gettext_lazy("channel disabled"),
    Reason.DUPLICATE: gettext_lazy("told already"),
    Reason.RATE_LIMITED: gettext_lazy("rate limited"),
    Reason.OVER: gettext_lazy("over before it was told"),
    Reason.UNTOLD: gettext_lazy("nobody had been told"),
}
_GOOD: Final = {Reason.DELIVERED}
_BAD: Final = {Reason.FAILED, Reason.NO_ROUTE, Reason.NO_CHANNEL}
_CALM: Final = {Reason.MATCHED, Reason.QUEUED, Reason.GROUPED, Reason.REPEATED, Reason.ESCALATED}
_MUTED: Final = {Reason.NOT_MATCHED, Reason.STOPPED}


@dataclass(frozen=True, slots=True)
class Line:
    """One decision in words. ``badge`` is what was decided, ``sentence`` why, ``until`` for how long, if it ends."""

    at: datetime
    route: str
    channel: SafeString | str
    badge: SafeString
    sentence: str
    reason: str
    until: datetime | None = None


def of(incident: str) -> list[Line]:
    """The decisions about that incident in their order; the last ones, if there are very many."""
    rows = Decision.objects.filter(incident=incident).select_related("delivery").order_by("-pk")[:MOST]
    return [line(row) for row in reversed(rows)]


def line(row: Decision) -> Line:
    """One decision in words."""
    channel: SafeString | str = row.channel_name
    if row.delivery is not None:
        channel = show.link(object_url(row.delivery), row.channel_name)
    return Line(row.at, row.route_name, channel, badge(row.reason), sentence(row), row.reason, row.until)


def badge(reason: str) -> SafeString:
    """A reason as a label."""
    return show.badge(NAMES.get(reason, reason), tone(reason))


def tone(reason: str) -> str:
    """Its colour: told, on its way, kept back, or lost."""
    if reason in _GOOD:
        return show.GOOD
    if reason in _BAD:
        return show.BAD
    if reason in _CALM:
        return show.CALM
    return show.MUTED if reason in _MUTED else show.WARN


def sentence(row: Decision) -> str:
    """Why, in one sentence."""
    until = clock_time(row.until)
    words = {"name": "", "by": "", "matcher": "", **row.detail, "until": until}
    told = _SENTENCES.get(row.reason)
    if told is not None:
        return str(told(words))
    return str(row.detail.get("sentence", ""))


def clock_time(moment: datetime | None) -> str:
    """A moment as date and time in the reader's zone; empty for none."""
    return formats.date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT") if moment else ""


def stopped(by: str, *, rest: bool) -> str:
    """Why a route was not asked. ``rest``: it is the default one."""
    if rest:
        return _("The route “%s” took it: this one takes only the rest.") % by
    return _("The route “%s” took it and does not go on.") % by


def _grouped(words: dict[str, Any]) -> str:
    if words["until"]:
        return _("It waits for others of its group and is told with them, at %(until)s at the latest.") % words
    return _("It was told in one message with others.")


def _retried(words: dict[str, Any]) -> str:
    return _("%(sentence)s Next attempt: %(until)s") % {"sentence": "", **words}


def _duplicate(words: dict[str, Any]) -> str:
    if words["by"]:
        return _("The route “%(by)s” tells this channel already.") % words
    return _("This channel was told of it already.")


_SENTENCES: Final[dict[str, Callable[[dict[str, Any]], str]]] = {
    Reason.MATCHED: lambda words: _("All its conditions hold."),
    Reason.NOT_MATCHED: lambda words: _("This does not hold: %(matcher)s") % words,
    Reason.STOPPED: lambda words: stopped(words["by"], rest=bool(words.get("rest"))),
    Reason.QUEUED: lambda words: _("A message was handed to the channel."),
    Reason.GROUPED: _grouped,
    Reason.REPEATED: lambda words: _("Nobody had acknowledged it, so it was said again."),
    Reason.ESCALATED: lambda words: _("Nobody had acknowledged it in time."),
    Reason.RETRIED: _retried,
    Reason.ACKNOWLEDGED: lambda words: _("%(by)s looks after it: it is neither repeated nor escalated.") % words,
    Reason.SNOOZED: lambda words: _("Until %(until)s %(by)s wants to hear no more of it.") % words,
    Reason.SILENCED: lambda words: _("Until %(until)s: silence “%(name)s”") % words,
    Reason.MAINTENANCE: lambda words: _("Until %(until)s: maintenance “%(name)s”") % words,
    Reason.QUIET: lambda words: (
        _("The route keeps quiet until %(until)s; then it is told, if it still matters.") % words
    ),
    Reason.NO_ROUTE: lambda words: _("No route matched, and the default route is switched off: nobody was told."),
    Reason.NO_CHANNEL: lambda words: _("The route names no channel that is there and enabled."),
    Reason.SEVERITY: lambda words: _("The channel takes only what is more severe."),
    Reason.DISABLED: lambda words: _("The channel is disabled."),
    Reason.DUPLICATE: _duplicate,
    Reason.RATE_LIMITED: lambda words: _("Until %(until)s the channel has sent as much as it may.") % words,
    Reason.OVER: lambda words: _("It was over before anybody had to be told."),
    Reason.UNTOLD: lambda words: _("Nobody was told of the trouble here, so its end was not sent either."),
}
