"""What a route means in plain words, from its row or from a form as it is typed."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _

from notifications import summary
from notifications.models import AlertChannel, QuietWindow, Route
from notifications.routing.rules import Receiver, RouteRule, Step
from notifications.rulebook import as_receiver, routes


def rule_of_form(form: Any, request: HttpRequest, windows_of: Any, steps_of: Any) -> RouteRule:
    """The route that a form would make; what is not valid in it is left out."""
    cleaned = form.cleaned_data
    route = form.instance
    every = cleaned.get("every_channel")
    chosen = AlertChannel.objects.filter(enabled=True) if every else cleaned.get("channels") or []
    windows = [
        QuietWindow(**{name: part[name] for name in ("days", "begins", "ends")}).weekly(
            cleaned.get("quiet_zone", "UTC")
        )
        for part in _parts(windows_of, request, form.instance)
        if part.get("days") and part.get("begins") is not None and part.get("ends") is not None
    ]
    steps = [
        Step(timedelta(minutes=part["after_minutes"]), _receivers(part.get("channels") or []))
        for part in _parts(steps_of, request, form.instance)
        if part.get("after_minutes")
    ]
    return route.rule(_receivers(chosen), windows, steps)


def _receivers(channels: Any) -> tuple[Receiver, ...]:
    return tuple(as_receiver(channel) for channel in channels)


def _parts(inline: Any, request: HttpRequest, route: Route) -> list[dict[str, Any]]:
    shown = inline(Route, admin.site)
    formset = shown.get_formset(request, route if route.pk else None)(request.POST, instance=route)
    if not formset.management_form.is_valid():
        return []
    formset.is_valid()
    cleaned = [getattr(form, "cleaned_data", {}) for form in formset.forms]
    return [part for part in cleaned if part and not part.get("DELETE")]


def in_words(rule: RouteRule, pk: int) -> dict[str, Any]:
    """What a route means and what is odd about it, for the template ``route_words.html``."""
    before = []
    for other in routes():
        if other.pk == pk or (other.is_default and not rule.is_default):
            break
        before.append(other)
    recent = summary.recent_messages()
    number = summary.how_many(rule.matchers, recent)
    return {
        "sentences": summary.of(rule),
        "problems": summary.problems(rule, recent, before),
        "matched": _("It matches %(number)d of the %(all)d messages of the last 30 days.")
        % {"number": number, "all": len(recent)}
        if recent and not rule.is_default
        else "",
    }
