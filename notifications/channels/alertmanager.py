"""Another Alertmanager: the portal's incidents become alerts there, by its API version 2."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from notifications.channels import wording
from notifications.channels.base import Outcome
from notifications.channels.fields import Field, UrlField
from notifications.channels.http import HttpChannel
from notifications.message import Message, Status
from portal.lib import clock

# An alert without an end is resolved by Alertmanager after five minutes unless it is sent again and again. Ours ends
# when the recovery arrives, and after this long if that never happens.
VALID_FOR: Final = timedelta(days=7)
NAME: Final = re.compile(r"[^a-zA-Z0-9_]")
# By this label the portal knows its own alerts again, should that Alertmanager send to the portal too.
OURS: Final = {"sent_by": "proxmox-manager"}


class Alertmanager(HttpChannel):
    """Posts one alert, firing or resolved. Its labels identify it, so the first ones are kept (as the reference)."""

    label = _("Alertmanager")
    description = _("Hands incidents on to an Alertmanager, whose own routes take it from there.")
    icon = "notifications_active"
    fields = (
        UrlField(
            "url",
            _("address"),
            _("Of the Alertmanager itself, without /api: that is added."),
            placeholder="http://alertmanager.example.org:9093",
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
        """Post it. The same alert twice is one there, so a second try does no harm."""
        headers = {"Content-Type": "application/json"}
        if authorization := self.settings.get("authorization"):
            headers["Authorization"] = authorization
        labels = json.loads(self.thread) if self.thread else labels_of(message)
        body = json.dumps([alert(message, labels)], ensure_ascii=False).encode()
        url = f"{self.settings['url'].rstrip('/')}/api/v2/alerts"
        outcome = self.post(body, headers, role="alertmanager", url=url)
        return replace(outcome, reference="" if self.thread else json.dumps(labels, ensure_ascii=False))


def labels_of(message: Message) -> dict[str, str]:
    """What identifies the alert for good. A label without a value is none for Alertmanager."""
    labels = {_name(name): value for name, value in message.labels.items() if value}
    named = {"alertname": labels.get("condition", "PortalMessage"), "severity": str(message.severity)}
    return {**labels, **named, "incident": message.id, **OURS}


def _name(name: str) -> str:
    clean = NAME.sub("_", name) or "_"
    return f"_{clean}" if clean[0].isdigit() else clean


def alert(message: Message, labels: dict[str, str]) -> dict[str, Any]:
    """The alert. What may change on the way (severity, text) is an annotation."""
    over = message.status in {Status.RESOLVED, Status.TEST}
    return {
        "labels": labels,
        "annotations": {"summary": message.title, "description": message.text, "severity": str(message.severity)},
        "startsAt": message.timestamp.isoformat() if not over else (clock.now() - timedelta(seconds=1)).isoformat(),
        "endsAt": (clock.now() if message.status == Status.RESOLVED else clock.now() + _length(message)).isoformat(),
        "generatorURL": wording.web_link(message),
    }


def _length(message: Message) -> timedelta:
    return timedelta(minutes=1) if message.status == Status.TEST else VALID_FOR
