"""A route in plain words, and what is odd about it."""

from collections.abc import Iterable
from datetime import time, timedelta
from typing import Any, Final

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from notifications.models import AlertChannel, Notification, Route
from notifications.models.fields import WEEKDAYS
from notifications.routing.matchers import Matcher, Matchers, Operator, failing
from notifications.routing.rules import Grouping, Receiver, RouteRule
from notifications.routing.windows import Weekly
from notifications.rulebook import as_receiver, facts_of, rule_of
from portal.lib import clock

LOOK_BACK: Final = timedelta(days=30)
MOST: Final = 300
MIDNIGHT: Final = time(0)
_VERBS: Final[dict[Operator, Any]] = {
    Operator.EQUAL: gettext_lazy("%(name)s is “%(value)s”"),
    Operator.UNEQUAL: gettext_lazy("%(name)s is not “%(value)s”"),
    Operator.MATCHES: gettext_lazy("%(name)s matches “%(value)s”"),
    Operator.MATCHES_NOT: gettext_lazy("%(name)s does not match “%(value)s”"),
}


def of(rule: RouteRule) -> list[str]:
    """What a route does, sentence by sentence."""
    found = [_who(rule), _together(rule), _repeats(rule), *_steps(rule), *_quiet(rule), _then(rule)]
    return [sentence for sentence in found if sentence]


def conditions(matchers: Matchers) -> str:
    """Matchers in words."""
    return pgettext("between conditions", " and ").join(_condition(matcher) for matcher in matchers)


def _condition(matcher: Matcher) -> str:
    words = {"name": matcher.name, "value": matcher.value}
    if matcher.value == "" and matcher.operator == Operator.EQUAL:
        return _("there is no %(name)s") % words
    if matcher.value == "" and matcher.operator == Operator.UNEQUAL:
        return _("there is a %(name)s") % words
    return str(_VERBS[matcher.operator] % words)


def names(channels: Iterable[Receiver]) -> str:
    """Channels in a row."""
    return ", ".join(channel.name for channel in channels)


def _who(rule: RouteRule) -> str:
    if rule.every_channel:
        whom = _("every enabled channel (%s)") % names(rule.channels) if rule.channels else _("every enabled channel")
    else:
        whom = names(rule.channels) or _("nobody")
    if rule.is_default:
        return _("What no other route took goes to %(whom)s.") % {"whom": whom}
    if not rule.matchers:
        return _("Every message goes to %(whom)s.") % {"whom": whom}
    return _("When %(conditions)s, the message goes to %(whom)s.") % {
        "conditions": conditions(rule.matchers), "whom": whom,
    }  # fmt: skip


def _together(rule: RouteRule) -> str:
    if rule.grouping == Grouping.EACH:
        return _("Each trouble is told by itself, at once.")
    words = {"wait": clock.span(rule.wait), "interval": clock.span(rule.interval), "labels": ", ".join(rule.group_by)}
    if rule.grouping == Grouping.ALL:
        return (
            _("Everything is told together: %(wait)s after the first trouble, then at most every %(interval)s.") % words
        )
    return (
        _(
            "What agrees in %(labels)s is told together: %(wait)s after the first trouble, then at most "
            "every %(interval)s."
        )
        % words
    )


def _repeats(rule: RouteRule) -> str:
    if rule.repeat is None:
        return ""
    return _("It is said again every %s, until somebody acknowledges it or it is over.") % clock.span(rule.repeat)


def _steps(rule: RouteRule) -> list[str]:
    return [
        _("If nobody has acknowledged it after %(after)s, it also goes to %(whom)s.")
        % {"after": clock.span(step.after), "whom": names(step.channels) or _("nobody")}
        for step in rule.steps
    ]


def _quiet(rule: RouteRule) -> list[str]:
    if not rule.quiet:
        return []
    hours = "; ".join(hours_of(window) for window in rule.quiet)
    sentences = [
        _("It keeps quiet %(hours)s (%(zone)s), and tells afterwards in one message what happened.")
        % {"hours": hours, "zone": rule.quiet[0].zone}
    ]
    if rule.exempt:
        sentences.append(_("At any hour it tells what is %s.") % ", ".join(severities(rule.exempt)))
    return sentences


def severities(chosen: Iterable[str]) -> list[str]:
    """Severities in words, the worst first."""
    words = {"critical": _("critical"), "warning": _("warning"), "info": _("info")}
    return [word for severity, word in words.items() if severity in set(chosen)]


def hours_of(window: Weekly) -> str:
    """“Mon–Fri 22:00–07:00”."""
    if window.begins == window.ends:
        from_then = _("from %(begins)s for a day") % {"begins": f"{window.begins:%H:%M}"}
        hours = _("all day") if window.begins == MIDNIGHT else from_then
        return f"{days_of(window.days)} {hours}"
    return f"{days_of(window.days)} {window.begins:%H:%M}–{window.ends:%H:%M}"


def days_of(days: Iterable[int]) -> str:
    """Weekdays in a row, three and more that follow each other as “Mon–Fri”."""
    chosen, short = sorted(set(days)), dict(WEEKDAYS)
    if len(chosen) == 7:
        return _("every day")
    runs: list[list[int]] = []
    for day in chosen:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(
        f"{short[run[0]]}–{short[run[-1]]}" if len(run) > 2 else ", ".join(str(short[day]) for day in run)
        for run in runs
    )


def _then(rule: RouteRule) -> str:
    if rule.is_default:
        return ""
    if rule.goes_on:
        return _("The routes below are asked too.")
    return _("No route below is asked.")


# --- what is odd


def recent_messages() -> list[Any]:
    """The messages of the last 30 days, the newest first, at most 300: their facts and severity."""
    rows = Notification.objects.filter(created_at__gte=clock.now() - LOOK_BACK, status="firing")
    return [facts_of(row.message) for row in rows.order_by("-pk")[:MOST] if not row.key.count(":repeat:")]


def how_many(matchers: Matchers, recent: list[Any]) -> int:
    """How many of these messages are meant."""
    return sum(failing(matchers, facts) is None for facts in recent)


def problems(rule: RouteRule, recent: list[Any], before: Iterable[RouteRule]) -> list[str]:
    """What is odd about a route: nobody would hear of it, nothing matched it, or nothing can reach it."""
    found = []
    if not any(channel.enabled for channel in rule.channels):
        found.append(_("None of its channels is enabled: nobody is told."))
    blocking = next((other for other in before if not other.matchers and not other.goes_on), None)
    if blocking is not None and not rule.is_default:
        found.append(_("“%s” above takes every message and does not go on: this route is never asked.") % blocking.name)
    if recent and not rule.is_default and not how_many(rule.matchers, recent):
        words = ngettext(
            "Nothing of the last 30 days matches it (%d message).",
            "Nothing of the last 30 days matches it (%d messages).",
            len(recent),
        )
        found.append(words % len(recent))
    return [capfirst(sentence) for sentence in found]


def judged(routes: Iterable[Route]) -> dict[int, list[str]]:
    """The problems of each of these routes, which are in their order, by key."""
    every = [as_receiver(channel) for channel in AlertChannel.objects.order_by("pk")]
    recent = recent_messages()
    before: list[RouteRule] = []
    found: dict[int, list[str]] = {}
    for route in routes:
        rule = rule_of(route, every)
        if rule is None:
            found[route.pk] = [_("Its conditions cannot be read: the route is passed over.")]
            continue
        found[route.pk] = problems(rule, recent, before) if route.enabled else []
        if route.enabled:
            before.append(rule)
    return found
