"""The supervisor (the package of that name): configuration, start and end, and how its programs are."""

import re
import shlex
import socket
import subprocess
import time
import xmlrpc.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

from supervisor.xmlrpc import SupervisorTransport

from portal.up import descendants, tether
from portal.up.layout import Layout
from portal.up.programs import BASE, PYTHON, Program
from portal.up.trouble import Trouble, explained

START_SECONDS: Final = 60
# A program that has stayed up for so long runs, for the table; for the back-off it has to stay up longer.
YOUNG_SECONDS: Final = 2
HEAD: Final = """\
; Written by bin/up at every start: changes are lost.
[supervisord]
nodaemon = true
silent = true
umask = 077
directory = {directory}
logfile = {log}/supervisord.log
logfile_maxbytes = 5MB
logfile_backups = 1
pidfile = {run}/supervisord.pid

[unix_http_server]
file = {socket}
chmod = 0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""
# A program that ends is started again: at once if it had run well, else after 1, 2, 3 … seconds. A program that we
# need is tried for ever, an optional one four times. The members of a group are ended together, the groups one after
# the other, Redis last: the worker hands back what it could not finish.
GROUPS: Final = """
[group:base]
programs = {base}
priority = 1

[group:portal]
programs = {others}
priority = 2
"""
BASE_PROGRAMS: Final = frozenset({"redis"})
PROGRAM: Final = """
[program:{name}]
command = {command}
autorestart = true
startsecs = 5
startretries = {retries}
stopwaitsecs = {patience}
killasgroup = true
redirect_stderr = true
stdout_logfile = {output}/{name}.log
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 3
"""


@dataclass(frozen=True)
class State:
    """How a program is, as the supervisor sees it."""

    name: str
    state: str
    pid: int
    age: int

    @property
    def running(self) -> bool:
        """Whether it runs now, and not just for a moment."""
        return self.state == "RUNNING" or (self.state == "STARTING" and self.age >= YOUNG_SECONDS)

    @property
    def given_up(self) -> bool:
        """Whether the supervisor tries no more."""
        return self.state == "FATAL"


class Supervisor:
    """One supervisord, in a session of its own, so that Ctrl-C reaches it through us only."""

    def __init__(self, layout: Layout, programs: Sequence[Program], environment: Mapping[str, str]) -> None:
        self.layout, self.programs, self.environment = layout, programs, environment
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Write the configuration and start everything. Raises Trouble."""
        path = self.layout.run / "supervisord.conf"
        with explained("writing the supervisor's configuration", self.layout.data):
            path.write_text(configuration(self.layout, self.programs))
            complaints = (self.layout.log / "supervisord.err").open("wb")
        with complaints:
            self.process = subprocess.Popen(
                [PYTHON, "-m", "supervisor.supervisord", "-n", "-c", str(path)],
                cwd=BASE,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=complaints,
                stderr=complaints,
                start_new_session=True,
                preexec_fn=tether.die_with_parent,  # noqa: PLW1509  (no thread runs yet)
            )
        self._await()

    def _await(self) -> None:
        assert self.process is not None  # noqa: S101
        deadline = time.monotonic() + START_SECONDS
        while not is_there(self.layout.control_socket):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.end()
                raise Trouble(f"The supervisor could not start: {self.layout.log}/supervisord.err says why.")
            time.sleep(0.05)

    @property
    def alive(self) -> bool:
        """Whether supervisord itself runs."""
        return self.process is not None and self.process.poll() is None

    def states(self) -> dict[str, State]:
        """How each program is; empty if the supervisor cannot be asked."""
        server = xmlrpc.client.ServerProxy(
            "http://localhost", SupervisorTransport(serverurl=f"unix://{self.layout.control_socket}")
        )
        try:
            answers: Any = server.supervisor.getAllProcessInfo()
        except (OSError, HTTPException, xmlrpc.client.Error):
            return {}
        return {
            info["name"]: State(info["name"], info["statename"], info["pid"], info["now"] - info["start"])
            for info in answers
        }

    def runs(self, name: str) -> bool:
        """Whether that program runs now."""
        state = self.states().get(name)
        return state is not None and state.running

    def settle(self, seconds: float) -> dict[str, State]:
        """The states once every program either runs or has failed to start, or after that many seconds."""
        deadline = time.monotonic() + seconds
        states = self.states()
        while time.monotonic() < deadline and not (states and all(_settled(s) for s in states.values())):
            time.sleep(0.1)
            states = self.states()
        return states

    def end(self) -> None:
        """End every program and the supervisor, politely at first, and leave no process."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(max((program.patience for program in self.programs), default=5) + 10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        descendants.end_all(seconds=10)


def is_there(control_socket: Path) -> bool:
    """Whether a supervisor listens behind that socket."""
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(2)
            probe.connect(str(control_socket))
            return True
    except OSError:
        return False


def configuration(layout: Layout, programs: Sequence[Program]) -> str:
    """supervisord.conf for these programs. Raises Trouble on a path that the supervisor cannot read."""
    places = {
        "log": _safe(layout.log),
        "output": _safe(_safe(layout.log)),  # the supervisor reads this one's "%" twice
        "run": _safe(layout.run),
        "socket": _safe(layout.control_socket),
        "directory": _safe(BASE),
    }
    sections = (
        PROGRAM.format(
            **places,
            name=program.name,
            command=_safe(shlex.join(tethered(program))),
            retries=3 if program.optional else 1_000_000,
            patience=program.patience,
        )
        for program in programs
    )
    return HEAD.format(**places) + _groups([program.name for program in programs]) + "".join(sections)


def _groups(names: Sequence[str]) -> str:
    base, others = (
        [name for name in names if name in BASE_PROGRAMS],
        [name for name in names if name not in BASE_PROGRAMS],
    )
    return GROUPS.format(base=",".join(base), others=",".join(others))


def _settled(state: State) -> bool:
    return state.running or state.state in {"FATAL", "BACKOFF"}


def tethered(program: Program) -> list[str]:
    """The program's command, so that it ends with the supervisor even if that is killed."""
    fresh = ["--fresh", str(program.fresh_folder)] if program.fresh_folder else []
    variables = [f"{name}={value}" for name, value in program.environment.items()]
    return [PYTHON, "-I", "-S", tether.__file__, *fresh, *variables, "--", *program.command]


def _safe(value: object) -> str:
    """The text as the supervisor's configuration wants it: "%" doubled; a comment sign after a space ends a value."""
    text = str(value)
    if re.search(r"\s[;#]|[\r\n]", text):
        raise Trouble(f"The path {text!r} holds a space before ';' or '#', or a line break: use a folder without them.")
    return text.replace("%", "%%")
