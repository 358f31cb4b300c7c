"""Webhooks: who may call, keep what came, answer 202, think later.

Senders try again after 5xx only, so the codes are chosen with care: 503 where we could not keep it, 4xx where sending
it again would not help.
"""

import json
import logging
from collections.abc import Callable
from typing import Any, Final

from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from monitoring import alertmanager, canary, hook_tokens, proxmox_events
from monitoring.hook_tokens import Sender
from monitoring.models import Inbound, Source, TokenKind
from monitoring.payloads import NotUnderstood
from portal.lib.nudge import nudge_one

logger = logging.getLogger(__name__)
MOST_BYTES: Final = 8 * 1024 * 1024
# Grafana's defaults; its contact point must name the second one for a signature to be good for a short time only.
SIGNATURE: Final = "X-Grafana-Alerting-Signature"
SIGNED_AT: Final = "X-Grafana-Alerting-Timestamp"
CHECKS: Final[dict[str, Callable[[Any], Any]]] = {
    Source.ALERTMANAGER: alertmanager.alerts_of,
    Source.GRAFANA: alertmanager.alerts_of,
    Source.PROXMOX: proxmox_events.check,
}


class Refused(Exception):
    """The request is not taken: a status and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        self.status, self.sentence = status, sentence
        super().__init__(sentence)


@csrf_exempt
@require_POST
def from_alertmanager(request: HttpRequest) -> HttpResponse:
    """``/hooks/alertmanager/``: 202 kept, 400 no JSON, 401 wrong token, 413 too large, 503 could not be kept."""
    return _answer(request, Source.ALERTMANAGER)


@csrf_exempt
@require_POST
def from_grafana(request: HttpRequest) -> HttpResponse:
    """``/hooks/grafana/``: the same; 401 also for a message that is not signed, where there is a key to sign with."""
    return _answer(request, Source.GRAFANA)


@csrf_exempt
@require_POST
def from_proxmox(request: HttpRequest) -> HttpResponse:
    """``/hooks/proxmox/``: the same; the token tells which cluster speaks."""
    return _answer(request, Source.PROXMOX)


def _answer(request: HttpRequest, source: Source) -> HttpResponse:
    try:
        sender = _sender(request, source)
        body = _body(request)
        if source == Source.GRAFANA:
            _check_signature(request, body)
        return _keep(source, sender, *_read(source, body))
    except Refused as error:
        return _say(error.status, error.sentence)
    except DatabaseError:
        logger.exception("A message of %s could not be kept", source)
        return _say(503, "It could not be kept: send it again.")


def _sender(request: HttpRequest, source: Source) -> Sender:
    """Who calls. Raises Refused. A sender that signs needs no token where none was made."""
    scheme, __, token = request.headers.get("Authorization", "").partition(" ")
    sender = hook_tokens.sender(source, token.strip()) if scheme.lower() == "bearer" else None
    if sender is not None:
        return sender
    signs = hook_tokens.wants(source, TokenKind.SIGNATURE) and not hook_tokens.wants(source, TokenKind.BEARER)
    if source == Source.GRAFANA and signs:
        return Sender()
    raise Refused(401, "Send 'Authorization: Bearer TOKEN' with a token that is taken here (Webhook tokens).")


def _check_signature(request: HttpRequest, body: bytes) -> None:
    if not hook_tokens.wants(Source.GRAFANA, TokenKind.SIGNATURE):
        return
    signature, signed_at = request.headers.get(SIGNATURE, ""), request.headers.get(SIGNED_AT, "")
    if not hook_tokens.signed(Source.GRAFANA, body, signature, signed_at):
        raise Refused(401, f"Sign the body: {SIGNATURE} is missing, wrong, or older than five minutes.")


def _read(source: Source, body: bytes) -> tuple[str, bool]:
    """The body as text that can be read later, and whether it is only the canary. Raises Refused."""
    try:
        text = body.decode()
        payload = json.loads(text)
        CHECKS[source](payload)
    except (ValueError, RecursionError):
        raise Refused(400, "The body is no JSON.") from None
    except NotUnderstood as error:
        raise Refused(400, f"That is no message of {source.label}: {error}.") from None
    # PostgreSQL's text cannot hold NUL; nobody sends one in earnest.
    return text.replace("\x00", ""), source == Source.ALERTMANAGER and canary.is_only_canary(payload)


def _keep(source: Source, sender: Sender, text: str, is_canary: bool) -> HttpResponse:
    Inbound.objects.create(source=source, cluster_id=sender.cluster_id, body=text, canary=is_canary)
    from monitoring.tasks import take_waiting

    nudge_one(take_waiting)
    return _say(202, "Kept.")


def _body(request: HttpRequest) -> bytes:
    """The raw body. Raises Refused, before reading what is announced as too large."""
    announced: Any = request.META.get("CONTENT_LENGTH") or 0
    if not str(announced).isdecimal() or int(announced) > MOST_BYTES:
        raise Refused(413, f"At most {MOST_BYTES} bytes: let the sender send fewer alerts at once.")
    try:
        return request.read(MOST_BYTES + 1)[:MOST_BYTES]
    except RequestDataTooBig:
        raise Refused(413, f"At most {MOST_BYTES} bytes.") from None
    except UnreadablePostError:
        raise Refused(400, "The request broke off.") from None


def _say(status: int, sentence: str) -> HttpResponse:
    answer = HttpResponse(f"{sentence}\n", status=status, content_type="text/plain; charset=utf-8")
    answer["Cache-Control"] = "no-store"
    if status == 401:
        answer["WWW-Authenticate"] = 'Bearer realm="hooks"'
    return answer
