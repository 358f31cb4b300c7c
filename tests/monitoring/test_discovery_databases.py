"""Databases that are locked, slow, stopped: discovery and ``/pve`` say 503 in time, and never half an answer."""

import time

import psycopg
import pytest
import requests

from tests.monitoring.postgres import PostgreSQL
from tests.support.processes import Portal, wait_until
from tests.support.sqlite import locked

pytestmark = pytest.mark.real
SEED = """
from servers.models import Server
from tests.monitoring.inventory import guest, make_cluster
make_cluster("demo", [guest(100)])
Server.objects.update(exporter_port=9100, agent_address="10.20.0.11")
"""
PATHS = ("/api/prometheus/sd/", "/pve?target=demo")


def answers(portal: Portal) -> list[int]:
    """The states of both answers; each within the ten seconds that Prometheus waits."""
    found = []
    for path in PATHS:
        started = time.monotonic()
        answer = requests.get(portal.url + path, timeout=20)
        assert time.monotonic() - started < 9
        assert answer.status_code == 200 or not answer.text.startswith(("[", "#"))
        found.append(answer.status_code)
    return found


def test_a_locked_sqlite_file():
    with Portal(static=False) as portal:
        portal.start("redis", "web")
        portal.python(SEED)
        assert answers(portal) == [200, 200]
        portal.stop("web")  # it keeps its connections: nobody else could take the file
        with locked(portal.data / "portal.sqlite3"):
            portal.start("web")
            assert answers(portal) == [503, 503]
        wait_until(lambda: answers(portal) == [200, 200])


def test_postgresql_that_is_slow_goes_and_comes_back():
    with PostgreSQL() as server, Portal({"PORTAL_DATABASE_URL": server.url}, static=False) as portal:
        portal.manage("migrate", "--no-input", "-v", "0")
        portal.start("redis", "web")
        portal.python(SEED)
        assert answers(portal) == [200, 200]
        with psycopg.connect(server.url) as owner:
            owner.execute("LOCK TABLE servers_server, servers_cluster IN ACCESS EXCLUSIVE MODE")
            assert answers(portal) == [503, 503]
        server.stop()
        assert answers(portal) == [503, 503]
        server.start()
        wait_until(lambda: answers(portal) == [200, 200])
