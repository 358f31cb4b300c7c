"""Slack with a bot token: the first message of a trouble keeps up with it, and what follows goes into its thread."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from django.utils.translation import gettext as _

from notifications.channels.base import Outcome, Verdict
from notifications.message import Message, Status

API: Final = "https://slack.com/api"
# What Slack answers (with the number 200) when this token or this channel will not work again by itself.
# Source: docs.slack.dev/reference/methods/chat.postMessage, "Errors".
CLOSED: Final = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope"}
    | {
        "channel_not_found",
        "is_archived",
        "not_in_channel",
        "no_permission",
        "org_login_required",
        "team_access_not_granted",
    }
)
PATIENCE: Final = frozenset(
    {"ratelimited", "rate_limited", "service_unavailable", "internal_error", "fatal_error", "request_timeout"}
)
# (method, body) to outcome
Post = Callable[[str, dict[str, Any]], Outcome]


def tell(message: Message, payload: Mapping[str, Any], channel: str, thread: str, post: Post) -> Outcome:
    """A new message for a trouble that Slack does not know; else a reply in its thread, and its first message gets the
    new words and the new colour. The reply goes first: it is what people are called by."""
    if not thread or message.status == Status.TEST:
        return post("chat.postMessage", {**payload, "channel": channel, "unfurl_links": False})
    place, __, stamp = thread.partition(" ")
    told = post(
        "chat.postMessage", {**payload, "channel": place, "thread_ts": stamp, "reply_broadcast": _is_loud(message)}
    )
    if told.verdict != Verdict.DELIVERED:
        return told
    changed = post("chat.update", {**payload, "channel": place, "ts": stamp})
    if changed.verdict == Verdict.DELIVERED:
        return replace(told, reference="")
    remark = _("It was sent, but the first message of its thread could not be changed: %(why)s")
    return replace(told, reference="", sentence=remark % {"why": changed.sentence})


def _is_loud(message: Message) -> bool:
    """Whether the reply shows in the channel too: trouble that goes on does, its end is seen on the first message."""
    return message.status == Status.FIRING


def judge(code: int, text: str, headers: Mapping[str, str], otherwise: Callable[[], Outcome]) -> Outcome:
    """What the API's answer means: it says 200 and then ``ok`` false."""
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or code != 200:
        return (
            otherwise()
            if code != 200
            else Outcome.temporary(_("Slack answered something else than its API would."), code)
        )
    if answer.get("ok") is True:
        return Outcome.delivered(code, reference=f"{answer.get('channel', '')} {answer.get('ts', '')}".strip())
    word = str(answer.get("error", "")).strip()[:60] or "?"
    sentence = _("Slack does not take it (%(word)s).") % {"word": word}
    if word in CLOSED:
        hint = _("Check the bot's token, its right chat:write, and that it was invited to the channel.")
        return Outcome.permanent(f"{sentence} {hint}", code, closes=True)
    return Outcome.temporary(sentence, code) if word in PATIENCE else Outcome.permanent(sentence, code)
