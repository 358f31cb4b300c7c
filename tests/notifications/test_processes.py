"""Workers as real processes on a real database file: racing, and killed in the middle."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import wait_until
from tests.support.receivers import HttpReceiver

BASE = Path(__file__).resolve().parents[2]
START = "import os, sys, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'portal.settings'; django.setup()\n"
NO_BROKER = "import notifications.tasks; notifications.tasks.deliver.delay = lambda pk: None\n"
SEED = """
from notifications import Message, publish
from notifications.models import AlertChannel
channel = AlertChannel(name='w', kind='webhook'); channel.keep({'url': sys.argv[1]}); channel.save()
for number in range(int(sys.argv[2])):
    publish(Message(id=f'incident-{number}', title='trouble'))
"""
WORK = """
from notifications import sending
from notifications.models import Delivery
print('ready', flush=True); sys.stdin.readline()
print(sum(sending.deliver(pk) for pk in list(Delivery.objects.order_by('pk').values_list('pk', flat=True))))
"""
EXPIRE = """
from datetime import timedelta
from portal.lib import clock
from notifications.models import Delivery
Delivery.objects.filter(state='sending').update(claimed_until=clock.now() - timedelta(seconds=1))
"""
ROWS = """
import json
from notifications.models import Delivery
print(json.dumps(list(Delivery.objects.values_list('state', 'attempts'))))
"""


@pytest.fixture
def environment(tmp_path):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PORTAL_")}
    made = {"PORTAL_DATA": str(tmp_path), "PORTAL_ENV_FILE": str(tmp_path / "none"), "PORTAL_LOG_LEVEL": "ERROR"}
    made = {**clean, **made, "PORTAL_ALLOWED_INTERNAL": "127.0.0.0/8"}
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=BASE, env=made, check=True)
    return made


def run(environment, code, *args):
    command = [sys.executable, "-c", START + NO_BROKER + code, *map(str, args)]
    done = subprocess.run(command, cwd=BASE, env=environment, check=True, capture_output=True, text=True)
    return done.stdout


def worker(environment):
    command = [sys.executable, "-c", START + NO_BROKER + WORK]
    process = subprocess.Popen(
        command, cwd=BASE, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    return process


def test_three_workers_send_every_delivery_once(environment):
    with HttpReceiver() as receiver:
        run(environment, SEED, receiver.url, 25)
        workers = [worker(environment) for _ in range(3)]
        for process in workers:
            process.stdin.write("\n")
            process.stdin.flush()
        sent = [int(process.communicate()[0]) for process in workers]
    assert sum(sent) == len(receiver.requests) == 25
    assert len({body["idempotency_key"] for body in receiver.bodies}) == 25
    assert json.loads(run(environment, ROWS)) == [["delivered", 1]] * 25


def test_a_worker_killed_while_it_sends_loses_nothing_and_keeps_the_key(environment):
    with HttpReceiver() as receiver:
        run(environment, SEED, receiver.url, 1)
        receiver.hold.clear()
        first = worker(environment)
        first.stdin.write("\n")
        first.stdin.flush()
        wait_until(lambda: receiver.requests)
        first.send_signal(signal.SIGKILL)
        first.communicate()
        receiver.hold.set()
        assert json.loads(run(environment, ROWS)) == [["sending", 1]]
        run(environment, EXPIRE)
        assert worker(environment).communicate("\n")[0] == "1\n"
    assert len(receiver.requests) == 2
    assert len({body["idempotency_key"] for body in receiver.bodies}) == 1
    assert json.loads(run(environment, ROWS)) == [["delivered", 2]]
