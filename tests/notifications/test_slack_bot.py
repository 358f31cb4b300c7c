"""Slack as a bot: one thread for one trouble, over HTTP against a stand-in of Slack's API."""

import json

import pytest

from notifications import publish
from notifications.models import Delivery
from tests.notifications.conftest import make, only, opening, work

TOLD = (200, {}, json.dumps({"ok": True, "channel": "C1", "ts": "17.5", "message": {"text": "é" * 5000}}))


@pytest.fixture
def bot(db, receiver):
    return make("slack", token="xoxb-SECRET", channel="C1", api=receiver.url)


def paths(receiver):
    return [request.path for request in receiver.requests]


def test_what_follows_goes_into_the_thread_and_the_first_message_changes_colour(bot, receiver):
    receiver.answers = [TOLD] * 3
    message = opening()
    publish(message)
    work()
    publish(message.resolved())
    work()
    assert paths(receiver) == ["/chat.postMessage", "/chat.postMessage", "/chat.update"]
    first, reply, update = receiver.bodies
    assert "thread_ts" not in first
    assert (reply["thread_ts"], reply["channel"], reply["reply_broadcast"]) == ("17.5", "C1", False)
    assert (update["ts"], update["attachments"][0]["color"]) == ("17.5", "#16a34a")
    assert receiver.requests[0].headers["Authorization"] == "Bearer xoxb-SECRET"


def test_a_first_message_that_cannot_be_changed_is_a_remark_and_no_second_reply(bot, receiver):
    receiver.answers = [TOLD, TOLD, (200, {}, '{"ok": false, "error": "edit_window_closed"}')]
    message = opening()
    publish(message)
    work()
    publish(message.resolved())
    work()
    bot.refresh_from_db()
    assert "edit_window_closed" in bot.last_error
    assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}


@pytest.mark.parametrize(
    ("error", "state", "enabled"),
    [
        ("invalid_auth", "dead", False),
        ("not_in_channel", "dead", False),
        ("ratelimited", "retrying", True),
        ("msg_too_long", "dead", True),
    ],
)
def test_slacks_words_decide_what_happens_next(bot, receiver, error, state, enabled):
    receiver.answers = [(200, {}, json.dumps({"ok": False, "error": error}))]
    publish(opening())
    work()
    bot.refresh_from_db()
    assert (only().state, bot.enabled) == (state, enabled)
    assert error in only().last_error
    assert "xoxb" not in only().last_error


def test_an_answer_that_is_no_json_is_tried_again(bot, receiver):
    receiver.answers = [(200, {}, "<html>")]
    publish(opening())
    work()
    assert only().state == "retrying"


def test_the_target_names_the_channel_and_not_the_token(bot):
    assert bot.target() == "Slack C1"
