"""The programs of the portal, as command lines. ``bin/up`` and the tests of real processes start the same ones."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

BASE: Final = Path(__file__).resolve().parent.parent.parent
PYTHON: Final = sys.executable
WEB_WORKERS: Final = 2
WEB_THREADS: Final = 8
LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True)
class Program:
    """One process that is kept running: its name, its command, what it needs in its environment beyond ours."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    # An optional program that cannot start is a row in the table, and nothing more.
    optional: bool = False
    # Where a person or another program finds it.
    address: str = ""
    # Seconds it gets to end by itself before it is killed.
    patience: int = 10
    # A folder of the run that must be there, and empty, before the program starts.
    fresh_folder: Path | None = None


def redis(binary: str, socket: Path, folder: Path) -> Program:
    """Redis on a Unix socket for its owner only, without a TCP port, that keeps what it holds in ``folder``."""
    command = (
        binary,
        *("--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--dir", str(folder), "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        *("--daemonize", "no", "--protected-mode", "yes", "--loglevel", "notice"),
    )
    return Program("redis", command, address=str(socket))


def web(
    port: int, metrics: Path, *, host: str = LOOPBACK, workers: int = WEB_WORKERS, threads: int = WEB_THREADS
) -> Program:
    """The web server. Its processes share what they count through the folder ``metrics``, empty at start."""
    config = BASE / "portal" / "gunicorn.conf.py"
    command = (
        *(PYTHON, "-m", "gunicorn", "portal.wsgi:application"),
        *(("-c", str(config)) if config.exists() else ()),
        *("--bind", f"{host}:{port}", "--worker-class", "gthread"),
        *("--workers", str(workers), "--threads", str(threads)),
        *("--timeout", "60", "--graceful-timeout", "8", "--no-control-socket", "--log-level", "warning"),
    )
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(metrics)}
    return Program("web", command, environment, address=f"http://{host}:{port}", fresh_folder=metrics)


def worker(*, concurrency: int = 2) -> Program:
    """The Celery worker, which does what is due."""
    command = (
        *(PYTHON, "-m", "celery", "-A", "portal", "worker", "--pool", "prefork"),
        *("--concurrency", str(concurrency), "--loglevel", "INFO", "--without-mingle", "--without-gossip"),
    )
    # Now and then a child of its pool waits half a minute for nothing. What is killed in the middle is done again.
    return Program("worker", command, patience=6)


def beat(schedule: Path) -> Program:
    """Celery's clock, which rings when it is time to look what is due."""
    command = (PYTHON, "-m", "celery", "-A", "portal", "beat", "--loglevel", "WARNING", "--pidfile", "")
    return Program("beat", (*command, "--schedule", str(schedule)))


def simulator(state: Path, port: int, control_port: int, *, guests: int = 40, nodes: int = 3) -> Program:
    """A small Proxmox VE cluster to try the portal on; it writes ``simulator.json`` into ``state`` when it answers."""
    command = (
        *(PYTHON, "-m", "simulator", "--state-dir", str(state), "--port", str(port)),
        *("--control-port", str(control_port), "--guests", str(guests), "--nodes", str(nodes)),
    )
    return Program("simulator", command, optional=True, address=f"https://{LOOPBACK}:{port}")
