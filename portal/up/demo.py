"""The demo cluster: the simulator, and the cluster "demo" that points at it."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from portal.up import setup
from portal.up.layout import Layout
from portal.up.ports import Ports
from portal.up.programs import Program, simulator
from portal.up.trouble import explained
from servers.models import Cluster

NAME: Final = "demo"
HOST: Final = "127.0.0.1"
PORT, CONTROL_PORT = 8106, 8107
READY_SECONDS: Final = 90


@dataclass(frozen=True)
class Demo:
    """The simulator of this installation."""

    program: Program
    state: Path

    def announcement(self) -> dict[str, Any]:
        """What the simulator says about itself once it answers; empty until then."""
        try:
            facts = json.loads((self.state / "simulator.json").read_text())
        except (OSError, ValueError):
            return {}
        return facts if isinstance(facts, dict) else {}

    def add_cluster(self, environment: Mapping[str, str]) -> str:
        """Add or refresh the cluster "demo" once the simulator answers; '' or a sentence that says why not."""
        deadline = time.monotonic() + READY_SECONDS
        while not (facts := self.announcement()):
            if time.monotonic() > deadline:
                return "the simulator did not get ready: look into its log"
            time.sleep(0.1)
        return setup.manage(
            environment,
            *("add_cluster", NAME, "--endpoint", facts["url"], "--token-id", facts["token_id"]),
            *("--token-secret-file", facts["token_secret_file"], "--fingerprint", facts["fingerprint"]),
        )


def wanted(layout: Layout, *, allowed: bool) -> bool:
    """Whether there is to be a simulator: the demo is there already, or nothing else is. A backup has the demo's
    cluster and not its simulator: a new one takes its place."""
    if not allowed:
        return False
    with explained("looking for clusters", layout.data):
        found = dict(Cluster.objects.values_list("name", "endpoints"))
    return not found or (NAME in found and (folder(layout).exists() or _is_here(found[NAME])))


def _is_here(endpoints: list[str]) -> bool:
    """Whether these are a simulator's, and not those of somebody's own cluster of that name."""
    return bool(endpoints) and all(urlsplit(endpoint).hostname == HOST for endpoint in endpoints)


def folder(layout: Layout) -> Path:
    """Where the simulator keeps its certificate, its token and its state."""
    return layout.data / "simulator"


def prepare(layout: Layout, ports: Ports) -> Demo:
    """The simulator, on the ports of last time if they are free."""
    state = folder(layout)
    with explained("preparing the demo", layout.data):
        state.mkdir(mode=0o700, exist_ok=True)
        (state / "simulator.json").unlink(missing_ok=True)
        port = ports.choose("simulator", PORT)
        control = ports.choose("simulator-control", CONTROL_PORT)
    return Demo(simulator(state, port, control), state)
