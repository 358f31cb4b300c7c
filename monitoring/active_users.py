"""Remembers who is working with the portal, with at most one write a minute per person."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from monitoring.models import ActiveUser
from portal.lib import clock

logger = logging.getLogger(__name__)
EVERY: Final = timedelta(minutes=1)


class ActiveUsersMiddleware:
    """Notes the user of each request that carries a session. A note that fails costs nobody their page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self._noted: dict[int, datetime] = {}  # user → when this process last looked, so that most requests ask nobody

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            try:
                self._note(request)
            except DatabaseError as error:
                logger.warning("The time of a user's last request was not kept (%s).", type(error).__name__)
        return response

    def _note(self, request: HttpRequest) -> None:
        user = request.user
        if not user.is_authenticated or user.pk is None:
            return
        moment, noted = clock.now(), self._noted.get(user.pk)
        if noted is not None and abs(moment - noted) < EVERY:
            return
        self._noted[user.pk] = moment
        seen(user.pk)


def seen(user_id: int) -> None:
    """Move the person's last request to now, unless another process did so within the last minute."""
    moment = clock.now()
    rows = ActiveUser.objects.filter(user_id=user_id)
    if rows.filter(last_seen__lte=moment - EVERY).update(last_seen=moment) or rows.exists():
        return
    ActiveUser.objects.bulk_create([ActiveUser(user_id=user_id, last_seen=moment)], ignore_conflicts=True)
