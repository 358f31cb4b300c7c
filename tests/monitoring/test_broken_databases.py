"""Real databases that are locked, slow, stopped: the scrape answers in time, and says what it could not read."""

import time

import psycopg
import pytest

from tests.monitoring.load import scrape, value
from tests.monitoring.postgres import PostgreSQL
from tests.support.processes import Portal, wait_until
from tests.support.sqlite import locked

pytestmark = pytest.mark.real
SEED = "from tests.monitoring.inventory import seed_everything; seed_everything()"


@pytest.fixture
def on_sqlite():
    with Portal(static=False) as portal:
        portal.start("redis", "web")
        portal.python(SEED)
        yield portal


@pytest.fixture(scope="module")
def server():
    with PostgreSQL() as server:
        yield server


@pytest.fixture(scope="module")
def on_postgresql(server):
    with Portal({"PORTAL_DATABASE_URL": server.url}, static=False) as portal:
        portal.manage("migrate", "--no-input", "-v", "0")
        portal.start("redis", "web")
        portal.python(SEED)
        yield portal


def gathered(text: str, part: str) -> float:
    return value(text, "portal_collector_success", collector=part)


def timed_scrape(portal) -> tuple[str, float]:
    started = time.monotonic()
    return scrape(portal.url), time.monotonic() - started


def test_a_locked_sqlite_file_costs_seconds_and_no_page(on_sqlite):
    with locked(on_sqlite.data / "portal.sqlite3"):
        text, seconds = timed_scrape(on_sqlite)
        assert gathered(text, "clusters") == gathered(text, "servers") == 0
        assert gathered(text, "http") == 1
        assert seconds < 10, "Prometheus would not have waited"
    assert gathered(scrape(on_sqlite.url), "servers") == 1


def test_the_inventory_is_told_from_postgresql_too(on_postgresql):
    text = scrape(on_postgresql.url)
    assert value(text, "active_servers_total") == 3
    assert value(text, "proxmox_vm_status", vmid="102", cluster="demo") == 1
    assert value(text, "proxmox_backup_last_size_bytes", vmid="100") == 7 * 2**30
    assert min(gathered(text, part) for part in ("guests", "guest_backups", "storages", "users", "counters")) == 1


def test_a_statement_that_waits_too_long_is_ended_and_costs_its_part_alone(on_postgresql, server):
    with psycopg.connect(server.url) as owner:
        owner.execute("LOCK TABLE servers_counter IN ACCESS EXCLUSIVE MODE")
        text, seconds = timed_scrape(on_postgresql)
    assert gathered(text, "counters") == 0
    assert value(text, "active_servers_total") == 3
    assert 1 < seconds < 8
    assert gathered(scrape(on_postgresql.url), "counters") == 1


def test_a_database_server_that_is_gone_and_comes_back_is_survived(on_postgresql, server):
    scrape(on_postgresql.url)  # so that there is a request to be counted, whatever ran before
    server.stop()
    text, seconds = timed_scrape(on_postgresql)
    assert gathered(text, "servers") == gathered(text, "guests") == 0
    assert value(text, "http_requests_total", endpoint="metrics") > 0
    assert seconds < 8
    server.start()
    wait_until(lambda: gathered(scrape(on_postgresql.url), "servers") == 1)
