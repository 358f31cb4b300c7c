"""Slack, through an incoming webhook or as a bot."""

import json
from collections.abc import Mapping
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from notifications.channels import slack_bot, wording
from notifications.channels.base import Outcome
from notifications.channels.fields import Field, UrlField
from notifications.channels.http import HttpChannel
from notifications.message import Message

# Slack's own words for an address that never works again, whatever number comes with them.
GONE: Final = frozenset(
    {"invalid_auth", "invalid_token", "no_service", "no_active_hooks", "no_team", "channel_not_found"}
    | {"channel_is_archived", "action_prohibited", "team_disabled", "token_revoked", "account_inactive"}
)
JSON: Final = {"Content-Type": "application/json; charset=utf-8"}
MAX_HEADER, MAX_SECTION, MAX_FIELD, MAX_FIELDS = 150, 2900, 1900, 10


class Slack(HttpChannel):
    """Posts blocks with a stripe in the severity's colour."""

    label = gettext_lazy("Slack")
    description = gettext_lazy(
        "Writes into a Slack channel, through an incoming webhook or as a bot that keeps threads."
    )
    icon = "tag"
    gone = frozenset({403, 404, 410})
    reads = 64 * 1024
    fields = (
        UrlField(
            "url",
            gettext_lazy("webhook URL"),
            gettext_lazy(
                "In Slack: Apps, “Incoming Webhooks”, add to a channel, copy the webhook URL. Whoever knows it can "
                "write there, so it is kept encrypted. Not needed with a bot token."
            ),
            required=False,
            secret=True,
            placeholder="https://hooks.slack.com/services/…",
        ),
        Field(
            "token",
            gettext_lazy("bot token"),
            gettext_lazy(
                "Instead of the webhook: a bot with the right chat:write. All about one trouble is then one "
                "thread, and its first message changes colour when the trouble is over."
            ),
            required=False,
            secret=True,
            placeholder="xoxb-…",
        ),
        Field(
            "channel",
            gettext_lazy("channel id"),
            gettext_lazy("Where the bot writes: in Slack the channel's details end with it. Invite the bot there."),
            required=False,
            placeholder="C0123456789",
        ),
        UrlField(
            "api",
            gettext_lazy("Slack API"),
            gettext_lazy("Only for a Slack of your own, such as GovSlack."),
            required=False,
            placeholder=slack_bot.API,
        ),
    )

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """Either the webhook, or token and channel. Raises ValidationError."""
        if values.get("token") and not values.get("channel"):
            raise ValidationError({"channel": _("The bot needs to know where to write: enter the channel's id.")})
        if not values.get("token") and not values.get("url"):
            raise ValidationError({"url": _("Enter a webhook URL, or a bot token with a channel.")})

    def target(self) -> str:
        """The channel of the bot, or the webhook's host."""
        return f"Slack {self.settings['channel']}" if self.settings.get("token") else super().target()

    def send(self, message: Message, idempotency_key: str) -> Outcome:
        """Post it."""
        if self.settings.get("token"):
            return slack_bot.tell(message, payload(message), self.settings["channel"], self.thread, self._call)
        body = json.dumps(payload(message), ensure_ascii=False).encode()
        return self.post(body, JSON, role="slack")

    def _call(self, method: str, body: dict[str, Any]) -> Outcome:
        headers = {**JSON, "Authorization": f"Bearer {self.settings['token']}"}
        url = f"{self.settings.get('api') or slack_bot.API}/{method}"
        return self.post(json.dumps(body, ensure_ascii=False).encode(), headers, role="slack", url=url)

    def judge(self, code: int, headers: Mapping[str, str], text: str) -> Outcome:
        """Slack says in the answer's text what the number alone does not."""
        if self.settings.get("token"):
            return slack_bot.judge(code, text, headers, lambda: super(Slack, self).judge(code, headers, ""))
        if code >= 300 and text in GONE:
            sentence = _("Slack does not know this webhook any more (%(word)s, answer %(code)d): make a new one.")
            return Outcome.permanent(sentence % {"word": text, "code": code}, code, closes=True)
        return super().judge(code, headers, text)


def payload(message: Message) -> dict[str, Any]:
    """What Slack gets: a text for notifications, and blocks beside a coloured stripe."""
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": wording.headline(message)[:MAX_HEADER]}}
    ]
    if message.text:
        blocks.append({"type": "section", "text": _mrkdwn(escape(message.text, MAX_SECTION))})
    if message.labels:
        pairs = [f"*{escape(name, 100)}*\n{escape(value, MAX_FIELD)}" for name, value in message.labels.items()]
        blocks.append({"type": "section", "fields": [_mrkdwn(pair) for pair in pairs[:MAX_FIELDS]]})
    if link := wording.web_link(message):
        button = {"type": "button", "text": {"type": "plain_text", "text": _("Open in the portal")}, "url": link}
        blocks.append({"type": "actions", "elements": [button]})
    footer = escape(f"{message.source} · {wording.moment(message)}", MAX_FIELD)
    blocks.append({"type": "context", "elements": [_mrkdwn(footer)]})
    return {
        "text": escape(wording.headline(message), MAX_SECTION),
        "attachments": [{"color": wording.colour(message), "blocks": blocks}],
    }


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def escape(text: str, length: int) -> str:
    """Text that Slack shows as it is: no mention of everybody, no disguised link. At most that long, whole signs."""
    pieces: list[str] = []
    used = 0
    for sign in text:
        piece = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}.get(sign, sign)
        used += len(piece)
        if used > length:
            return "".join(pieces) + "…"
        pieces.append(piece)
    return "".join(pieces)
