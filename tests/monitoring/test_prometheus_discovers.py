"""A real Prometheus asks the portal: which machines to scrape, and for what it used to ask prometheus-pve-exporter."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from portal.up.programs import Program
from tests.monitoring.test_prometheus import Prometheus
from tests.support.components import need
from tests.support.processes import Portal, free_port, wait_until

pytestmark = pytest.mark.real
SEED = """
from servers.models import Server
from tests.monitoring.inventory import guest, make_cluster, node, storage
make_cluster("demo", [guest(100, name="web-한국어"), guest(101, status="stopped")], [node("pve1")],
             [storage("local", "pve1")])
Server.objects.filter(vmid=100).update(exporter_port={port}, agent_address="127.0.0.1", environment="prod")
"""
# As their documentation has it for a Prometheus beside the exporter; only the port is another.
MADE_FOR_THE_EXPORTER = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: 'pve'
    static_configs:
      - targets:
        - pve1
        - pve.example.org
        - nowhere.example.org
    metrics_path: /pve
    params:
      module: [default]
      cluster: ['1']
      node: ['1']
    relabel_configs:
      - source_labels: [__address__]
        target_label: __param_target
      - source_labels: [__param_target]
        target_label: instance
      - target_label: __address__
        replacement: 127.0.0.1:{port}
"""


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    """A portal that knows a server on which a real node_exporter runs."""
    port = free_port()
    with Portal(static=False) as portal:
        portal.start("redis", "web")
        portal.python(SEED.format(port=port))
        exporter = (need("prometheus-node-exporter"), f"--web.listen-address=127.0.0.1:{port}")
        portal.spawn(Program("node-exporter", exporter))
        yield portal


def start_prometheus(portal: Portal, name: str, config: Path) -> Prometheus:
    port = free_port()
    command = (
        need("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={portal.data / f'tsdb-{name}'}",
        f"--web.listen-address=127.0.0.1:{port}",
    )  # fmt: skip
    portal.spawn(Program(name, command))
    server = Prometheus(f"http://127.0.0.1:{port}")
    wait_until(server.answers, 20, what=lambda: portal.log(name))
    return server


@pytest.fixture(scope="module")
def discovering(portal) -> Prometheus:
    """Prometheus on the file we ship; it asks every second instead of every minute."""
    folder = portal.data / "deploy"
    portal.manage("render_deploy", str(folder), "--interval", "1s")
    config = next(folder.rglob("prometheus.yml"))
    shipped = config.read_text()
    assert "refresh_interval: 60s" in shipped
    config.write_text(shipped.replace("refresh_interval: 60s", "refresh_interval: 1s"))
    return start_prometheus(portal, "prometheus-sd", config)


def targets(server: Prometheus) -> list[dict]:
    found = requests.get(f"{server.url}/api/v1/targets", params={"state": "active"}, timeout=10).json()
    return [one for one in found["data"]["activeTargets"] if one["scrapePool"] == "managed-servers"]


def failures(server: Prometheus) -> float:
    """How often this Prometheus got an error in the place of a list."""
    page = requests.get(f"{server.url}/metrics", timeout=10).text
    return sum(float(number) for number in re.findall(r"^prometheus_sd_http_failures_total\S* (\S+)$", page, re.M))


UP = 'up{job="managed-servers"}'


def test_a_server_is_discovered_survives_trouble_and_is_lost_when_it_is_retired(portal, discovering):
    wait_until(lambda: discovering.value(UP) == 1, 30, what=lambda: json.dumps(targets(discovering)))
    (row,) = discovering.ask('node_uname_info{job="managed-servers"}')
    labels = row["metric"]
    assert (labels["server"], labels["vmid"], labels["cluster"], labels["environment"]) == (
        "web-한국어",
        "100",
        "demo",
        "prod",
    )
    assert labels["server_id"].isdigit()
    assert not [name for name in labels if name.startswith("__meta")]

    file = portal.data / "portal.sqlite3"
    away = file.rename(f"{file}.away")
    try:
        wait_until(lambda: failures(discovering) > 0, 30)
        assert requests.get(f"{portal.url}/api/prometheus/sd/", timeout=10).status_code == 503
        assert len(targets(discovering)) == 1
    finally:
        away.rename(file)

    portal.python("from servers.models import Server; from portal.lib import clock\n"
                  "Server.objects.filter(vmid=100).update(retired_at=clock.now())")  # fmt: skip
    wait_until(lambda: targets(discovering) == [], 30)
    wait_until(lambda: discovering.ask(UP) == [], 30)


def test_a_configuration_made_for_the_exporter_works_with_another_port(portal):
    config = portal.data / "pve.yml"
    config.write_text(MADE_FOR_THE_EXPORTER.format(port=portal.port))
    server = start_prometheus(portal, "prometheus-pve", config)
    for place in ("pve1", "pve.example.org"):
        wait_until(lambda place=place: server.value(f'up{{instance="{place}"}}') == 1, 30)
        assert server.value(f'pve_up{{id="qemu/100",instance="{place}"}}') == 1
    assert server.value('pve_up{id="qemu/101",instance="pve1"}') == 0
    assert server.ask("pve_memory_usage_bytes * on (id, instance) group_left (name) pve_guest_info")
    assert wait_until(lambda: server.ask('rate(pve_network_transmit_bytes_total{id="qemu/100"}[1m])'), 15)
    assert wait_until(lambda: server.value('up{instance="nowhere.example.org"}') == 0, 15)
