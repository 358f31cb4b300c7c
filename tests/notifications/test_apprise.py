"""Apprise URLs, with a real service of Apprise's: its JSON one."""

import pytest
from django.core.exceptions import ValidationError

from notifications import publish
from notifications.channels.apprise import AppriseField
from tests.notifications.conftest import make, only, opening, work


@pytest.fixture
def field():
    return AppriseField("url", "url", secret=True)


def url_of(receiver):
    return receiver.url.replace("http://", "json://user:SECRET@")


def test_the_library_hands_the_message_over(db, receiver):
    make("apprise", url=url_of(receiver))
    publish(opening())
    work()
    (body,) = receiver.bodies
    assert (body["title"], body["type"]) == ("Critical: web-1 is down", "failure")
    assert "It stopped without having been asked to." in body["message"]
    assert "https://portal.example.org/admin/7/" in body["message"]
    assert only().state == "delivered"


def test_a_no_is_tried_again_and_tells_no_secret(db, receiver, caplog):
    make("apprise", url=url_of(receiver))
    receiver.answers = [500] * 9
    publish(opening())
    work()
    assert only().state == "retrying"
    assert "SECRET" not in only().last_error + caplog.text


def test_an_internal_address_is_refused_when_typed_and_when_sent(db, receiver, field, settings):
    channel = make("apprise", url=url_of(receiver))
    settings.PORTAL_ALLOWED_INTERNAL = []
    with pytest.raises(ValidationError, match="is internal"):
        field.clean(url_of(receiver))
    publish(opening())
    work()
    assert (only().state, receiver.requests) == ("dead", [])
    assert channel.target() == "JSON"


@pytest.mark.parametrize("text", ["nonsense", "dbus://", "syslog://", "nobody://x", "mailto://"])
def test_what_apprise_does_not_understand_and_what_nobody_would_see_is_refused(field, text):
    with pytest.raises(ValidationError):
        field.clean(text)


def test_a_token_in_the_place_of_a_host_is_no_address(field):
    assert field.clean("tgram://123456789:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/12345")
