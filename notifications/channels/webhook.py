"""A webhook: JSON by POST, for every program that can listen."""

import hashlib
import hmac
import json
import time
from typing import Any

from django.utils.translation import gettext_lazy as _

from notifications.channels.base import Outcome
from notifications.channels.fields import Field, UrlField
from notifications.channels.http import HttpChannel
from notifications.message import Message


class Webhook(HttpChannel):
    """Posts the message as JSON, signed where there is a signing secret."""

    label = _("Webhook")
    description = _("Sends JSON to an address of your choice, signed if you like.")
    icon = "webhook"
    fields = (
        UrlField(
            "url",
            _("address"),
            _("It gets a POST with the keys title, message, severity, timestamp, and more. Kept encrypted."),
            secret=True,
            placeholder="https://hooks.example.org/portal",
        ),
        Field(
            "signing_secret",
            _("signing secret"),
            _(
                "If set, X-Portal-Signature holds “v1=” and the HMAC-SHA256 of X-Portal-Timestamp, a dot and the body, "
                "in hex."
            ),
            required=False,
            secret=True,
        ),
        Field(
            "authorization",
            _("Authorization header"),
            _("If set, it is sent as it stands, e.g. “Bearer …”."),
            required=False,
            secret=True,
        ),
    )

    def send(self, message: Message, idempotency_key: str) -> Outcome:
        """Post it."""
        body = json.dumps(payload(message, idempotency_key), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": idempotency_key}
        if secret := self.settings.get("signing_secret"):
            timestamp = str(int(time.time()))
            headers["X-Portal-Timestamp"] = timestamp
            headers["X-Portal-Signature"] = f"v1={signature(secret, timestamp, body)}"
        if authorization := self.settings.get("authorization"):
            headers["Authorization"] = authorization
        return self.post(body, headers, role="webhook")


def payload(message: Message, idempotency_key: str) -> dict[str, Any]:
    """What the receiver gets. The first four keys are a promise that older receivers rely on."""
    return {
        "title": message.title,
        "message": message.text,
        "severity": str(message.severity),
        "timestamp": message.timestamp.isoformat(),
        "id": message.id,
        "status": str(message.status),
        "source": message.source,
        "labels": dict(message.labels),
        "link": message.link,
        "idempotency_key": idempotency_key,
    }


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over the timestamp, a dot and the body, in hex: an old message cannot be sent again as a new one."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
