"""One run of ``bin/up``: set up, start, say what runs, watch, and end it all."""

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, Final

from django.conf import settings
from django.db import connections

from portal.lib import chosen as chosen_settings
from portal.up import broker, demo, deploy, descendants, optional, packages, ports, programs, setup, supervisor, table
from portal.up.demo import Demo
from portal.up.layout import Layout
from portal.up.optional import Found
from portal.up.programs import Program
from portal.up.supervisor import State, Supervisor
from portal.up.tokens import token_files
from portal.up.trouble import Trouble, explained

SETTLE_SECONDS: Final = 20
# While it runs: a small machine that starts everything at once needs most of a minute until the first page.
WEB_SECONDS: Final = 120
WATCH_SECONDS: Final = 1.0
LEFT_OVER_SECONDS: Final = 20


class Ended(BaseException):
    """Somebody asked us to end. No Exception, so that no handler of errors on the way takes it."""


@dataclass
class Installation:
    """The portal on this machine, from the first step to the last process."""

    say: Callable[[str], None]
    with_demo: bool
    started_at: float
    layout: Layout = field(default_factory=lambda: Layout.of(settings.PORTAL_DATA))
    programs: list[Program] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    host: str = field(default_factory=lambda: os.environ.get("PORTAL_BIND", "").strip() or programs.LOOPBACK)

    def run(self, *, install_monitoring: bool) -> None:
        """Everything, until somebody ends it. Raises Trouble."""
        listen_to_signals()
        self.layout.prepare()
        with self.layout.lock():
            self._await_a_predecessor()
            ports.demand(self.host, settings.PORTAL_PORT)
            if install_monitoring:
                self.say("Installing " + ", ".join(packages.MONITORING) + " …")
                packages.install(packages.MONITORING)
            environment, simulated = self._set_up()
            self._keep_running(Supervisor(self.layout, self.programs, environment), environment, simulated)

    def _await_a_predecessor(self) -> None:
        """One that was killed may still be ending its programs."""
        deadline = time.monotonic() + LEFT_OVER_SECONDS
        while supervisor.is_there(self.layout.control_socket):
            if time.monotonic() > deadline:
                raise Trouble(
                    "The programs of an earlier start still run: end the process in "
                    f"{self.layout.run}/supervisord.pid, then try again."
                )
            time.sleep(0.2)

    # --- before the processes ------------------------------------------------------------------------------------
    def _set_up(self) -> tuple[Mapping[str, str], Demo | None]:
        """Prepare everything and list the programs; the children's environment, and the simulator if there is one."""
        embedded_redis = not (os.environ.get("PORTAL_REDIS_URL") or os.environ.get("PORTAL_REDIS_URL_FILE"))
        redis = broker.find() if embedded_redis else ""
        if applied := setup.migrate(self.layout):
            self.say(f"Brought the database up to date ({applied} migrations).")
        if setup.collect_static(self.layout):
            self.say("Collected the static files.")
        files = token_files(self.layout)
        simulated = self._list_programs(redis)
        with explained("writing the configuration files", self.layout.data):
            chosen = ports.Ports(self.layout.run / "ports.json")
            deploy.render(self.layout.rendered, deploy.Values.of(self.layout, chosen, settings.PORTAL_PORT, files))
        variables = setup.environment(self.layout, files, embedded_redis=embedded_redis)
        with explained("keeping what it chose", self.layout.data):
            chosen_settings.keep(self.layout.data, variables)
        return {**variables, **optional.addresses(self.found)}, simulated

    def _list_programs(self, redis: str) -> Demo | None:
        run, chosen = self.layout.run, ports.Ports(self.layout.run / "ports.json")
        if redis:
            self.programs.append(programs.redis(redis, self.layout.redis_socket, self.layout.data / "redis"))
        self.programs += [
            programs.web(
                settings.PORTAL_PORT,
                run / "metrics-web",
                host=self.host,
                workers=setup.whole_number("PORTAL_WEB_WORKERS", programs.WEB_WORKERS),
                threads=setup.whole_number("PORTAL_WEB_THREADS", programs.WEB_THREADS),
            ),
            programs.worker(),
            programs.beat(run / "beat-schedule"),
        ]
        simulated = None
        if demo.wanted(self.layout, allowed=self.with_demo):
            simulated = demo.prepare(self.layout, chosen)
            self.programs.append(simulated.program)
        with explained("choosing ports", self.layout.data):
            self.found = [optional.look_for(one, self.layout, chosen) for one in optional.OPTIONAL]
        self.programs += [one.program for one in self.found if one.program is not None]
        return simulated

    # --- the processes ---------------------------------------------------------------------------------------------
    def _keep_running(self, keeper: Supervisor, environment: Mapping[str, str], simulated: Demo | None) -> None:
        descendants.adopt()
        connections.close_all()
        try:
            keeper.start()
            states = keeper.settle(SETTLE_SECONDS)
            self._await_web(keeper)
            if simulated is not None and (why := simulated.add_cluster(environment)):
                self.notes.append(f"The demo cluster was not added: {why}")
            if why := setup.webhook_channel(environment):
                self.notes.append(f"The alert channel for WEBHOOK_URL was not made: {why}")
            password = setup.first_administrator(self.layout)
            connections.close_all()
            self.say(self._summary(states, password))
            self._watch(keeper, states)
        finally:
            ignore_signals()
            keeper.end()
            chosen_settings.forget(self.layout.data)

    def _await_web(self, keeper: Supervisor) -> None:
        """The log-in page is what people open first: it answers before we say so. Raises Trouble."""
        started = time.monotonic()
        while not ports.answers(self.host, settings.PORTAL_PORT):
            waited = time.monotonic() - started
            if waited > WEB_SECONDS or (waited > SETTLE_SECONDS and not keeper.runs("web")):
                last = table.last_line(self.layout.log / "web.log")
                raise Trouble(f"The web server does not start ({last}): {self.layout.log}/web.log says more.")
            time.sleep(0.1)

    def _summary(self, states: Mapping[str, State], password: str) -> str:
        lines = [table.text(table.rows(self.programs, self.found, states, self.layout.log)), *self.notes, ""]
        lines.append(f"Log in at {settings.PORTAL_URL}/admin/")
        if password:
            lines.append(f"  name      {setup.ADMINISTRATOR}\n  password  {password}   (shown this once: keep it)")
        else:
            lines.append(
                "  with the account you have; `.venv/bin/python manage.py changepassword NAME` sets a new password."
            )
        took = time.time() - self.started_at
        lines += ["", f"Up after {took:.0f} s. Logs are in {self.layout.log}. Ctrl-C ends everything."]
        return "\n".join(lines)

    def _watch(self, keeper: Supervisor, before: Mapping[str, State]) -> None:
        """Until a signal ends it: sweep orphans away, say which program was started again or given up."""
        while True:
            time.sleep(WATCH_SECONDS)
            if not keeper.alive:
                self.say("The supervisor was killed: starting everything again.")
                keeper.end()
                keeper.start()
                before = keeper.settle(SETTLE_SECONDS)
            assert keeper.process is not None  # noqa: S101
            descendants.sweep({keeper.process.pid})
            after = keeper.states()
            for name, state in after.items():
                if change := _change(before.get(name), state):
                    self.say(f"{name} {change}; {self.layout.log / name}.log says why.")
            # A program between two states is compared again when it has settled.
            before = {**before, **{name: s for name, s in after.items() if s.running or s.given_up}}


def _change(before: State | None, after: State) -> str:
    if after.given_up and (before is None or not before.given_up):
        return "cannot be started and was given up"
    if after.running and before is not None and before.pid != after.pid:
        return "ended and was started again"
    return ""


def listen_to_signals() -> None:
    """Make SIGINT, SIGTERM and SIGHUP end us by way of :class:`Ended`; under nohup, SIGHUP stays ignored."""

    def end(number: int, frame: object) -> None:
        ignore_signals()
        raise Ended

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, end)


def ignore_signals() -> None:
    """A second Ctrl-C must not interrupt the ending: every step of it has a time limit."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def speaker(stream: IO[str] | None = None) -> Callable[[str], None]:
    """Says things on standard output; a terminal that is gone is no reason to end."""

    def say(text: str) -> None:
        try:
            print(text, file=stream or sys.stdout, flush=True)
        except OSError:
            return  # nobody listens any more

    return say
