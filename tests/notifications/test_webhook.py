"""The webhook on the wire, and what each answer means."""

import datetime as dt
import hashlib
import hmac
import socket
from email.utils import format_datetime

import pytest

from notifications import publish
from notifications.channels import http
from notifications.models import DeliveryState
from portal.lib import clock
from tests.notifications.conftest import make, only, opening, work


def test_the_body_is_what_receivers_rely_on(webhook, receiver):
    publish(opening())
    work()
    assert receiver.bodies == [
        {
            "title": "web-1 is down",
            "message": "It stopped without having been asked to.",
            "severity": "critical",
            "timestamp": "2026-03-04T05:06:07+00:00",
            "id": "incident-7",
            "status": "firing",
            "source": "portal",
            "labels": {"cluster": "demo", "server": "web-1"},
            "link": "https://portal.example.org/admin/7/",
            "idempotency_key": str(only().idempotency_key),
        }
    ]
    assert receiver.requests[0].path == "/in?token=SECRET-IN-URL"
    assert receiver.requests[0].headers["Idempotency-Key"] == str(only().idempotency_key)
    assert "X-Portal-Signature" not in receiver.requests[0].headers


def test_the_row_says_how_it_went(webhook, receiver):
    receiver.answers = [204]
    publish(opening())
    work()
    delivery = only()
    assert (delivery.state, delivery.answer_code, delivery.last_error, delivery.attempts) == ("delivered", 204, "", 1)
    assert delivery.delivered_at
    assert 0 < delivery.duration_seconds < 5
    webhook.refresh_from_db()
    assert webhook.last_success_at
    assert webhook.last_error == ""


def test_a_signature_covers_the_time_and_the_body(db, receiver):
    make("webhook", url=receiver.url, signing_secret="s3cret", authorization="Bearer abc")
    publish(opening())
    work()
    sent = receiver.requests[0]
    signed = sent.headers["X-Portal-Timestamp"].encode() + b"." + sent.body
    expected = hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()
    assert sent.headers["X-Portal-Signature"] == f"v1={expected}"
    assert sent.headers["Authorization"] == "Bearer abc"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (301, "redirect"),
        (401, "credentials"),
        (404, "nothing at this address"),
        (409, "does not accept"),
        (429, "too many"),
        (500, "trouble of its own"),
        (503, "trouble of its own"),
    ],
)
def test_an_answer_that_may_change_is_tried_again(webhook, receiver, code, words):
    receiver.answers = [(code, {"Location": "http://127.0.0.1:1/"}, "SECRET-IN-ANSWER")]
    publish(opening())
    work()
    delivery = only()
    assert (delivery.state, delivery.answer_code) == ("retrying", code)
    assert words in delivery.last_error
    assert "SECRET" not in delivery.last_error
    assert work(later=15) == 1
    assert only().state == "delivered"
    assert len({request.headers["Idempotency-Key"] for request in receiver.requests}) == 1


@pytest.mark.parametrize("code", [400, 413, 422])
def test_a_message_that_is_refused_is_not_tried_again(webhook, receiver, code):
    receiver.answers = [code]
    publish(opening())
    work()
    assert only().state == "dead"
    webhook.refresh_from_db()
    assert webhook.enabled


def test_an_address_that_is_gone_disables_the_channel(webhook, receiver):
    receiver.answers = [410]
    publish(opening())
    work()
    webhook.refresh_from_db()
    assert not webhook.enabled
    assert "gone for good" in webhook.disabled_reason


@pytest.mark.parametrize("as_date", [False, True])
def test_a_receiver_that_asks_to_wait_is_left_alone_that_long(webhook, receiver, as_date):
    wait = format_datetime(clock.now() + dt.timedelta(seconds=300)) if as_date else "300"
    receiver.answers = [(429, {"Retry-After": wait}, "")]
    publish(opening())
    work()
    assert 290 < (only().due_at - clock.now()).total_seconds() < 310
    assert work(later=280) == 0
    assert work(later=310) == 1


@pytest.mark.parametrize("nonsense", ["", "soon", "-5", "1.5", "Wed, 99 Foo 2026"])
def test_a_retry_after_that_says_nothing_is_passed_over(nonsense):
    assert http.retry_after(nonsense) is None


def test_a_receiver_that_does_not_answer_is_given_up_in_time(webhook, receiver, monkeypatch):
    monkeypatch.setattr(http, "TIMEOUT", 0.2)
    receiver.hold.clear()
    publish(opening())
    work()
    assert only().state == "retrying"
    host = f"127.0.0.1:{receiver.server.server_port}"
    assert only().last_error == f"It could not be sent to {host}: it did not answer in time."


def test_a_receiver_that_is_not_there_is_told_as_such(db):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        make("webhook", url=f"http://127.0.0.1:{probe.getsockname()[1]}/SECRET")
    publish(opening())
    work()
    assert only().last_error.endswith(": nothing listens there (connection refused).")
    assert "SECRET" not in only().last_error


def test_an_internal_address_is_refused_when_the_call_is_made(webhook, receiver, settings):
    settings.PORTAL_ALLOWED_INTERNAL = []
    publish(opening())
    work()
    assert only().state == DeliveryState.DEAD
    assert "PORTAL_ALLOWED_INTERNAL" in only().last_error
    assert receiver.requests == []


def test_no_redirect_is_followed(webhook, receiver):
    receiver.answers = [(302, {"Location": receiver.url + "/elsewhere"}, "")]
    publish(opening())
    work()
    assert [request.path.split("?")[0] for request in receiver.requests] == ["/in"]


def test_credentials_of_the_machine_are_not_sent(webhook, receiver, monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login root password SECRET\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    publish(opening())
    work()
    assert "Authorization" not in receiver.requests[0].headers
