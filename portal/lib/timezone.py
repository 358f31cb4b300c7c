"""Times are kept in UTC and shown in the zone of the person who looks: their browser says which in a cookie."""

from collections.abc import Callable
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

COOKIE = "portal_timezone"
KNOWN = frozenset(available_timezones())


class TimezoneMiddleware:
    """Activates the zone of the cookie for one request; anything that is no zone's name means UTC."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = request.COOKIES.get(COOKIE, "")
        with timezone.override(ZoneInfo(name) if name in KNOWN else None):
            return self.get_response(request)
