"""Slack on the wire, and what Slack's answers mean."""

import pytest

from notifications import publish
from notifications.channels.slack import escape, payload
from tests.notifications.conftest import only, opening, work


def test_the_body_is_blocks_beside_a_coloured_stripe(slack, receiver):
    publish(opening())
    work()
    assert receiver.bodies == [
        {
            "text": "Critical: web-1 is down",
            "attachments": [
                {
                    "color": "#dc2626",
                    "blocks": [
                        {"type": "header", "text": {"type": "plain_text", "text": "Critical: web-1 is down"}},
                        {
                            "type": "section",
                            "text": {"type": "mrkdwn", "text": "It stopped without having been asked to."},
                        },
                        {
                            "type": "section",
                            "fields": [
                                {"type": "mrkdwn", "text": "*cluster*\ndemo"},
                                {"type": "mrkdwn", "text": "*server*\nweb-1"},
                            ],
                        },
                        {
                            "type": "actions",
                            "elements": [
                                {
                                    "type": "button",
                                    "text": {"type": "plain_text", "text": "Open in the portal"},
                                    "url": "https://portal.example.org/admin/7/",
                                }
                            ],
                        },
                        {
                            "type": "context",
                            "elements": [{"type": "mrkdwn", "text": "portal · 2026-03-04 05:06:07 UTC"}],
                        },
                    ],
                }
            ],
        }
    ]


def test_a_recovery_is_green_and_says_so():
    body = payload(opening().resolved())
    assert body["text"] == "Resolved: web-1 is down"
    assert body["attachments"][0]["color"] == "#16a34a"


def test_nobody_can_be_mentioned_and_no_link_disguised():
    body = payload(opening(text="<!channel> <https://evil|good> a & b", labels={"<x>": "<@U1>"}))
    assert body["attachments"][0]["blocks"][1]["text"]["text"] == (
        "&lt;!channel&gt; &lt;https://evil|good&gt; a &amp; b"
    )
    assert body["attachments"][0]["blocks"][2]["fields"][0]["text"] == "*&lt;x&gt;*\n&lt;@U1&gt;"


def test_long_texts_are_cut_within_slacks_limits():
    body = payload(opening(title="t" * 500, text="<" * 5000, labels={f"l{i}": "v" * 5000 for i in range(20)}))
    header, section, fields = body["attachments"][0]["blocks"][:3]
    assert len(header["text"]["text"]) <= 150
    assert len(section["text"]["text"]) <= 3000
    assert len(fields["fields"]) == 10
    assert all(len(field["text"]) <= 2000 for field in fields["fields"])


def test_a_cut_never_splits_an_escape():
    assert escape("a<<", 5) == "a&lt;…"


def test_a_link_that_is_no_web_address_makes_no_button():
    assert "actions" not in [
        block["type"] for block in payload(opening(link="javascript:x"))["attachments"][0]["blocks"]
    ]


@pytest.mark.parametrize(
    ("code", "text"),
    [(403, ""), (404, "no_service"), (410, "channel_is_archived"), (403, "invalid_token"), (400, "invalid_auth")],
)
def test_a_webhook_that_slack_revoked_disables_the_channel(slack, receiver, code, text):
    receiver.answers = [(code, {}, text)]
    publish(opening())
    work()
    slack.refresh_from_db()
    assert not slack.enabled
    assert only().state == "dead"
    assert str(code) in only().last_error


def test_slack_asking_for_patience_gets_it(slack, receiver):
    receiver.answers = [(429, {"Retry-After": "60"}, "rate_limited")]
    publish(opening())
    work()
    assert only().state == "retrying"
    assert work(later=50) == 0
    assert work(later=61) == 1
    slack.refresh_from_db()
    assert slack.enabled


def test_a_message_that_slack_cannot_read_is_not_slacks_end(slack, receiver):
    receiver.answers = [(400, {}, "invalid_payload")]
    publish(opening())
    work()
    slack.refresh_from_db()
    assert slack.enabled
    assert only().state == "dead"
