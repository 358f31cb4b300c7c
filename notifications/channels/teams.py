"""Microsoft Teams, through a workflow that takes an adaptive card."""

import json
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from notifications.channels import wording
from notifications.channels.base import Outcome
from notifications.channels.fields import UrlField
from notifications.channels.http import HttpChannel
from notifications.message import Message, Severity, Status

MAX_TEXT: Final = 8000  # Teams refuses a message of more than 28 KB
MAX_FACTS: Final = 12
# The colours that an adaptive card's text may have: learn.microsoft.com, "Adaptive Cards schema", TextBlock.color.
COLOURS: Final = {Severity.INFO: "accent", Severity.WARNING: "warning", Severity.CRITICAL: "attention"}
# Signs that Teams would take for Markdown.
MARKDOWN: Final = str.maketrans({sign: f"\\{sign}" for sign in "\\*_[]()#`~<>"})


class Teams(HttpChannel):
    """Posts an adaptive card to a workflow's webhook."""

    label = gettext_lazy("Microsoft Teams")
    description = gettext_lazy("Writes an adaptive card into a Teams channel or chat, through a workflow.")
    icon = "groups"
    gone = frozenset({404, 410})
    fields = (
        UrlField(
            "url",
            gettext_lazy("workflow URL"),
            gettext_lazy(
                "In Teams: the channel's menu, Workflows, “Post to a channel when a webhook request is received”, copy "
                "the address. Whoever knows it can write there, so it is kept encrypted."
            ),
            secret=True,
            placeholder="https://….logic.azure.com/workflows/…",
        ),
    )

    def send(self, message: Message, idempotency_key: str) -> Outcome:
        """Post it."""
        body = json.dumps(payload(message), ensure_ascii=False).encode()
        return self.post(body, {"Content-Type": "application/json; charset=utf-8"}, role="teams")


def payload(message: Message) -> dict[str, Any]:
    """What the workflow gets: one card."""
    resolved = message.status == Status.RESOLVED
    colour = "good" if resolved else COLOURS[message.severity]
    body: list[dict[str, Any]] = [
        {"type": "TextBlock", "size": "large", "weight": "bolder", "wrap": True}
        | {"text": plain(wording.headline(message)), "color": "default" if message.status == Status.TEST else colour}
    ]
    if message.text:
        body.append({"type": "TextBlock", "wrap": True, "text": plain(message.text[:MAX_TEXT])})
    facts = [{"title": plain(name), "value": plain(value[:500])} for name, value in message.labels.items()]
    if facts:
        body.append({"type": "FactSet", "facts": facts[:MAX_FACTS]})
    footer = f"{message.source} · {wording.moment(message)}"
    body.append({"type": "TextBlock", "isSubtle": True, "size": "small", "wrap": True, "text": plain(footer)})
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
    }
    if link := wording.web_link(message):
        card["actions"] = [{"type": "Action.OpenUrl", "title": _("Open in the portal"), "url": link}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "summary": wording.headline(message), "attachments": [attachment]}


def plain(text: str) -> str:
    """Text that Teams shows as it is: no link in disguise. A line's end is two, or Teams would join the lines."""
    return text.translate(MARKDOWN).replace("\n", "\n\n")
