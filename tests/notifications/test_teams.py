"""Microsoft Teams on the wire."""

from notifications import publish
from notifications.channels.teams import payload
from tests.notifications.conftest import make, only, opening, work


def card(message):
    return payload(message)["attachments"][0]["content"]


def test_the_body_is_one_adaptive_card(db, receiver):
    make("teams", url=f"{receiver.url}/workflows/SECRET-IN-URL")
    publish(opening())
    work()
    assert receiver.bodies == [
        {
            "type": "message",
            "summary": "Critical: web-1 is down",
            "attachments": [
                {
                    "contentType": "application/vnd.microsoft.card.adaptive",
                    "content": {
                        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                        "type": "AdaptiveCard",
                        "version": "1.4",
                        "msteams": {"width": "Full"},
                        "body": [
                            {"type": "TextBlock", "size": "large", "weight": "bolder", "wrap": True}
                            | {"text": "Critical: web-1 is down", "color": "attention"},
                            {"type": "TextBlock", "wrap": True, "text": "It stopped without having been asked to."},
                            {
                                "type": "FactSet",
                                "facts": [
                                    {"title": "cluster", "value": "demo"},
                                    {"title": "server", "value": "web-1"},
                                ],
                            },
                            {"type": "TextBlock", "isSubtle": True, "size": "small", "wrap": True}
                            | {"text": "portal · 2026-03-04 05:06:07 UTC"},
                        ],
                        "actions": [
                            {"type": "Action.OpenUrl", "title": "Open in the portal"}
                            | {"url": "https://portal.example.org/admin/7/"}
                        ],
                    },
                }
            ],
        }
    ]


def test_a_recovery_is_good():
    assert card(opening().resolved())["body"][0]["color"] == "good"


def test_no_link_is_disguised_and_a_long_text_is_cut():
    text = card(opening(text="[here](https://evil) " + "x" * 9000))["body"][1]["text"]
    assert text.startswith("\\[here\\]\\(https://evil\\)")
    assert len(text) < 9000


def test_a_workflow_that_is_gone_disables_the_channel(db, receiver):
    channel = make("teams", url=f"{receiver.url}/x")
    receiver.answers = [404]
    publish(opening())
    work()
    channel.refresh_from_db()
    assert (only().state, channel.enabled) == ("dead", False)
