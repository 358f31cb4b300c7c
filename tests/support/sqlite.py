"""A SQLite file that somebody else holds."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.support.processes import wait_until


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Nobody can read or write the file meanwhile. WAL has no lock that keeps readers out, so it is left first, which
    takes a moment in which nobody else has the file open."""
    with closing(sqlite3.connect(path, isolation_level=None)) as owner:
        wait_until(lambda: _succeeds(owner, "PRAGMA journal_mode=DELETE"))
        wait_until(lambda: _succeeds(owner, "BEGIN EXCLUSIVE"))
        yield


def _succeeds(owner: sqlite3.Connection, statement: str) -> bool:
    try:
        owner.execute(statement)
    except sqlite3.OperationalError:
        return False
    return True
