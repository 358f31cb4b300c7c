"""Mail through a real mail server."""

import socket

import pytest

from notifications import publish
from notifications.channels import smtp
from tests.notifications.conftest import make, only, opening, work
from tests.support.receivers import Mailbox


def test_all_addresses_get_one_mail_as_html_and_text(email, mailbox):
    publish(opening())
    work()
    (got,) = mailbox.mails
    assert got.to == ["a@example.org", "b@example.org"]
    assert got.mail["Subject"] == "Critical: web-1 is down"
    assert got.mail["From"] == "portal@example.org"
    text = got.mail.get_body(("plain",)).get_content()
    html = got.mail.get_body(("html",)).get_content()
    for part in (
        "It stopped without having been asked to.",
        "web-1",
        "https://portal.example.org/admin/7/",
        "05:06:07",
    ):
        assert part in text
        assert part in html
    assert "#dc2626" in html


def test_the_text_part_reads_like_a_mail(email, mailbox):
    publish(opening())
    work()
    assert mailbox.mails[0].mail.get_body(("plain",)).get_content().replace("\r\n", "\n").strip() == (
        "Critical: web-1 is down\n\nIt stopped without having been asked to.\n\ncluster: demo\nserver: web-1\n"
        "Time: 2026-03-04 05:06:07 UTC\nSource: portal\n\nhttps://portal.example.org/admin/7/\n\n-- \n"
        "Proxmox Manager, https://portal.example.org"
    )


def test_the_mails_of_an_incident_are_one_thread(email, mailbox):
    publish(opening())
    work()
    publish(opening().resolved())
    work()
    first, second = (got.mail for got in mailbox.mails)
    assert first["References"] == second["References"] == second["In-Reply-To"]
    assert first["Message-ID"] != second["Message-ID"]
    assert first["Auto-Submitted"] == "auto-generated"


def test_what_comes_from_outside_is_escaped_in_the_html_part(email, mailbox):
    publish(opening(title="<b>x</b>", labels={"a": "<script>"}))
    work()
    html = mailbox.mails[0].mail.get_body(("html",)).get_content()
    assert "<script>" not in html
    assert "&lt;b&gt;x&lt;/b&gt;" in html
    assert "<b>x</b>" in mailbox.mails[0].mail.get_body(("plain",)).get_content()


@pytest.mark.parametrize(
    ("step", "answer", "state", "enabled", "words"),
    [
        ("RCPT", "550 no such user SECRET", "dead", False, "does not take mail for a@example.org (550)"),
        ("RCPT", "450 greylisted", "retrying", True, "does not take mail"),
        ("MAIL", "553 not you", "dead", True, "sender address"),
        ("MAIL", "451 later", "retrying", True, "sender address"),
        ("DATA", "554 spam", "dead", True, "refuses the message (answer 554)"),
        ("DATA", "452 full", "retrying", True, "refuses the message (answer 452)"),
    ],
)
def test_a_refusal_is_told_and_judged(email, mailbox, step, answer, state, enabled, words):
    mailbox.refuse[step] = answer
    publish(opening())
    work()
    email.refresh_from_db()
    assert (only().state, email.enabled) == (state, enabled)
    assert words in only().last_error
    assert "SECRET" not in only().last_error


def test_one_refused_address_does_not_keep_the_mail_from_the_others(email, mailbox):
    mailbox.refuse["a@example.org"] = "550 unknown"
    publish(opening())
    work()
    assert mailbox.mails[0].to == ["b@example.org"]
    assert only().state == "delivered"
    email.refresh_from_db()
    assert email.last_error == "The mail server does not take mail for a@example.org (550)."


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
@pytest.mark.parametrize(("password", "state"), [("right", "delivered"), ("wrong-SECRET", "dead")])
def test_the_login_is_used_and_its_refusal_disables_the_channel(db, settings, password, state):
    with Mailbox(login=("portal", "right")) as mailbox:
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", mailbox.port, False
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "portal", password
        channel = make("email", addresses=["a@example.org"])
        publish(opening())
        work()
    channel.refresh_from_db()
    assert only().state == state
    assert channel.enabled == (state == "delivered")
    assert "SECRET" not in only().last_error


def test_a_mail_server_that_is_not_there_is_tried_again(db, settings):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", probe.getsockname()[1]
    make("email", addresses=["a@example.org"])
    publish(opening())
    work()
    assert only().state == "retrying"
    assert only().last_error == ("The mail server could not be used: nothing listens there (connection refused).")


def test_a_mail_server_without_encryption_is_not_used_when_encryption_is_asked_for(email, mailbox, settings):
    settings.EMAIL_USE_TLS = True
    publish(opening())
    work()
    assert mailbox.mails == []
    assert "PORTAL_SMTP_TLS" in only().last_error


def test_a_mail_server_that_says_nothing_is_given_up_in_time(db, settings):
    settings.EMAIL_TIMEOUT = 0.2
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", mute.getsockname()[1], False
        make("email", addresses=["a@example.org"])
        publish(opening())
        work()
    assert only().last_error == "The mail server could not be used: it did not answer in time."


def test_without_a_mail_server_the_row_says_what_to_set(db):
    make("email", addresses=["a@example.org"])
    publish(opening())
    work()
    assert "PORTAL_SMTP_HOST" in only().last_error


def test_a_server_that_hangs_up_is_told_as_such():
    import smtplib

    assert "hung up" in smtp.outcome_of(smtplib.SMTPServerDisconnected("SECRET")).sentence
    assert smtp.outcome_of(smtplib.SMTPConnectError(421, b"busy")).code == 421
