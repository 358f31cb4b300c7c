"""Real processes for tests: a portal with its web server, worker, beat and Redis in a folder of its own.

    with Portal() as portal:
        portal.start("redis", "web", "worker", "beat")
        requests.get(portal.url + "/readyz")
        portal.kill("worker")
        portal.start("worker")
        assert "ready" in portal.log("worker")

Everything is started with the commands that ``bin/up`` uses, and everything is gone when the block ends.
"""

import contextlib
import functools
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import requests

from portal.up import programs

BASE = programs.BASE
PYTHON = sys.executable
T = TypeVar("T")
# Deadlines are written down for an idle machine with two cores. A busy one gets so many times as long: a test that
# passes waits no longer for that.
PATIENCE = 3
# For what a browser is waited for, in its milliseconds.
BROWSER_PATIENCE = 40_000 * PATIENCE


def free_port() -> int:
    """A loopback port that nobody listens on at this moment.

    It lies below the ports that Linux gives to outgoing connections (from 32768 on, see ip_local_port_range in ip(7)):
    one of those may be taken between this answer and the start of the program that it is for.
    """
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", random.randrange(10_000, 32_768)))
            return probe.getsockname()[1]


def wait_until(condition: Callable[[], T], timeout: float = 20, *, what: str | Callable[[], str] = "") -> T:
    """Ask again and again until the answer is true, and give it.

    Fails the test with ``what`` when an idle machine would have needed more than ``timeout`` seconds.
    """
    timeout *= PATIENCE
    deadline = time.monotonic() + timeout
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what() if callable(what) else what or condition}")
        time.sleep(0.05)


def environment(data: Path, **extra: str) -> dict[str, str]:
    """Our environment without its PORTAL_ variables, with these and a folder of its own."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PORTAL_")}
    clean.pop("PROMETHEUS_MULTIPROC_DIR", None)
    return {**clean, "PORTAL_DATA": str(data), "PORTAL_ENV_FILE": str(data / "none.env"), **extra}


class Portal:
    """A portal in a temporary folder with a migrated database. Start its parts by name."""

    def __init__(
        self,
        env: Mapping[str, str] | None = None,
        *,
        web_workers: int = 2,
        worker_concurrency: int = 2,
        static: bool = True,
    ) -> None:
        self.data = Path(tempfile.mkdtemp(prefix="pm-run-"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.redis_socket = self.data / "run" / "redis.sock"
        ours = {"PORTAL_PORT": str(self.port), "PORTAL_TICK_SECONDS": "0.5"}
        self.env = environment(self.data, **{**ours, **(env or {})})
        self.web_workers, self.worker_concurrency, self.static = web_workers, worker_concurrency, static
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._log_starts: dict[str, int] = {}

    def __enter__(self) -> "Portal":
        for name in ("run", "log", "redis", "metrics"):
            (self.data / name).mkdir()
        _copy_prepared(self.data, static=self.static, own_database="PORTAL_DATABASE_URL" not in self.env)
        return self

    def __exit__(self, *exc: object) -> None:
        for name in list(self.processes):
            self.stop(name)
        shutil.rmtree(self.data, ignore_errors=True)

    # --- the parts ---------------------------------------------------------------------------------------------
    def program(self, name: str) -> programs.Program:
        """How that part is started."""
        makers: dict[str, Callable[[], programs.Program]] = {
            "redis": lambda: programs.redis(shutil.which("redis-server") or "", self.redis_socket, self.data / "redis"),
            "web": lambda: programs.web(self.port, self.data / "metrics", workers=self.web_workers),
            "worker": lambda: programs.worker(concurrency=self.worker_concurrency),
            "beat": lambda: programs.beat(self.data / "run" / "beat-schedule"),
        }
        return makers[name]()

    def start(self, *names: str) -> None:
        """Start these parts and wait until each is ready."""
        for name in names:
            self.spawn(self.program(name))
        for name in names:
            wait_until(
                lambda name=name: self.ready(name), 30, what=f"{name} is ready; its log: {self.log(name)[-2000:]}"
            )

    def spawn(self, program: programs.Program) -> "subprocess.Popen[bytes]":
        """Start any program beside the portal's; it ends with the portal."""
        if program.fresh_folder:
            shutil.rmtree(program.fresh_folder, ignore_errors=True)
            program.fresh_folder.mkdir()
        with (self.data / "log" / f"{program.name}.log").open("ab") as log:
            self._log_starts[program.name] = len(self.log(program.name))
            self.processes[program.name] = subprocess.Popen(
                program.command,
                cwd=BASE,
                env={**self.env, **program.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self.processes[program.name]

    def ready(self, name: str) -> bool:
        """Whether that part does its work. Fails the test if it has ended instead."""
        if (code := self.processes[name].poll()) is not None:
            raise AssertionError(f"{name} ended with {code}:\n{self.log(name)[-4000:]}")
        if name == "redis":
            return redis_answers(self.redis_socket)
        if name == "web":
            return self.answers("/healthz")
        if name == "worker":
            return " ready." in self.log("worker")[self._log_starts["worker"] :]
        return True

    def answers(self, path: str) -> bool:
        """Whether the web server answers there at all."""
        try:
            return requests.get(self.url + path, timeout=15, allow_redirects=False).status_code < 500
        except requests.RequestException:
            return False

    def kill(self, name: str, sig: int = signal.SIGKILL) -> None:
        """Send a signal to that part's main process; a deadly one is waited for, and takes the children along."""
        process = self.processes[name]
        process.send_signal(sig)
        if sig in (signal.SIGKILL, signal.SIGTERM):
            process.wait(60)
            _end_group(process.pid)

    def stop(self, name: str) -> None:
        """End that part: politely at first."""
        process = self.processes.pop(name)
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
        _end_group(process.pid)

    def log(self, name: str) -> str:
        """What that part has said so far."""
        path = self.data / "log" / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # --- commands ----------------------------------------------------------------------------------------------
    def manage(self, *arguments: str, check: bool = True, **options: Any) -> "subprocess.CompletedProcess[str]":
        """Run ``manage.py`` with these arguments; a failure fails the test unless ``check`` is off."""
        done = subprocess.run(
            [PYTHON, "manage.py", *arguments],
            cwd=BASE, env=self.env, capture_output=True, text=True, timeout=300, check=False, **options,
        )  # fmt: skip
        if check and done.returncode:
            raise AssertionError(
                f"manage.py {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
            )
        return done

    def python(self, code: str) -> str:
        """Run lines of Python with the portal's models at hand, in a process of its own, and give what they print."""
        return self.manage("shell", "--no-imports", "-c", code).stdout.strip()


def redis_answers(path: Path) -> bool:
    """Whether a Redis behind that socket says PONG and has loaded its data."""
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(2)
            probe.connect(str(path))
            probe.sendall(b"PING\r\n")
            return probe.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def processes_with(marker: str) -> dict[int, str]:
    """The living processes with ``NAME=VALUE`` in their environment, or that value in their title: pid and title.

    Redis writes its title over its environment; its socket's path is in there.
    """
    value = marker.partition("=")[2].encode()
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            title = (folder / "cmdline").read_bytes()
            mine = marker.encode() in (folder / "environ").read_bytes() or (value and value in title)
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            command = title.replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if mine and state != "Z" and int(folder.name) != os.getpid():
            found[int(folder.name)] = command
    return found


def _end_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # nobody is left of it


def _copy_prepared(data: Path, *, static: bool, own_database: bool) -> None:
    """Migrations and static files take seconds: they are made once for all portals of a test process."""
    if own_database:
        shutil.copy(_prepared("migrate") / "portal.sqlite3", data / "portal.sqlite3")
    if static:
        shutil.copytree(_prepared("collectstatic") / "static", data / "static")


@functools.cache
def _prepared(command: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="pm-prepared-", dir=os.environ.get("PM_TEST_FOLDER")))
    subprocess.run(
        [PYTHON, "manage.py", command, "--no-input", "-v", "0"],
        cwd=BASE, env=environment(folder), check=True, timeout=300,
    )  # fmt: skip
    import atexit

    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
