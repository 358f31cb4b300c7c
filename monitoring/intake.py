"""Webhooks: who may call, keep what came, answer 202, think later.

Alertmanager sends again after 5xx only, so the codes are chosen with care: 503 where we could not keep it, 4xx where
sending it again would not help.
"""

import hmac
import json
import logging
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from monitoring import alertmanager, incidents
from monitoring.alertmanager import NotUnderstood
from monitoring.models import Alert, Inbound
from portal.lib import clock
from portal.lib.nudge import nudge

logger = logging.getLogger(__name__)
MOST_BYTES: Final = 8 * 1024 * 1024
COMPLAINTS: Final = 20


@csrf_exempt
@require_POST
def from_alertmanager(request: HttpRequest) -> HttpResponse:
    """``/hooks/alertmanager/``: 202 kept, 400 no JSON, 401 wrong token, 413 too large, 503 could not be kept."""
    if not _may(request, settings.PORTAL_ALERTMANAGER_TOKEN):
        answer = _say(401, "Send 'Authorization: Bearer TOKEN' with the value of PORTAL_ALERTMANAGER_TOKEN.")
        answer["WWW-Authenticate"] = 'Bearer realm="hooks"'
        return answer
    try:
        body = _body(request)
    except RequestDataTooBig:
        return _say(413, f"At most {MOST_BYTES} bytes: set max_alerts in alertmanager.yml.")
    except UnreadablePostError:
        return _say(400, "The request broke off.")
    try:
        text = body.decode()
        alertmanager.alerts_of(json.loads(text))
    except (ValueError, RecursionError):
        return _say(400, "The body is no JSON.")
    except NotUnderstood as error:
        return _say(400, f"That is no message of Alertmanager: {error}.")
    return _keep(alertmanager.SOURCE, text)


def _keep(source: str, text: str) -> HttpResponse:
    try:
        # PostgreSQL's text cannot hold NUL; nobody sends one in earnest.
        row = Inbound.objects.create(source=source, body=text.replace("\x00", ""))
    except DatabaseError:
        logger.exception("A message of %s could not be kept", source)
        return _say(503, "It could not be kept: send it again.")
    from monitoring.tasks import take_inbound

    nudge(take_inbound, row.pk)
    return _say(202, "Kept.")


def take(row: Inbound) -> int:
    """Turn a kept message into alerts. Returns how many were taken. May be run again: alerts are known by identity."""
    complaints: list[str] = []
    taken = 0
    for raw in alertmanager.alerts_of(json.loads(row.body)):
        try:
            _take_one(alertmanager.read(raw))
            taken += 1
        except NotUnderstood as error:
            complaints.append(str(error))
    if len(complaints) > COMPLAINTS:
        more = _("… and %(count)d more") % {"count": len(complaints) - COMPLAINTS}
        complaints = [*complaints[:COMPLAINTS], more]
    Inbound.objects.filter(pk=row.pk).update(processed_at=clock.now(), taken=taken, error="\n".join(complaints))
    return taken


def _take_one(alert: alertmanager.Received) -> None:
    known = Alert.objects.filter(
        source=alertmanager.SOURCE, fingerprint=alert.fingerprint, starts_at=alert.starts_at
    ).first()
    if alert.firing:
        finding = alertmanager.finding_of(alert)
        incidents.raise_alert(
            finding, source=alertmanager.SOURCE, fingerprint=alert.fingerprint, link=alert.link
        )  # fmt: skip
    elif known:
        incidents.resolve_alert(known, alert.ends_at or clock.now())


def _may(request: HttpRequest, ours: str) -> bool:
    scheme, __, token = request.headers.get("Authorization", "").partition(" ")
    right = hmac.compare_digest(token.strip().encode(), ours.encode())
    return bool(ours) and scheme.lower() == "bearer" and right


def _body(request: HttpRequest) -> bytes:
    """The raw body. Raises RequestDataTooBig before reading what is announced as too large."""
    announced: Any = request.META.get("CONTENT_LENGTH") or 0
    if not str(announced).isdecimal() or int(announced) > MOST_BYTES:
        raise RequestDataTooBig
    return request.read(MOST_BYTES + 1)[:MOST_BYTES]


def _say(status: int, sentence: str) -> HttpResponse:
    return HttpResponse(f"{sentence}\n", status=status, content_type="text/plain; charset=utf-8")
