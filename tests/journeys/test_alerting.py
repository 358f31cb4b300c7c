"""A rule fires in a real Prometheus, travels through a real Alertmanager and arrives once; and its end arrives once."""

import re

import pytest

from portal.up.programs import Program
from tests.journeys.conftest import World
from tests.support.components import need
from tests.support.processes import free_port, wait_until

pytestmark = pytest.mark.real
THRESHOLD = "UPDATE monitoring_alertthreshold SET value = ? WHERE alert = 'HighMemoryUsage'"


@pytest.fixture
def stack(world: World):
    """Prometheus, Alertmanager and the node exporter on the shipped files, with every wait turned down to a second."""
    portal, ports = world.portal, {"9100": free_port(), "9093": free_port(), "9090": free_port()}
    folder = portal.data / "deploy"
    portal.manage("render_deploy", str(folder), "--interval", "1s")
    for path in folder.rglob("*.yml"):
        text = re.sub(r"\b(for|group_wait|group_interval): \w+", r"\1: 1s", path.read_text())
        path.write_text(re.sub(r"localhost:(9\d{3})", lambda found: f"localhost:{ports[found[1]]}", text))
    portal.spawn(
        Program("node-exporter", (need("prometheus-node-exporter"), f"--web.listen-address=127.0.0.1:{ports['9100']}"))
    )
    portal.spawn(Program("alertmanager", (
        need("prometheus-alertmanager"), f"--config.file={folder / 'alertmanager' / 'alertmanager.yml'}",
        f"--storage.path={portal.data / 'am'}", f"--web.listen-address=127.0.0.1:{ports['9093']}",
        "--cluster.listen-address=",
    )))  # fmt: skip
    portal.spawn(Program("prometheus", (
        need("prometheus"), f"--config.file={folder / 'prometheus' / 'prometheus.yml'}",
        f"--storage.tsdb.path={portal.data / 'tsdb'}", f"--web.listen-address=127.0.0.1:{ports['9090']}",
    )))  # fmt: skip
    return world


def about_memory(world):
    return [title for title in world.slack_titles() if "memory" in title.lower()]


def logs(world):
    return "\n".join(world.portal.log(name)[-1500:] for name in ("prometheus", "alertmanager", "worker"))


def test_a_rule_fires_arrives_once_and_resolves_once(stack):
    stack.write(THRESHOLD, 0.1)
    wait_until(lambda: about_memory(stack), 60, what=lambda: logs(stack))
    assert stack.one("SELECT source FROM monitoring_alert WHERE condition = 'memory_high'") == "alertmanager"
    stack.write(THRESHOLD, 100)
    closed = "SELECT closed_at FROM monitoring_incident WHERE condition = 'memory_high'"
    wait_until(lambda: stack.one(closed), 60, what=lambda: logs(stack))
    wait_until(lambda: len(about_memory(stack)) == 2, 30)
    assert "Resolved" in about_memory(stack)[1]


def test_a_node_that_goes_is_one_incident_whoever_sees_it(stack, pve):
    pve.node_offline("pve1")
    sources = "SELECT count(DISTINCT source) FROM monitoring_alert WHERE condition = 'node_offline'"
    wait_until(lambda: stack.one(sources) == 2, 60, what=lambda: logs(stack))
    assert stack.one("SELECT count(*) FROM monitoring_incident WHERE condition = 'node_offline'") == 1
    wait_until(lambda: any("pve1" in title for title in stack.slack_titles()), 20)
    assert len([title for title in stack.slack_titles() if "pve1" in title]) == 1
