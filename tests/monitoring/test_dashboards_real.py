"""Every expression of every dashboard is answered with data by a real Prometheus that scrapes a running portal, a real
node_exporter, and a simulated Proxmox behind the portal; or the reason why not is written here."""

import json
from collections.abc import Iterator
from itertools import chain
from math import isfinite

import pytest

from monitoring import panels
from portal.up.programs import Program
from simulator import Simulator
from tests.monitoring.test_prometheus import Prometheus
from tests.support.components import need
from tests.support.processes import Portal, free_port, wait_until

pytestmark = pytest.mark.real
# What may be silent, by dashboard, panel and target, and why.
SILENT = {
    ("machine", 4, "A"): "a machine without swap has no such series",
    ("infrastructure", 12, "A"): "no trend is told in a storage's first six hours",
}
# A server that this machine's exporter stands in for; everything that is looked at rarely, now.
SERVER = """
from servers.models import Cluster, Server
from servers.rotation import rotate
Server.objects.filter(vmid={vmid}).update(exporter_port={port}, operator_address="127.0.0.1")
Cluster.objects.update(rotation_lease_until=None)
print(rotate(Cluster.objects.get(), everything=True))
"""
# Backup runs that end while Prometheus looks.
RUNS = """
from servers.models import Counter
Counter.add(Counter.BACKUP_SUCCESS, "demo", 3)
Counter.add(Counter.BACKUP_FAILURE, "demo", 1)
"""


class Stack:
    """A portal with all its parts, a Proxmox, an exporter on this machine that is also a server's, and Prometheus."""

    def __init__(self, portal: Portal, pve: Simulator) -> None:
        self.portal, self.pve = portal, pve
        self.ports = {"node-exporter": free_port(), "prometheus": free_port(), "alertmanager": free_port()}
        (portal.data / "run" / "ports.json").write_text(json.dumps(self.ports))
        self.prometheus = Prometheus(f"http://127.0.0.1:{self.ports['prometheus']}")

    def start(self) -> None:
        """Everything, on the files that we ship, with a second in place of 15."""
        self.portal.start("redis", "web", "worker", "beat")
        secret = self.portal.data / "secret"
        secret.write_text(self.pve.token_secret)
        self.portal.manage(
            "add_cluster", "demo", "--endpoint", self.pve.url, "--token-id", self.pve.token_id,
            "--token-secret-file", str(secret), "--fingerprint", self.pve.fingerprint, "--interval", "5",
        )  # fmt: skip
        listen = f"--web.listen-address=127.0.0.1:{self.ports['node-exporter']}"
        self.portal.spawn(Program("node-exporter", (need("prometheus-node-exporter"), listen)))
        folder = self.portal.data / "deploy"
        self.portal.manage("render_deploy", str(folder), "--interval", "1s")
        config = folder / "prometheus" / "prometheus.yml"
        config.write_text(config.read_text().replace("refresh_interval: 60s", "refresh_interval: 1s"))
        self.portal.spawn(Program("prometheus", (
            need("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={self.portal.data / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{self.ports['prometheus']}",
        )))  # fmt: skip
        self.wait_for("proxmox_vm_status == 1")

    def wait_for(self, expression: str) -> None:
        """Until Prometheus answers it with something."""
        trouble = lambda: "\n".join(self.portal.log(name)[-1500:] for name in ("prometheus", "worker"))  # noqa: E731
        wait_until(self.prometheus.answers, 60, what=trouble)
        wait_until(lambda: self.prometheus.ask(expression), 120, what=lambda: f"{expression}\n{trouble()}")

    def choose_a_container(self) -> dict[str, str]:
        """What a reader of the detail dashboards would have chosen: Proxmox knows the disk of containers alone."""
        rows = [row["metric"] for row in self.prometheus.ask('proxmox_vm_status{type="lxc"} == 1')]
        chosen = min(rows, key=lambda row: row["vmid"])
        self.portal.python(SERVER.format(vmid=chosen["vmid"], port=self.ports["node-exporter"]))
        self.wait_for('rate(node_cpu_seconds_total{job="managed-servers"}[5m])')
        self.wait_for("proxmox_backup_last_success_age_seconds")
        self.wait_for("backup_success_total")
        self.portal.python(RUNS)
        return {
            "cluster": "demo", "server": chosen["vmid"], "node": chosen["node"],
            "machine": f"localhost:{self.ports['node-exporter']}",
        }  # fmt: skip


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Simulator(guests=14, nodes=3, seed=1, auth_failure_delay=0.0) as pve, Portal(static=False) as portal:
        stack = Stack(portal, pve)
        stack.start()
        yield stack


def unanswered(stack: Stack, chosen: dict[str, str]) -> set[tuple[str, int, str]]:
    """The targets that bring no number."""
    found = set()
    for one in panels.dashboards():
        values = {
            variable.name: panels.ALL if variable.multiple else chosen[variable.name] for variable in one.variables
        }
        for panel in one.panels:
            for target, query in zip(panel.targets, panel.queries(values, 15, 300), strict=True):
                if not any(isfinite(float(row["value"][1])) for row in stack.prometheus.ask(query)):
                    found.add((one.uid, panel.id, target.ref))
    return found


def test_every_panel_is_answered_with_data(stack):
    chosen = stack.choose_a_container()
    left: list[set[tuple[str, int, str]]] = []

    def everything() -> bool:
        left.append(unanswered(stack, chosen) - SILENT.keys())
        return not left[-1]

    wait_until(everything, 120, what=lambda: f"no data for {sorted(left[-1])}")


def test_every_variable_offers_what_its_dashboard_can_show(stack):
    variables = list(chain.from_iterable(one.variables for one in panels.dashboards()))
    for text in {variable.query for variable in variables}:
        label, selector = text.removeprefix("label_values(").removesuffix(")").rpartition(", ")[::-2]
        query = f"count by ({label}) ({selector})" if text.startswith("label_values(") else text[13:-1]
        for name in ("cluster", "node"):
            query = query.replace(f'=~"${name}"', '=~".*"').replace(f'="${name}"', '="demo"')
        assert stack.prometheus.ask(query), text
