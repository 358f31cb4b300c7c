"""Programs that run beside the portal where they are found on PATH. A further one is one more entry in ``OPTIONAL``."""

import http.client
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from portal.up import grafana
from portal.up.layout import Layout
from portal.up.ports import Ports
from portal.up.programs import LOOPBACK, Program

MONITORING_HINT: Final = "`bin/up --install-monitoring` as root installs it"


@dataclass(frozen=True)
class Optional:
    """How such a program is found and started."""

    name: str
    binaries: tuple[str, ...]
    port: int
    # What the table says where it is missing.
    hint: str
    # Its command, from binary, port and layout.
    command: Callable[[str, int, Layout], tuple[str, ...]]
    # What is in /metrics of one that runs already on the usual port and will do; "" where only ours will do.
    foreign_mark: str = ""
    # Below which path people find it.
    path: str = ""

    def binary(self) -> str:
        """Its path, or '' where there is none."""
        return next((path for name in self.binaries if (path := shutil.which(name))), "")


@dataclass(frozen=True)
class Found:
    """What became of one of them: a program to run, or why there is none."""

    name: str
    port: int = 0
    program: Program | None = None
    note: str = ""


def look_for(optional: Optional, layout: Layout, ports: Ports) -> Found:
    """Find it and choose its port."""
    if optional.foreign_mark and optional.foreign_mark in metrics_of(optional.port):
        ports.set(optional.name, optional.port)
        return Found(optional.name, optional.port, note="ran already: used as it is")
    binary = optional.binary()
    if not binary:
        return Found(optional.name, note=f"not found: {optional.hint}")
    port = ports.choose(optional.name, optional.port)
    command = optional.command(binary, port, layout)
    return Found(
        optional.name,
        port,
        Program(optional.name, command, optional=True, address=f"http://{LOOPBACK}:{port}{optional.path}"),
    )


def addresses(found: Iterable[Found]) -> dict[str, str]:
    """What the children's environment says of where these programs answer; the operator's own word goes first."""
    variables = {f"PORTAL_{one.name.replace('-', '_').upper()}_URL": one.port for one in found if one.port}
    return {name: f"http://{LOOPBACK}:{port}" for name, port in variables.items() if not os.environ.get(name)}


def metrics_of(port: int) -> str:
    """What /metrics on that port of this machine says; '' where nothing answers."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=3)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()


def _prometheus(binary: str, port: int, layout: Layout) -> tuple[str, ...]:
    return (
        binary,
        f"--config.file={layout.rendered / 'prometheus' / 'prometheus.yml'}",
        f"--storage.tsdb.path={layout.data / 'prometheus'}",
        *("--storage.tsdb.retention.time=30d", "--storage.tsdb.retention.size=10GB"),
        f"--web.listen-address={LOOPBACK}:{port}",
        # Alerts carry a link to it: the host's own name would lead nowhere.
        f"--web.external-url=http://{LOOPBACK}:{port}",
        # For `manage.py stack_backup`, whose snapshot of the data needs it. On loopback only.
        "--web.enable-admin-api",
    )


def _alertmanager(binary: str, port: int, layout: Layout) -> tuple[str, ...]:
    return (
        binary,
        f"--config.file={layout.rendered / 'alertmanager' / 'alertmanager.yml'}",
        f"--storage.path={layout.data / 'alertmanager'}",
        f"--web.listen-address={LOOPBACK}:{port}",
        f"--web.external-url=http://{LOOPBACK}:{port}",
        # It is alone: without this it listens for others on every address.
        "--cluster.listen-address=",
    )


def _node_exporter(binary: str, port: int, layout: Layout) -> tuple[str, ...]:
    return (binary, f"--web.listen-address={LOOPBACK}:{port}")


OPTIONAL: Final = (
    Optional("prometheus", ("prometheus",), 9090, MONITORING_HINT, _prometheus),
    Optional("alertmanager", ("alertmanager", "prometheus-alertmanager"), 9093, MONITORING_HINT, _alertmanager),
    Optional(
        "node-exporter",
        ("prometheus-node-exporter", "node_exporter"),
        9100,
        MONITORING_HINT,
        _node_exporter,
        foreign_mark="node_load1",
    ),
    Optional("grafana", grafana.BINARIES, grafana.PORT, grafana.HINT, grafana.command, path="/grafana/"),
)
