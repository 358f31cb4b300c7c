"""Asks Prometheus for what is drawn: few questions at once, few seconds each, and none while it is known to be away.

Threads of the web server are few. So at most :data:`AT_ONCE` of them wait for Prometheus, two more wait for their turn,
and everybody else is told at once. A Prometheus that does not answer, or not as Prometheus, is left alone for
:data:`PAUSE` seconds; whoever asks meanwhile gets the same sentence without waiting (a circuit breaker). Each process
learns it for itself, so nothing here needs Redis. A question that is too heavy for a Prometheus which answers others
is told at its own panel, and nobody else waits for it.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import BoundedSemaphore, Lock
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from monitoring.prometheus import PeerError, Prometheus

SECONDS: Final = 6.0
PAUSE: Final = 10.0
AT_ONCE: Final = 4
IN_LINE: Final = 2
TURN_SECONDS: Final = 2.0
SLOW_IN_A_ROW: Final = 2  # one slow answer may be chance
ALIVE_SECONDS: Final = 1.0
LARGEST: Final = 8 * 1024 * 1024


@dataclass(eq=False)
class Trouble(Exception):
    """Why there is nothing to draw: what is so, what to do, and after how many seconds to look again (0: not)."""

    kind: str  # absent | away | slow | token | odd | large | heavy | said | busy | none
    sentence: str
    hint: str = ""
    retry: int = int(PAUSE)


@dataclass
class Breaker:
    """What is known of Prometheus at this address with this token. Shared by the threads of a process."""

    address: tuple[str, str] = ("", "")
    error: PeerError | None = None
    until: float = 0.0
    slow: int = 0
    lock: Lock = field(default_factory=Lock)

    def check(self) -> None:
        """Raises the Trouble that is known. When the pause is over, the first one who comes may ask again."""
        with self.lock:
            here = (settings.PORTAL_PROMETHEUS_URL, settings.PORTAL_PROMETHEUS_TOKEN)
            if here != self.address:
                self.address, self.error, self.slow = here, None, 0
            if self.error is None:
                return
            if time.monotonic() < self.until:
                raise judged(self.error)  # an exception of its own for each thread, in its reader's language
            self.until = time.monotonic() + SECONDS + 1  # others wait for what this one finds

    def answered(self) -> None:
        """It is well."""
        with self.lock:
            self.error, self.slow = None, 0

    def failed(self, error: PeerError) -> None:
        """Note it; leave Prometheus alone unless it may have been the question."""
        with self.lock:
            if error.slow:
                self.slow += 1
                if self.slow < SLOW_IN_A_ROW and self.error is None:
                    return
            self.error, self.until = error, time.monotonic() + PAUSE


BREAKER: Final = Breaker()
_asking = BoundedSemaphore(AT_ONCE)
_in_line = BoundedSemaphore(AT_ONCE + IN_LINE)


@contextmanager
def turn() -> Iterator[Prometheus]:
    """A place among those who ask, with a connection. Raises Trouble: busy, or what is known of Prometheus."""
    BREAKER.check()
    if not _in_line.acquire(blocking=False):
        raise _busy()
    try:
        if not _asking.acquire(timeout=TURN_SECONDS):
            raise _busy()
        try:
            with replace(Prometheus.here(SECONDS), largest=LARGEST).connected() as prometheus:
                yield prometheus
        finally:
            _asking.release()
    finally:
        _in_line.release()


def ask(prometheus: Prometheus, path: str, **params: str) -> dict[str, Any]:
    """The ``data`` of an answer of the Prometheus of a :func:`turn`. Raises Trouble."""
    try:
        data = prometheus.api(path, **params, timeout=f"{SECONDS:g}s")
    except PeerError as error:
        found = judged(error)
        if error.slow and _is_alive():
            found = _heavy()
        elif not (error.said or error.large):
            BREAKER.failed(error)
        raise found from None
    BREAKER.answered()
    return data


def _is_alive() -> bool:
    """Whether it answers the smallest question at once."""
    try:
        Prometheus.here(ALIVE_SECONDS).api("query", query="1")
    except PeerError:
        return False
    return True


def available() -> Trouble | None:
    """None where Prometheus answers, else why not; known, or asked within two seconds."""
    try:
        with turn():
            Prometheus.here().api("query", query="1")
    except Trouble as known:
        return None if known.kind == "busy" else known
    except PeerError as error:
        BREAKER.failed(error)
        return judged(error)
    BREAKER.answered()
    return None


def judged(error: PeerError) -> Trouble:
    """What went wrong, in two sentences that may be shown."""
    where = place()
    if error.absent:
        return _absent(error, where)
    if error.slow:
        hint = _("It may be busy or short of memory: its own page /status tells. A shorter range asks less of it.")
        return Trouble("slow", _("Prometheus at %(where)s did not answer within %(seconds)d seconds.")
                       % {"where": where, "seconds": SECONDS}, hint)  # fmt: skip
    if error.large:
        hint = _("Choose one cluster, node or server, or a shorter range.")
        return Trouble("large", _("The answer of Prometheus is too large to be drawn."), hint)
    if error.status in {401, 403}:
        hint = _("Set PORTAL_PROMETHEUS_TOKEN, or the file that PORTAL_PROMETHEUS_TOKEN_FILE names, and restart.")
        return Trouble("token", _("Prometheus at %(where)s does not accept the portal's token (%(status)d).")
                       % {"where": where, "status": error.status}, hint)  # fmt: skip
    if error.said:
        own = Trouble("said", _("Prometheus could not answer: %s") % error, retry=30)
        return _heavy() if "timed out" in str(error) else own
    hint = _("PORTAL_PROMETHEUS_URL is Prometheus's own address, with its prefix if it has one, without /api.")
    return Trouble("odd", _("What answers at %(where)s is not Prometheus: %(why)s.")
                   % {"where": where, "why": error}, hint)  # fmt: skip


def _absent(error: PeerError, where: str) -> Trouble:
    """Nothing listens there: it was named and is away, or nobody has ever spoken of one."""
    if "PORTAL_PROMETHEUS_URL" not in settings.STACK_GIVEN:
        return Trouble("absent", _("Prometheus does not answer at %s.") % where, _(
            "Is it running? “bin/up --install-monitoring” installs it; one elsewhere is named by PORTAL_PROMETHEUS_URL."
        ))  # fmt: skip
    hint = _("PORTAL_PROMETHEUS_URL names it. Is it running, can this machine reach it? “State of the stack” tells.")
    sentence = _("Prometheus does not answer at %(where)s: %(why)s.") % {"where": where, "why": error}
    return Trouble("away", sentence, hint)


def place() -> str:
    """Host, port and path of Prometheus, without what may be secret in an address."""
    parts = urlsplit(settings.PORTAL_PROMETHEUS_URL)
    return parts.netloc.rpartition("@")[2] + parts.path.rstrip("/") or "?"


def _heavy() -> Trouble:
    sentence = _("Prometheus needs longer than %d seconds for this panel; it is well otherwise.") % SECONDS
    return Trouble("heavy", sentence, _("Choose one cluster, node or server, or a shorter range."), 60)


def _busy() -> Trouble:
    return Trouble("busy", _("Many panels are being drawn at this moment."), _("This one follows by itself."), 2)
