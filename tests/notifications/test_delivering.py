"""Claims, retries, order, and what happens to a channel that cannot work any more."""

import datetime as dt
import logging

import pytest

from notifications import figures, operating, publish, sending
from notifications.backoff import next_try
from notifications.channels.webhook import Webhook
from notifications.models import AlertChannel, Decision, Delivery, DeliveryAttempt, Notification
from portal.lib import clock
from tests.notifications.conftest import make, only, opening, work


class Killed(BaseException):
    """The worker dies: nothing after this line runs."""


def die(*_):
    raise Killed


def test_two_workers_claim_a_delivery_once(webhook):
    delivery = publish(opening()).delivery_set.get()
    twin = Delivery.objects.get(pk=delivery.pk)
    assert [bool(delivery.claim(clock.now())), bool(twin.claim(clock.now()))] == [True, False]
    assert only().attempts == 1


def test_a_worker_killed_before_it_sent_loses_nothing(webhook, receiver, monkeypatch):
    publish(opening())
    with monkeypatch.context() as patch:
        patch.setattr(Webhook, "send", die)
        with pytest.raises(Killed):
            work()
    assert only().state == "sending"
    assert work(later=60) == 0  # the claim still holds
    assert work(later=121) == 1
    assert only().state == "delivered"
    assert list(only().deliveryattempt_set.values_list("outcome", flat=True)) == ["delivered", "lost"]


def test_a_worker_killed_after_it_sent_sends_again_under_the_same_key(webhook, receiver, monkeypatch):
    publish(opening())
    with monkeypatch.context() as patch:
        patch.setattr(sending, "_settle", die)
        with pytest.raises(Killed):
            work()
    work(later=121)
    assert len(receiver.requests) == 2
    assert len({body["idempotency_key"] for body in receiver.bodies}) == 1


def test_a_worker_whose_claim_has_passed_on_settles_nothing(webhook, receiver):
    delivery = publish(opening()).delivery_set.get()
    old = delivery.claim(clock.now())
    new = Delivery.objects.get().claim(clock.now() + dt.timedelta(seconds=121))
    assert not delivery.settle(old, state="dead")
    assert delivery.settle(new, state="delivered")


def test_workers_that_die_again_and_again_are_not_tried_for_ever(webhook, receiver):
    publish(opening())
    Delivery.objects.update(queued_at=clock.now() - dt.timedelta(hours=26))
    work()
    assert only().state == "dead"
    assert receiver.requests == []


def test_the_back_off_grows_and_ends_after_a_day():
    start = moment = clock.now()
    waits = []
    while due := next_try(len(waits) + 1, start, moment):
        waits.append((due - moment).total_seconds())
        moment = due
    expected = [10, 30, 120, 600, 3600, 3600]
    assert all(0.8 * want <= wait <= 1.2 * want for wait, want in zip(waits, expected, strict=False))
    assert 20 < len(waits) < 36


def test_patience_has_its_bounds():
    now = clock.now()
    assert next_try(1, now, now, 10**9) == now + dt.timedelta(hours=4)


def test_a_receiver_that_stays_broken_ends_as_a_dead_letter(webhook, receiver):
    publish(opening())
    hours = 0
    while only().state != "dead" and hours < 30:
        receiver.answers = [500] * 10
        work(later=hours * 3600)
        hours += 0.5
    assert 20 < hours < 28
    assert figures().counts["webhook", "dead"] == 1
    webhook.refresh_from_db()
    assert webhook.enabled


def test_a_recovery_does_not_overtake_its_opening(webhook, receiver):
    receiver.answers = [500]
    publish(opening())
    work()
    publish(opening().resolved())
    assert work() == 0  # the opening waits, so the recovery does
    work(later=15)
    assert [body["status"] for body in receiver.bodies] == ["firing", "firing", "resolved"]


def test_other_trouble_is_not_held_up(webhook, receiver):
    receiver.answers = [500]
    publish(opening())
    work()
    publish(opening(id="incident-8"))
    assert work() == 1


@pytest.mark.django_db(transaction=True)
def test_the_recovery_is_woken_as_soon_as_its_opening_arrived(receiver, nudged):
    make("webhook", url=receiver.url)
    first = publish(opening()).delivery_set.get()
    second = publish(opening().resolved()).delivery_set.get()
    nudged.clear()
    sending.deliver(second.pk)
    sending.deliver(first.pk)
    assert nudged == [second.pk]


def test_a_recovery_whose_opening_never_arrived_is_withheld(webhook, receiver):
    receiver.answers = [400]
    publish(opening())
    publish(opening().resolved())
    work()
    states = list(Delivery.objects.order_by("pk").values_list("state", flat=True))
    assert states == ["dead", "dismissed"]
    assert len(receiver.requests) == 1


def test_a_channel_that_is_gone_is_told_of_through_the_others_once(db, receiver):
    with_end = make("webhook", "gone", url=f"{receiver.url}/gone")
    make("webhook", "other", "critical", url=f"{receiver.url}/other")
    receiver.answers = [410]
    publish(opening(), channels=[with_end])
    publish(opening(id="incident-8"), channels=[with_end])
    work()
    notices = [body for body in receiver.bodies if "disabled" in body["title"]]
    assert [notice["title"] for notice in notices] == ["The alert channel “gone” was disabled"]
    assert "SECRET" not in notices[0]["message"]
    dead = Delivery.objects.filter(channel=with_end)
    assert [row.state for row in dead] == ["dead", "dead"]
    assert Notification.objects.count() == 3


def test_what_waited_for_a_channel_that_is_gone_says_that_it_failed(webhook, receiver):
    receiver.answers = [410]
    publish(opening())
    publish(opening(id="incident-8"))
    work()
    for incident in ("incident-7", "incident-8"):
        last = Decision.objects.filter(incident=incident).latest("pk")
        assert (last.reason, last.channel_name) == ("failed", "webhook")


def test_when_all_channels_are_gone_nothing_goes_round_in_circles(webhook, slack, receiver):
    receiver.answers = [410] * 10
    publish(opening())
    work()
    assert not AlertChannel.objects.filter(enabled=True).exists()
    assert len(receiver.requests) <= 3


def test_a_disabled_channel_is_audited(webhook, receiver):
    from auditlog.models import LogEntry

    receiver.answers = [410]
    publish(opening())
    work()
    entry = LogEntry.objects.get_for_object(webhook).filter(action=LogEntry.Action.UPDATE).get()
    assert entry.changes["enabled"] == ["True", "False"]


def test_what_waits_for_a_channel_that_was_switched_off_can_be_sent_later(webhook, receiver):
    publish(opening())
    AlertChannel.objects.update(enabled=False)
    work()
    assert only().state == "dead"
    with pytest.raises(operating.NotPossible, match="is disabled: enable it"):
        operating.resend(only())
    AlertChannel.objects.update(enabled=True)
    operating.resend(only())
    work()
    assert only().state == "delivered"
    assert len(receiver.requests) == 1


def test_a_deleted_channel_leaves_its_deliveries_as_history(webhook, receiver):
    publish(opening())
    webhook.delete()
    work()
    assert (only().state, only().channel_name) == ("dead", "webhook")
    assert "deleted" in only().last_error


def test_resending_keeps_the_key_and_starts_the_back_off_anew(webhook, receiver):
    receiver.answers = [400, 500]
    publish(opening())
    work()
    operating.resend(only())
    work()
    assert only().attempts == 1
    work(later=15)
    assert only().state == "delivered"
    assert len({body["idempotency_key"] for body in receiver.bodies}) == 1
    assert only().deliveryattempt_set.count() == 3


def test_what_was_delivered_is_neither_sent_again_nor_dismissed(webhook, receiver):
    publish(opening())
    work()
    with pytest.raises(operating.NotPossible, match="not sent again"):
        operating.resend(only())
    with pytest.raises(operating.NotPossible, match="not dismissed"):
        operating.dismiss(only())
    assert only().state == "delivered"


def test_a_dismissed_delivery_is_not_tried_and_lets_the_next_one_go(webhook, receiver):
    receiver.answers = [500]
    publish(opening())
    work()
    publish(opening(sequence=1))
    operating.dismiss(Delivery.objects.order_by("pk").first())
    assert work(later=100) == 1
    assert figures().counts["webhook", "dismissed"] == 1


def test_a_secret_that_cannot_be_decrypted_is_told_and_tried_again(webhook, receiver, settings):
    from cryptography.fernet import Fernet

    publish(opening())
    settings.PORTAL_FIELD_KEYS = [Fernet.generate_key().decode()]
    work()
    assert only().state == "retrying"
    assert "enter them again" in only().last_error


def test_a_defect_in_a_channel_stops_nothing_and_tells_no_secret(webhook, receiver, monkeypatch, caplog):
    def broken(*_):
        raise ValueError("https://hooks.example.org/SECRET")

    monkeypatch.setattr(Webhook, "send", broken)
    publish(opening())
    with caplog.at_level(logging.DEBUG):
        work()
    assert only().state == "retrying"
    assert only().last_error == "An error in the portal itself (ValueError)."
    assert "SECRET" not in caplog.text


@pytest.mark.parametrize("answer", [200, 301, 404, 410, 429, 500, "refused"])
def test_no_secret_is_in_any_row_or_log(webhook, receiver, caplog, answer):
    if answer == "refused":
        receiver.server.server_close()
    receiver.answers = [(answer, {"Location": "/SECRET-IN-URL"}, "SECRET-IN-URL")]
    publish(opening())
    with caplog.at_level(logging.INFO):
        work()
    rows = [*Delivery.objects.values(), *DeliveryAttempt.objects.values(), *Notification.objects.values()]
    rows += AlertChannel.objects.values("last_error", "disabled_reason", "config", "name")
    assert "SECRET" not in str(rows)
    assert "SECRET" not in caplog.text


def test_the_figures_tell_counts_and_the_queue(webhook, receiver):
    receiver.answers = [500, 400]
    publish(opening())
    publish(opening(id="incident-8"))
    work()
    found = figures()
    assert found.counts["webhook", "retried"] == 1
    assert found.counts["webhook", "dead"] == 1
    assert found.counts["slack", "delivered"] == 0
    assert found.queue == {"queued": 0, "retrying": 1, "sending": 0, "dead": 1}
    assert found.oldest_due_seconds == 0
    Delivery.objects.filter(state="retrying").update(due_at=clock.now() - dt.timedelta(seconds=30))
    assert 29 < figures().oldest_due_seconds < 40


def test_the_network_call_is_outside_of_any_transaction(webhook, receiver, monkeypatch):
    from django.db import connection

    depths = []
    real = Webhook.send

    def watched(self, *args):
        depths.append(len(connection.savepoint_ids))
        return real(self, *args)

    monkeypatch.setattr(Webhook, "send", watched)
    publish(opening())
    outside = len(connection.savepoint_ids)
    work()
    assert depths == [outside]
