"""A PostgreSQL server of our own for a test: on a free port, in a temporary folder, gone afterwards."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support.components import need
from tests.support.processes import free_port


class PostgreSQL:
    """A server that may be stopped and started in the middle of a test. Run as root it works as ``postgres``."""

    def __init__(self) -> None:
        self.binaries = Path(need("postgresql")).parent
        self.folder = Path(tempfile.mkdtemp(prefix="pm-pg-"))
        self.port = free_port()
        self.user = "postgres" if os.getuid() == 0 else None

    @property
    def url(self) -> str:
        """Its address for PORTAL_DATABASE_URL."""
        return f"postgres://portal:x@127.0.0.1:{self.port}/postgres"

    def __enter__(self) -> "PostgreSQL":
        if self.user:
            person = pwd.getpwnam(self.user)
            os.chown(self.folder, person.pw_uid, person.pw_gid)
        self._run("initdb", "-D", "data", "-U", "portal", "-A", "trust", "--no-sync")
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = f"-p {self.port} -h 127.0.0.1 -k {self.folder} -c fsync=off"
        self._run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")

    def stop(self) -> None:
        """Stop at once, whoever is connected."""
        self._run("pg_ctl", "-D", "data", "-w", "-m", "immediate", "stop", check=False)

    def _run(self, program: str, *arguments: str, check: bool = True) -> None:
        subprocess.run(
            [self.binaries / program, *arguments], cwd=self.folder, user=self.user, check=check, timeout=60,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
