"""A limit in time for what a scrape asks the database."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from django.db import connection, transaction

DATABASE_SECONDS = 3.0  # of one question for a page that Prometheus waits for: it gives up after ten
STEPS = 20_000  # of SQLite's machine between two looks at the clock: a few milliseconds


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """The database ends every statement in this block that takes longer. Raises DatabaseError where it cannot be
    reached; the statement's error otherwise."""
    connect(seconds)
    if connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = %s", [max(1, int(seconds * 1000))])
            yield
    else:
        with _limited_sqlite(seconds):
            yield


def connect(seconds: float) -> None:
    """Make sure of the connection. Raises where the database cannot be reached, or is locked for that long.

    Opening SQLite's file sets its journal mode, which waits for a lock as long as a writer may: twenty seconds. So a
    connection of our own asks first.
    """
    connection.close_if_health_check_failed()
    if connection.vendor == "sqlite" and connection.connection is None:
        file = f"{Path(connection.settings_dict['NAME']).absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(file, timeout=seconds, uri=True)) as probe:
            probe.execute("SELECT count(*) FROM sqlite_master")
    connection.ensure_connection()


@contextmanager
def _limited_sqlite(seconds: float) -> Iterator[None]:
    """No transaction here: ours are IMMEDIATE, and a scrape must not wait for the lock of those who write."""
    raw = connection.connection
    usual = connection.settings_dict["OPTIONS"].get("timeout", 5)
    until = time.monotonic() + seconds
    raw.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")
    raw.set_progress_handler(lambda: int(time.monotonic() > until), STEPS)
    try:
        yield
    finally:
        raw.set_progress_handler(None, 0)
        raw.execute(f"PRAGMA busy_timeout = {int(usual * 1000)}")
