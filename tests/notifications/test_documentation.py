"""What docs/adding-a-channel.md promises is what the code does."""

import hashlib
import hmac
import re
import time
from pathlib import Path

from notifications import publish
from notifications.channels import KINDS, every, http, webhook
from notifications.channels import fields as fields_module
from notifications.channels.base import Outcome
from notifications.channels.http import HttpChannel
from tests.notifications.conftest import make, opening, work

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "adding-a-channel.md").read_text()


def code(name):
    """The example that defines that name."""
    return next(block for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL) if name in block)


def test_every_key_of_the_webhook_is_documented_and_no_other():
    rows = re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)
    assert rows == list(webhook.payload(opening(), "k"))


def test_the_refusals_are_the_documented_ones():
    sentence = re.search(r"410 means.*?this message is refused", TEXT, re.DOTALL).group()
    assert {int(number) for number in re.findall(r"\d{3}", sentence)} == http.REJECTED | {410}


def test_the_documented_check_accepts_our_signature_and_nothing_else(db, receiver):
    make("webhook", url=receiver.url, signing_secret="s3cret")
    publish(opening())
    work()
    names = {"hmac": hmac, "hashlib": hashlib, "time": time}
    exec(code("is_from_the_portal"), names)
    sent, check = receiver.requests[0], names["is_from_the_portal"]
    assert check(b"s3cret", sent.headers, sent.body)
    assert not check(b"other", sent.headers, sent.body)
    assert not check(b"s3cret", sent.headers, sent.body + b" ")


def test_the_documented_channel_works(receiver):
    from notifications.channels import wording

    names = {"HttpChannel": HttpChannel, "Outcome": Outcome, "wording": wording, "_": str, "__name__": "example"}
    names |= {"Message": object, "UrlField": fields_module.UrlField, "Field": fields_module.Field}
    exec(code("class Ntfy"), names)
    outcome = names["Ntfy"]({"url": receiver.url, "token": "t"}).send(opening(), "key")
    assert outcome == Outcome.delivered(200)
    assert receiver.requests[0].headers["Authorization"] == "Bearer t"


def test_every_kind_declares_what_its_form_needs():
    for kind, channel in every().items():
        assert KINDS[kind].startswith(f"notifications.channels.{kind}.")
        assert channel.label
        assert channel.description
        assert channel.fields
