"""A thousand deliveries, and a worker that dies ten times in the middle of them."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest

from tests.notifications.test_processes import BASE, SEED, START, environment, run  # noqa: F401
from tests.support.receivers import HttpReceiver

NUMBER, KILLS = 1000, 10
# What a worker of the queue does, without a broker. Each one is a process of its own, made by a parent that has loaded
# everything: so that the time goes into deliveries and not into imports.
NURSERY = """
import sys, time
from django.db import connections
from notifications import sending, tasks
from notifications.models import AlertChannel, Delivery
from portal.lib import clock

def work():
    woken = []
    tasks.deliver.delay = woken.append
    while Delivery.objects.filter(state__in=["queued", "retrying", "sending"]).exists():
        for pk in list(Delivery._free(clock.now()).order_by("pk").values_list("pk", flat=True)[:100]):
            sending.deliver(pk)

AlertChannel.objects.update(max_per_minute=30000)
connections.close_all()
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    print(pid, flush=True)
    print(os.waitpid(pid, 0)[1], flush=True)
"""
LEFT = """
import json
from collections import Counter
from notifications.models import Decision, Delivery, DeliveryAttempt
states = Counter(Delivery.objects.values_list("state", flat=True))
lost = DeliveryAttempt.objects.filter(outcome="lost").count()
print(json.dumps({"states": states, "lost": lost, "told": Decision.objects.filter(reason="delivered").count()}))
"""


class Nursery:
    """Workers, one after the other."""

    def __init__(self, made):
        command = [sys.executable, "-c", START + NURSERY]
        self.parent = subprocess.Popen(
            command, cwd=BASE, env=made, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def begin(self):
        """The process of a new worker."""
        self.parent.stdin.write("\n")
        self.parent.stdin.flush()
        return int(self.parent.stdout.readline())

    def ended(self):
        """How the last worker ended, once it has."""
        return int(self.parent.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.parent.stdin.close()
        self.parent.wait(timeout=180)
        self.parent.stdout.close()


def two_minutes_pass(made):
    with sqlite3.connect(Path(made["PORTAL_DATA"]) / "portal.sqlite3", timeout=30) as database:
        database.execute("UPDATE notifications_delivery SET claimed_until = '2000-01-01' WHERE state = 'sending'")


def wait_for(receiver, number, seconds=600):
    deadline = time.monotonic() + seconds
    while len(receiver.requests) < number:
        assert time.monotonic() < deadline, f"{len(receiver.requests)} of {number} requests"
        time.sleep(0.002)


@pytest.mark.real
def test_a_worker_killed_ten_times_loses_none_of_a_thousand_and_keeps_every_key(environment):  # noqa: F811
    chance = random.Random(6)
    marks = sorted(chance.sample(range(1, NUMBER - 50), KILLS))
    with HttpReceiver() as receiver:
        run(environment, SEED, receiver.url, NUMBER)
        with Nursery(environment) as nursery:
            for mark in marks:
                worker = nursery.begin()
                wait_for(receiver, mark)
                time.sleep(chance.random() / 50)  # anywhere in the next steps
                os.kill(worker, signal.SIGKILL)
                assert nursery.ended() == signal.SIGKILL
                two_minutes_pass(environment)
            nursery.begin()
            assert nursery.ended() == 0
    keys = defaultdict(set)
    for body in receiver.bodies:
        keys[body["id"]].add(body["idempotency_key"])
    assert len(keys) == NUMBER
    assert all(len(found) == 1 for found in keys.values())
    left = json.loads(run(environment, LEFT))
    assert left["states"] == {"delivered": NUMBER}
    assert left["told"] == NUMBER
    assert len(receiver.requests) - NUMBER <= left["lost"] <= KILLS
