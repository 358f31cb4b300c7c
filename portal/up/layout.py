"""Where an installation keeps what: one folder, for its owner only."""

import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from portal.lib.chosen import lock_file
from portal.up.trouble import Trouble, explained

# A Unix socket's path may have 107 bytes; the supervisor makes its own as "supervisor.sock.4194304" first.
LONGEST_FOLDER: Final = 107 - len("/supervisor.sock.4194304")


@dataclass(frozen=True)
class Layout:
    """The folders of one installation."""

    data: Path
    # Where the sockets are: ``run``, or a short private folder where that path is too long for a socket.
    sockets: Path

    @classmethod
    def of(cls, data: Path) -> "Layout":
        """The layout of the installation in that folder. Touches nothing."""
        return cls(data, socket_folder(data))

    @property
    def run(self) -> Path:
        """What lives as long as the processes: sockets, generated configuration, chosen ports."""
        return self.data / "run"

    @property
    def log(self) -> Path:
        """One log file per program."""
        return self.data / "log"

    @property
    def keys(self) -> Path:
        """Secrets, each in a file of its own."""
        return self.data / "keys"

    @property
    def rendered(self) -> Path:
        """The files of ``deploy/`` with this installation's ports and paths."""
        return self.run / "deploy"

    @property
    def redis_socket(self) -> Path:
        """The embedded Redis's socket."""
        return self.sockets / "redis.sock"

    @property
    def control_socket(self) -> Path:
        """The supervisor's socket."""
        return self.sockets / "supervisor.sock"

    def prepare(self) -> None:
        """Make the folders, readable by their owner only. Raises Trouble."""
        os.umask(0o077)
        with explained("making its folders", self.data):
            for folder in (self.data, self.run, self.log, self.keys, self.data / "redis"):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.data.chmod(0o700)
            with tempfile.TemporaryFile(dir=self.run) as probe:
                probe.write(b"room for a page" * 300)
        if self.sockets != self.run:
            _private(self.sockets)

    def lock(self) -> IO[str]:
        """Hold this installation for one ``bin/up``, as long as the file stays open. Raises Trouble."""
        with explained("taking its lock", self.data):
            stream = lock_file(self.data).open("a+")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            stream.seek(0)
            holder = stream.read().strip()
            stream.close()
            raise Trouble(
                f"It is running already on {self.data}{f' (process {holder})' if holder else ''}: "
                "stop that one with Ctrl-C first, or set PORTAL_DATA and PORTAL_PORT to start a second portal."
            ) from None
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        return stream


def socket_folder(data: Path) -> Path:
    """``run`` inside that folder, or a short path of this user's own where that is too long for a socket."""
    if len(os.fsencode(data / "run")) <= LONGEST_FOLDER:
        return data / "run"
    name = f"proxmox-manager-{os.getuid()}-{hashlib.sha256(os.fsencode(data)).hexdigest()[:10]}"
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime and os.access(runtime, os.W_OK) and len(os.fsencode(Path(runtime, name))) <= LONGEST_FOLDER:
        return Path(runtime, name)
    return Path("/tmp", name)  # noqa: S108  (made and checked by _private)


def empty(folder: Path) -> None:
    """Make that folder, private and with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _private(folder: Path) -> None:
    """Make a folder in a place that others can write, and see that it is ours alone. Raises Trouble."""
    with explained("making a short folder for its sockets", folder):
        with suppress(FileExistsError):  # from an earlier start, or somebody else's: judged below
            folder.mkdir(mode=0o700)
        facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o077:
        raise Trouble(f"{folder} belongs to somebody else: remove it, or set PORTAL_DATA to a shorter path.")
