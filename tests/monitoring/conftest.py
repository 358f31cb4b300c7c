"""What the tests of monitoring share."""

import subprocess

import pytest

from portal.up import programs
from tests.monitoring.exposition import Exposition
from tests.support.components import need
from tests.support.processes import redis_answers, wait_until


@pytest.fixture(autouse=True)
def _nothing_kept_from_another_test():
    """The rendered lines live as long as the process."""
    from monitoring import collector

    collector.TEXTS.forget()
    collector._complained.clear()


@pytest.fixture(scope="session")
def _broker(tmp_path_factory):
    """A real Redis, whose queue's length the scrape reads."""
    folder = tmp_path_factory.mktemp("broker")
    program = programs.redis(need("redis-server"), folder / "redis.sock", folder)
    process = subprocess.Popen(program.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: redis_answers(folder / "redis.sock"), what="Redis answers")
    yield f"unix://{folder / 'redis.sock'}"
    process.terminate()
    process.wait(10)


@pytest.fixture(autouse=True)
def _broker_settings(settings, _broker):
    settings.PORTAL_REDIS_URL = _broker


@pytest.fixture
def scrape(client, db):
    """One scrape, from this machine, parsed."""

    def once(**headers: str) -> Exposition:
        answer = client.get("/metrics", headers=headers)
        assert answer.status_code == 200
        return Exposition(answer.content.decode())

    return once
