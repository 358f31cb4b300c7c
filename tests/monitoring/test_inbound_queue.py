"""Whoever is woken reads what waits, the oldest first; a burst of messages wakes one worker."""

import pytest
from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache

from monitoring import inbound, inbound_queue, tasks
from monitoring.models import Alert, Inbound, Incident
from portal.lib import clock
from tests.monitoring.test_intake import TOKEN, alert, many, payload, send

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _token(settings):
    settings.PORTAL_ALERTMANAGER_TOKEN = TOKEN


@pytest.fixture
def woken(monkeypatch):
    """How often a worker was woken to read."""
    calls: list[int] = []
    monkeypatch.setattr(tasks.take_waiting, "delay", lambda: calls.append(1))
    return calls


def fill(client, number):
    for one in many(number):
        assert send(client, payload(one)).status_code == 202


def test_a_message_costs_two_questions_to_the_database(client, woken, django_assert_num_queries):
    with django_assert_num_queries(2):  # whose token it is, and the message itself
        fill(client, 1)


def test_a_burst_wakes_one_worker_and_that_one_reads_all_of_it(client, woken):
    fill(client, 5)
    assert len(woken) == 1
    tasks.take_waiting()
    assert Inbound.objects.filter(processed_at=None).count() == 0
    assert (Alert.objects.count(), len(woken)) == (5, 1)


def test_a_message_that_comes_after_the_worker_has_begun_wakes_another(client, woken, monkeypatch):
    fill(client, 1)
    monkeypatch.setattr(inbound_queue, "take_waiting", lambda moment: send(client, payload(alert())) and set())
    tasks.take_waiting()
    assert len(woken) == 2


def test_a_second_worker_leaves_the_reading_to_the_first(client, woken):
    fill(client, 1)
    cache.add(f"alone:{tasks.take_waiting.name}", 1)
    tasks.take_waiting()
    assert not Alert.objects.exists()


def test_what_a_turn_leaves_is_another_turn(client, woken, monkeypatch):
    monkeypatch.setattr(inbound_queue, "TURN", 0.0)
    fill(client, 2)
    send(client, payload(*many(2 * inbound.AT_ONCE, first=100)))
    while woken:
        woken.clear()
        tasks.take_waiting()
    assert Alert.objects.count() == 2 + 2 * inbound.AT_ONCE


def test_a_message_that_nobody_can_read_keeps_no_other_waiting(client, woken, monkeypatch):
    fill(client, 3)
    broken, honest = Inbound.objects.earliest("pk").pk, inbound._read
    monkeypatch.setattr(inbound, "_read", lambda row: 1 / 0 if row.pk == broken else honest(row))
    tasks.take_waiting()
    assert Incident.objects.count() == 2
    assert list(Inbound.objects.filter(processed_at=None).values_list("pk", flat=True)) == [broken]


def test_an_end_that_waits_for_its_beginning_is_not_asked_again_and_again(client, woken):
    send(client, payload(alert()))
    send(client, payload(alert("resolved")))
    first = Inbound.objects.earliest("pk")
    assert first.claim(clock.now())
    tasks.take_waiting()
    assert len(woken) == 1  # by the messages; the claim's end or the ring brings the rest
    Inbound.objects.filter(pk=first.pk).update(claimed_until=None)
    tasks.take_waiting()
    assert Incident.objects.get().closed_at


def test_without_redis_every_message_asks_for_a_worker(client, woken, monkeypatch):
    def away(*_args, **_more):
        raise ConnectionError

    monkeypatch.setattr(LocMemCache, "add", away)
    fill(client, 2)
    assert len(woken) == 2
