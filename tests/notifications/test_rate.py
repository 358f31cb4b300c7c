"""A channel's limit: what is more waits for its turn."""

from notifications import publish
from notifications.models import AlertChannel, Delivery
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
