"""A real Prometheus, on the file we ship, scrapes a running portal with two workers: every expression that the
monitoring guide has about the portal returns data."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.monitoring.load import Crowd, scrape
from tests.support.components import need
from tests.support.processes import Portal, free_port, wait_until

pytestmark = pytest.mark.real

REQUESTS = [
    "rate(http_requests_total[5m])",
    "histogram_quantile(0.95, rate(http_request_duration_seconds_bucket[5m]))",
    "histogram_quantile(0.95, sum by (job, le) (rate(http_request_duration_seconds_bucket[5m])))",
]
ERRORS = [
    'rate(http_requests_total{status=~"5.."}[5m]) / rate(http_requests_total[5m]) * 100',
    '(sum by (job) (rate(http_requests_total{status=~"5.."}[5m])) or 0 * sum by (job) (rate(http_requests_total[5m])))'
    " / (sum by (job) (rate(http_requests_total[5m])) > 0) * 100",
]
INVENTORY = {
    "active_servers_total": 3,
    "rate(server_creation_total[5m])": 0,
    "increase(server_creation_total[1d])": 0,
    "backup_count_total": 3,
    'proxmox_vm_status{cluster="demo",vmid="100"}': 1,
    'proxmox_vm_status{cluster="demo",vmid="101"}': 0,
    'proxmox_storage_usage{cluster="demo",storage="ceph"}': 25 * 2**30,
    'proxmox_node_status{cluster="demo",node="pve1"}': 1,
    'up{job="proxmox-manager"}': 1,
    'max without (instance) (active_users{window="5m"})': 0,
    'sum(rate(backup_failure_total{cluster="demo"}[5m]))': 0,
    'count(proxmox_guest_cpu_ratio * on (cluster, vmid) group_left (node) proxmox_guest_info{cluster="demo"})': 3,
    "min(portal_collector_success)": 1,
}
# The guide's rules ask "is anything wrong?": nothing is, so they return nothing, and their parts are there.
RULES = ['up{job="proxmox-manager"} == 0', "active_servers_total == 0"]


class Prometheus:
    """A running server that one may ask."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, expression: str) -> list[dict]:
        answer = requests.get(f"{self.url}/api/v1/query", params={"query": expression}, timeout=10).json()
        assert answer["status"] == "success", answer
        return answer["data"]["result"]

    def value(self, expression: str) -> float | None:
        result = self.ask(expression)
        assert len(result) <= 1, f"{expression} has {len(result)} results"
        return float(result[0]["value"][1]) if result else None

    def answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/-/ready", timeout=2).ok
        except requests.RequestException:
            return False


@contextmanager
def running_prometheus(portal: Portal) -> Iterator[Prometheus]:
    """Prometheus on the shipped file, with this portal's address and token and an interval of a second."""
    from portal.up.programs import Program

    folder = portal.data / "deploy"
    portal.manage("render_deploy", str(folder), "--interval", "1s")
    config = next(folder.rglob("prometheus.yml"))
    port = free_port()
    command = (
        need("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={portal.data / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    )  # fmt: skip
    portal.spawn(Program("prometheus", command))
    server = Prometheus(f"http://127.0.0.1:{port}")
    wait_until(server.answers, 20, what=lambda: portal.log("prometheus"))
    yield server


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    with Portal(static=False) as portal:
        portal.start("redis", "web")
        portal.python("from tests.monitoring.inventory import seed_everything; seed_everything()")
        yield portal


@pytest.fixture(scope="module")
def prometheus(portal) -> Iterator[Prometheus]:
    with running_prometheus(portal) as server:
        with Crowd(portal.port, "/", people=1) as good:
            wait_until(lambda: server.ask("increase(http_requests_total{endpoint='home'}[1m]) > 5"), 30)
        assert good.answered
        yield server


@pytest.mark.parametrize("expression", REQUESTS)
def test_the_guides_expressions_about_requests_return_rates(prometheus, expression):
    wait_until(lambda: any(float(row["value"][1]) > 0 for row in prometheus.ask(expression)), 15)


@pytest.mark.parametrize("expression", ERRORS)
def test_the_guides_error_ratio_returns_data_before_the_first_error(prometheus, expression):
    """The counters of 500 are there with 0 from the start."""
    assert wait_until(lambda: prometheus.ask(expression), 15)


@pytest.mark.parametrize("expression", INVENTORY)
def test_the_guides_expressions_about_the_inventory_return_data(prometheus, expression):
    wait_until(lambda: prometheus.value(expression) == INVENTORY[expression], 15,
               what=lambda: prometheus.ask(expression))  # fmt: skip


@pytest.mark.parametrize("name", ["proxmox_vm_status", "proxmox_storage_usage", "proxmox_node_status"])
def test_the_guides_bare_names_return_series(prometheus, name):
    assert wait_until(lambda: prometheus.ask(name), 15)


@pytest.mark.parametrize("expression", RULES)
def test_the_guides_rules_are_silent_while_all_is_well(prometheus, expression):
    assert wait_until(lambda: prometheus.ask(expression.rpartition(" == ")[0]), 15)
    assert prometheus.ask(expression) == []


def test_prometheus_takes_the_names_of_other_scripts_unharmed(prometheus):
    (row,) = wait_until(lambda: prometheus.ask('proxmox_vm_status{cluster="second"}'), 15)
    assert row["metric"]["name"] == '한국어 😀 "quoted" \\ back'


def test_a_server_created_now_is_an_increase(portal, prometheus):
    portal.python("from servers.models import Counter; Counter.add(Counter.CREATED, 'demo', 1)")
    wait_until(lambda: (prometheus.value("increase(server_creation_total[1m])") or 0) > 0.5, 15)


def test_the_page_of_two_workers_is_valid_for_promtool(portal):
    done = subprocess.run(
        [need("promtool"), "check", "metrics"], input=scrape(portal.url).encode(), capture_output=True, check=False
    )
    said = re.findall(rb"^(\w+) ", done.stdout + done.stderr, re.M)
    assert said == [b"active_servers_total", b"backup_count_total"], done


def test_without_its_database_the_portal_still_answers_prometheus(portal, prometheus):
    """The file is gone and comes back: the scrape never fails."""
    file = portal.data / "portal.sqlite3"
    away = Path(f"{file}.away")
    file.rename(away)
    try:
        wait_until(lambda: prometheus.value('portal_collector_success{collector="servers"}') == 0, 15)
        assert prometheus.value('up{job="proxmox-manager"}') == 1
        assert prometheus.ask("http_requests_total")
    finally:
        away.rename(file)
    wait_until(lambda: prometheus.value('portal_collector_success{collector="servers"}') == 1, 15)


def test_without_redis_only_the_usage_ends(portal, prometheus):
    portal.kill("redis")
    portal.kill("web", 1)  # HUP: workers that have rendered nothing yet
    wait_until(
        lambda: prometheus.value('min_over_time(portal_collector_success{collector="guest_usage"}[2s])') == 0, 30
    )
    assert prometheus.value('portal_collector_success{collector="guests"}') == 1
    assert prometheus.value('min_over_time(up{job="proxmox-manager"}[5s])') == 1
