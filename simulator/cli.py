"""Command line: one process that serves until it is told to end."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from simulator.simulator import Simulator


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="simulator", description="A simulated Proxmox VE cluster over HTTPS.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8106, help="port of the API, 0 for a free one")
    parser.add_argument("--control-port", type=int, default=8107, help="port of the control door, 0 for a free one")
    parser.add_argument("--guests", type=int, default=40)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1, help="the same number makes the same cluster")
    parser.add_argument("--state-dir", type=Path, required=True, help="folder for certificate, token and state")
    parser.add_argument("--version", default="9.2", help="the version to be like: 7.4, 8.4, 9.1 or 9.2")
    parser.add_argument("--task-seconds", type=float, default=2.0, help="how long a usual task takes; scales all waits")
    parser.add_argument("--resources-lag", type=float, default=3.0, help="seconds the resource list lags behind")
    parser.add_argument("--auth-failure-delay", type=float, default=3.0, help="seconds a refused log-in takes")
    parser.add_argument("--name", default="demo", help="name of the cluster")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT and return the exit code: 0, or 1 with a sentence on stderr."""
    given = build_parser().parse_args(arguments)
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    try:
        # a file of last time would tell others of a server that is not there yet
        (given.state_dir / "simulator.json").unlink(missing_ok=True)
        pve = Simulator(
            given.guests, given.nodes, given.seed, given.version, given.task_seconds, given.state_dir,
            given.auth_failure_delay, host=given.host, port=given.port, control_port=given.control_port,
            name=given.name, resources_lag=given.resources_lag, nightly=True,
        )  # fmt: skip
        pve.start()
    except (OSError, ValueError, OverflowError) as problem:
        print(f"simulator: cannot start on {given.host}:{given.port}: {problem}", file=sys.stderr)
        return 1
    announce(pve)
    ending.wait()
    pve.stop()
    return 0


def announce(pve: Simulator) -> None:
    """Write ``simulator.json`` and print the one line that says it is ready."""
    facts = {
        "port": pve.port,
        "control_port": pve.control_port,
        "url": pve.url,
        "control_url": pve.control_url,
        "fingerprint": pve.fingerprint,
        "pid": os.getpid(),
        "ca": str(Path(pve.ca_path).resolve()),
        "token_id": pve.token_id,
        "token_secret_file": str((pve.folder / "token-secret").resolve()),
        "name": pve.cluster.name,
    }
    path = pve.folder / "simulator.json"
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(facts, indent=2) + "\n")
    draft.replace(path)
    guests, nodes = len(pve.cluster.guests), len(pve.cluster.nodes)
    print(f"simulator: {pve.cluster.name} with {guests} guests on {nodes} nodes is ready at {pve.url}", flush=True)
