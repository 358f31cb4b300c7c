"""From a message to its rows."""

import datetime as dt

import pytest
from django.db import transaction

from notifications import Message, Status, publish
from notifications.models import AlertChannel, Delivery, Notification
from notifications.tasks import deliver_due
from tests.notifications.conftest import make, opening, work


def test_every_enabled_channel_whose_severity_fits_gets_a_delivery(db):
    make("webhook", "all", url="http://127.0.0.1/"), make("webhook", "bad", "critical", url="http://127.0.0.1/")
    AlertChannel.objects.filter(pk=make("webhook", "off", url="http://127.0.0.1/").pk).update(enabled=False)
    notification = publish(opening(severity="warning"))
    assert [row.channel_name for row in notification.delivery_set.all()] == ["all"]


def test_the_same_message_twice_is_one(webhook):
    first, second = publish(opening()), publish(opening(title="another wording"))
    assert first == second
    assert Delivery.objects.count() == 1


def test_another_sequence_is_another_message(webhook):
    publish(opening()), publish(opening(sequence=1))
    assert Delivery.objects.count() == 2


def test_channels_that_are_named_get_it_whatever_they_want(webhook):
    other = make("webhook", "other", "critical", url="http://127.0.0.1/")
    notification = publish(opening(severity="info"), channels=[other])
    assert [row.channel for row in notification.delivery_set.all()] == [other]


def test_a_recovery_goes_to_exactly_the_channels_that_got_the_opening(webhook):
    low = make("webhook", "low", "critical", url="http://127.0.0.1/")
    publish(opening(severity="warning"))
    low.minimum_severity = "info"
    low.save()
    recovery = publish(opening(severity="warning").resolved(title="web-1 is back"))
    assert [row.channel for row in recovery.delivery_set.all()] == [webhook]


def test_a_recovery_from_trouble_that_nobody_heard_of_is_not_sent(webhook):
    assert not publish(opening(status=Status.RESOLVED)).delivery_set.exists()


def test_a_recovery_may_be_milder_than_its_opening(db):
    channel = make("webhook", "bad", "critical", url="http://127.0.0.1/")
    publish(opening())
    assert publish(opening().resolved(severity="info")).delivery_set.get().channel == channel


@pytest.mark.django_db(transaction=True)
def test_workers_are_woken_after_the_commit_and_not_before(nudged):
    make("webhook", url="http://127.0.0.1/")
    with transaction.atomic():
        publish(opening())
        assert nudged == []
    assert nudged == [Delivery.objects.get().pk]


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_message_was_never_said(nudged):
    make("webhook", url="http://127.0.0.1/")
    with transaction.atomic():
        publish(opening())
        transaction.set_rollback(True)
    assert nudged == []
    assert not Notification.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_nudge_that_was_lost_is_made_up_for_by_the_beat(nudged):
    make("webhook", url="http://127.0.0.1/")
    delivery = publish(opening()).delivery_set.get()
    nudged.clear()  # Redis was away
    assert deliver_due() == 0  # the nudge is fresh
    Delivery.objects.update(nudged_at=delivery.nudged_at - dt.timedelta(seconds=11))
    assert deliver_due() == 1
    assert deliver_due() == 0
    assert nudged == [delivery.pk]


def test_a_message_survives_its_row(webhook):
    message = opening(labels={"a": "b"}, previous="x:firing:0", sequence=3)
    assert publish(message).message == message


def test_a_row_of_a_later_version_still_loads(webhook):
    assert Message.from_json({**opening().as_json(), "colour_of_the_sky": "blue"}) == opening()


@pytest.mark.parametrize(
    "nonsense",
    [
        {"title": " \n "},
        {"id": ""},
        {"id": "x" * 161},
        {"timestamp": dt.datetime(2026, 1, 1)},  # noqa: DTZ001
        {"severity": "awful"},
        {"status": "odd"},
    ],
)
def test_a_message_that_could_not_be_sent_is_refused(nonsense):
    with pytest.raises(ValueError, match=r"."):
        opening(**nonsense)


def test_a_title_is_one_line_whatever_came_in():
    assert opening(title="web-1\r\nBcc: all@example.org\x00").title == "web-1 Bcc: all@example.org"


def test_a_text_keeps_its_lines_and_loses_what_no_database_keeps():
    assert opening(text="one\ntwo\x00\n").text == "one\ntwo"


def test_publishing_sends_nothing_by_itself(webhook, receiver):
    publish(opening())
    assert receiver.requests == []
    assert work() == 1
    assert len(receiver.requests) == 1
