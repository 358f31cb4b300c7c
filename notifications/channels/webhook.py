"""A webhook: JSON by POST, for every program that can listen."""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext_lazy as _

from notifications.channels.base import Outcome
from notifications.channels.fields import Field, HeadersField, TemplateField, UrlField, headers_from
from notifications.channels.http import HttpChannel
from notifications.channels.templating import TemplateFailed, rendered
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
        HeadersField(
            "headers",
            _("further headers"),
            _("One on each line, NAME: value. A Content-Type here also says what the template makes. Kept encrypted."),
            required=False,
            secret=True,
        ),
        TemplateField(
            "template",
            _("template of the body"),
            _(
                "Empty: the JSON described in the manual. Else a template in Django's language that knows title, "
                "message, severity, status, timestamp, id, source, labels, link and idempotency_key; the filter json "
                "quotes a value. If it fails, the usual JSON goes out and the failure is shown on the channel."
            ),
            required=False,
            placeholder='{"text": {{ title|json }}}',
        ),
    )

    @classmethod
    def preview(cls, values: Mapping[str, Any], message: Message) -> str:
        """The body for that message, or why there is none."""
        body, trouble = cls(values).body(message, "00000000-0000-0000-0000-000000000000")
        return f"{trouble}\n\n{body}" if trouble else body

    def body(self, message: Message, idempotency_key: str) -> tuple[str, str]:
        """What is sent, and what is wrong with the template if that is why it is the usual JSON."""
        values = payload(message, idempotency_key)
        plain = json.dumps(values, ensure_ascii=False, indent=None)
        if not (template := self.settings.get("template")):
            return plain, ""
        try:
            return rendered(template, values, as_json="json" in self._headers()["Content-Type"]), ""
        except TemplateFailed as error:
            return plain, str(error)

    def _headers(self) -> dict[str, str]:
        own = {name.title(): value for name, value in headers_from(self.settings.get("headers") or "").items()}
        return {"Content-Type": "application/json; charset=utf-8", **own}

    def send(self, message: Message, idempotency_key: str) -> Outcome:
        """Post it."""
        text, trouble = self.body(message, idempotency_key)
        body = text.encode()
        headers = {**self._headers(), "Idempotency-Key": idempotency_key}
        if secret := self.settings.get("signing_secret"):
            timestamp = str(int(time.time()))
            headers["X-Portal-Timestamp"] = timestamp
            headers["X-Portal-Signature"] = f"v1={signature(secret, timestamp, body)}"
        if authorization := self.settings.get("authorization"):
            headers["Authorization"] = authorization
        outcome = self.post(body, headers, role="webhook")
        return replace(outcome, sentence=f"{trouble} {outcome.sentence}".strip()) if trouble else outcome


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
