"""Real worker, beat and Redis: what is woken, what is found, and what Redis's absence costs."""

import pytest

from tests.support.processes import Portal, wait_until
from tests.support.receivers import HttpReceiver

pytestmark = pytest.mark.real
CHANNEL = """
from notifications.models import AlertChannel
channel = AlertChannel(name='w', kind='webhook'); channel.keep({{'url': '{url}'}}); channel.save()
"""
PUBLISH = """
from notifications import Message, publish
message = Message(id='{id}', title='trouble')
publish(message)
publish(message.resolved())
"""


@pytest.fixture(scope="module")
def receiver():
    with HttpReceiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def portal(receiver):
    with Portal({"PORTAL_ALLOWED_INTERNAL": "127.0.0.0/8"}, static=False) as portal:
        portal.start("redis", "worker", "beat")
        portal.python(CHANNEL.format(url=receiver.url))
        yield portal


def said(receiver, name):
    return [body["status"] for body in receiver.bodies if body["id"] == name]


def test_an_opening_and_its_recovery_arrive_once_and_in_order(portal, receiver):
    portal.python(PUBLISH.format(id="one"))
    wait_until(lambda: len(said(receiver, "one")) == 2, 20, what=lambda: portal.log("worker")[-2000:])
    assert said(receiver, "one") == ["firing", "resolved"]


def test_without_redis_a_message_is_late_and_not_lost(portal, receiver):
    portal.kill("redis")
    portal.python(PUBLISH.format(id="two"))
    assert said(receiver, "two") == []
    portal.start("redis")
    wait_until(lambda: len(said(receiver, "two")) == 2, 60, what=lambda: portal.log("worker")[-2000:])
    portal.python(PUBLISH.format(id="three"))
    wait_until(lambda: len(said(receiver, "three")) == 2, 20, what=lambda: portal.log("worker")[-2000:])
    assert said(receiver, "two") == said(receiver, "three") == ["firing", "resolved"]
