"""The web server: ``gunicorn -c portal/gunicorn.conf.py portal.wsgi:application``.

The workers share what they count through small files, one set per *slot*. A slot is a seat and no process: the worker
that takes a dead one's seat goes on with its files, so that no count is lost and the files do not pile up. Nothing of
Django is imported here: HUP must give the new workers new code and new settings.
"""

import gc
import os
from pathlib import Path
from typing import Any

BASE = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("PORTAL_DATA") or BASE / "var")
GENERATION = "PORTAL_METRICS_GENERATION"

# Before the first import of prometheus_client, and for the web server alone: a command shares nothing.
os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(DATA / "metrics"))
os.environ["PROMETHEUS_DISABLE_CREATED_SERIES"] = "true"

bind = f"{os.environ.get('PORTAL_BIND') or '127.0.0.1'}:{os.environ.get('PORTAL_PORT') or 8000}"
workers = int(os.environ.get("PORTAL_WEB_WORKERS") or 2)
threads = int(os.environ.get("PORTAL_WEB_THREADS") or 8)
worker_class = "gthread"
# A worker's seat outlives it, but its start costs a second: workers are not recycled.
max_requests = 0
timeout = 60
graceful_timeout = 30
keepalive = 5
accesslog = None
control_socket_disable = True
proc_name = "proxmox-manager"


def on_starting(server: Any) -> None:
    """Begin with an empty folder, unless this is a new master that takes over from a living one (USR2)."""
    folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not server.master_pid:
        for file in folder.glob("*.db"):
            file.unlink()


def pre_exec(server: Any) -> None:
    """Give the next master's workers seats of their own: for a while both masters' workers live side by side."""
    other = "b" if os.environ.get(GENERATION, "a") == "a" else "a"
    server.cfg.env_orig[GENERATION] = other


def pre_fork(server: Any, worker: Any) -> None:
    """Take the lowest seat that no living worker holds. The workers themselves know their seats: a list in this file
    would be forgotten on HUP, which reads the file anew."""
    taken = {getattr(sibling, "seat", None) for sibling in server.WORKERS.values()}
    worker.seat = next(number for number in range(len(taken) + 1) if number not in taken)


def post_fork(server: Any, worker: Any) -> None:
    """Count into the files of the seat, instead of files of the process."""
    from prometheus_client import values

    seat = _name(worker)
    values.ValueClass = values.MultiProcessValue(process_identifier=lambda: seat)


def post_worker_init(server: Any) -> None:
    """What is loaded stays for good: the collector of garbage need not walk over it again and again."""
    gc.collect()
    gc.freeze()


def child_exit(server: Any, worker: Any) -> None:
    """Forget what only a living worker may tell (gauges of the kind ``live…``)."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(_name(worker))


def _name(worker: Any) -> str:
    return f"{os.environ.get(GENERATION, 'a')}{worker.seat}"
