"""Ports on loopback: asked for, chosen, and remembered, so that a second start uses the same."""

import errno
import json
import socket
from pathlib import Path
from typing import Final

from portal.up.programs import LOOPBACK
from portal.up.trouble import Trouble

EVERYWHERE: Final = "0.0.0.0"  # noqa: S104  (somebody asked for it)
PRIVILEGED: Final = {errno.EACCES, errno.EPERM}


def is_free(port: int) -> bool:
    """Whether a program of ours could listen there now."""
    return _refusal(LOOPBACK, port) is None


def demand(host: str, port: int) -> None:
    """Raises Trouble, naming the variable to change, if the web server cannot listen there."""
    variable, refusal = "PORTAL_PORT", _refusal(host, port)
    if refusal in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT} or host.count(":"):
        raise Trouble(
            f"PORTAL_BIND is {host}, which is no IPv4 address of this machine: write one, or 0.0.0.0 for all."
        )
    if refusal in PRIVILEGED:
        raise Trouble(f"Port {port} is for root only: set {variable} to a port above 1023, or put nginx in front.")
    if refusal is not None:
        raise Trouble(
            f"Port {port} is taken by another program: stop that, or choose another port, "
            f"for example with `{variable}={unused(port + 1)} bin/up`."
        )


def unused(preferred: int) -> int:
    """The preferred port if it is free, else any free one."""
    if 0 < preferred < 65536 and is_free(preferred):
        return preferred
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def answers(host: str, port: int) -> bool:
    """Whether somebody listens there."""
    try:
        with socket.create_connection((LOOPBACK if host == EVERYWHERE else host, port), timeout=1):
            return True
    except OSError:
        return False


class Ports:
    """The ports that an installation has chosen, by name, in a file of its run folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            kept = json.loads(path.read_text())
        except (OSError, ValueError):
            kept = {}  # none chosen yet, or a file that cannot be read: choose anew
        self.chosen: dict[str, int] = {str(key): int(value) for key, value in kept.items() if isinstance(value, int)}

    def get(self, name: str, default: int) -> int:
        """The port that was chosen, or the default."""
        return self.chosen.get(name, default)

    def choose(self, name: str, preferred: int) -> int:
        """The port of last time if it is free, else the preferred one if that is, else any. Remembered."""
        others = {port for key, port in self.chosen.items() if key != name}
        port = unused(self.chosen.get(name, preferred))
        while port in others:
            port = unused(0)
        return self.set(name, port)

    def set(self, name: str, port: int) -> int:
        """Remember that port, and give it."""
        self.chosen[name] = port
        draft = self.path.with_suffix(".new")
        draft.write_text(json.dumps(self.chosen, indent=2) + "\n")
        draft.replace(self.path)
        return port


def _refusal(host: str, port: int) -> int | None:
    """The error number of listening there, or None where it works."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except socket.gaierror:
            return errno.EADDRNOTAVAIL
        except OSError as error:
            return error.errno or errno.EADDRINUSE
    return None
