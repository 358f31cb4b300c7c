"""A channel's limit: what is more waits for its turn."""

from datetime import timedelta

from notifications import pacing, publish
from notifications.models import AlertChannel, Decision, Delivery
from portal.lib import clock
from tests.notifications.conftest import make, opening, work


def states():
    return sorted(Delivery.objects.values_list("state", flat=True))


def test_what_is_more_than_a_channel_takes_waits_and_is_sent_later(db, receiver):
    make("webhook", url=receiver.url)
    AlertChannel.objects.update(max_per_minute=2)
    for number in range(5):
        publish(opening(id=f"incident-{number}"))
    work()
    assert states() == ["delivered"] * 2 + ["queued"] * 3
    assert "waits for its turn" in Delivery.objects.filter(state="queued")[0].last_error
    work(later=61)
    assert states().count("delivered") == 4
    work(later=122)
    assert states() == ["delivered"] * 5
    assert len({body["idempotency_key"] for body in receiver.bodies}) == len(receiver.bodies) == 5


def test_one_channels_limit_is_not_anothers(db, receiver):
    make("webhook", "first", url=receiver.url)
    AlertChannel.objects.update(max_per_minute=1)
    make("webhook", "second", url=receiver.url)
    for number in range(3):
        publish(opening(id=f"incident-{number}"))
    work()
    assert Delivery.objects.filter(channel__name="second", state="delivered").count() == 3
    assert Delivery.objects.filter(channel__name="first", state="delivered").count() == 1


def test_the_ring_wakes_as_many_as_there_is_room_for_and_gives_the_rest_their_minutes(db, receiver):
    make("webhook", url=receiver.url)
    make("webhook", "second", url=receiver.url)
    AlertChannel.objects.filter(name="second").update(max_per_minute=100)
    first = AlertChannel.objects.exclude(name="second").get()
    AlertChannel.objects.filter(pk=first.pk).update(max_per_minute=4)
    for number in range(15):
        publish(opening(id=f"incident-{number}"))
    moment = clock.now() + timedelta(seconds=20)
    woken = Delivery.objects.filter(pk__in=pacing.due(moment))
    assert (woken.filter(channel=first).count(), woken.exclude(channel=first).count()) == (4, 15)
    put_off = Delivery.objects.filter(channel=first, due_at__gt=moment).order_by("pk")
    assert [round((row.due_at - moment).total_seconds() / 60) for row in put_off] == [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3]
    assert Decision.objects.filter(reason="rate_limited").count() == 11
    assert Delivery.objects.filter(last_error__contains="waits for its turn").count() == 11


def test_those_of_one_channel_that_wait_do_not_hide_those_of_another(db, receiver, monkeypatch):
    make("webhook", url=receiver.url)
    AlertChannel.objects.update(max_per_minute=1)
    for number in range(12):
        publish(opening(id=f"incident-{number}"))
    make("webhook", "second", url=receiver.url)
    publish(opening(id="incident-x"))
    monkeypatch.setattr(pacing, "BATCH", 5)
    woken = pacing.due(clock.now() + timedelta(seconds=20))
    assert Delivery.objects.filter(pk__in=woken, channel__name="second").count() == 1


def test_the_ring_asks_the_same_number_of_questions_however_many_wait(db, receiver, django_assert_max_num_queries):
    make("webhook", url=receiver.url)
    AlertChannel.objects.update(max_per_minute=2)
    for number in range(40):
        publish(opening(id=f"incident-{number}"))
    with django_assert_max_num_queries(60):
        pacing.due(clock.now() + timedelta(seconds=20))
