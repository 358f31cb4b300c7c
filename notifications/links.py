"""Addresses of forms that are filled in already."""

from collections.abc import Mapping

from django.urls import reverse
from django.utils.http import urlencode

from notifications.routing.matchers import Matcher, Operator, written


def matchers_of(labels: Mapping[str, str]) -> str:
    """Labels as matchers: all must be equal."""
    return written(Matcher(name, Operator.EQUAL, value) for name, value in labels.items())


def silence(labels: Mapping[str, str], *, period: str = "", reason: str = "") -> str:
    """The form for a silence of that thing."""
    filled = {name: value for name, value in {"period": period, "reason": reason}.items() if value}
    return _with("admin:notifications_silence_add", matchers=matchers_of(labels), **filled)


def try_it(labels: Mapping[str, str]) -> str:
    """The page that says who would be told."""
    return _with("admin:notifications_route_try", labels=matchers_of(labels))


def _with(name: str, **values: str) -> str:
    return f"{reverse(name)}?{urlencode(values)}"
