"""Databases saved while they are in use, and brought back: SQLite by its backup API, PostgreSQL by its own programs."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from django.db import connection
from django.utils.translation import gettext as _

from monitoring.stack_files import Trouble, files

BUSY_SECONDS: Final = 30
DUMP_SECONDS: Final = 3600


def save_sqlite(source: Path, target: Path) -> None:
    """A consistent copy, checked. Writers go on meanwhile. Raises Trouble."""
    files.write(target, b"")
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", timeout=BUSY_SECONDS, uri=True)) as old,
            closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
            # One file and no write-ahead log beside it; a portal that opens it sets its own mode again.
            new.execute("PRAGMA journal_mode = DELETE")
            found = new.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise Trouble(
            _("The database %(path)s could not be copied: %(why)s.") % {"path": source, "why": error}
        ) from None
    if found != "ok":
        raise Trouble(_("The database %(path)s is damaged: %(why)s.") % {"path": source, "why": found})


def save_postgresql(database: Mapping[str, Any], target: Path) -> None:
    """A dump in PostgreSQL's own format. Raises Trouble."""
    files.write(target, b"")
    _run("pg_dump", database, "--format=custom", "--no-owner", "--no-privileges", f"--file={target}")


def demand_empty() -> None:
    """Raises Trouble where the portal's database holds any table."""
    with connection.cursor() as cursor:
        found = connection.introspection.table_names(cursor)
    if found:
        raise Trouble(
            _("The database that PORTAL_DATABASE_URL names is not empty (%d tables): name an empty one.") % len(found)
        )


def load_postgresql(database: Mapping[str, Any], dump: Path) -> None:
    """Fill an empty database, whole or not at all. Raises Trouble."""
    _run("pg_restore", database, "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error",
         f"--dbname={database['NAME']}", str(dump))  # fmt: skip


def _run(program: str, database: Mapping[str, Any], *arguments: str) -> None:
    path = shutil.which(program)
    if not path:
        raise Trouble(_("%s is not installed: install PostgreSQL's client programs.") % program)
    try:
        done = subprocess.run(  # noqa: S603  (a program of PostgreSQL's, no shell)
            [path, "--no-password", *arguments], env={**os.environ, **_variables(database)}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=DUMP_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Trouble(f"{program}: {type(error).__name__}.") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [_("it said nothing")]
        raise Trouble(_("%(program)s failed: %(why)s") % {"program": program, "why": lines[0]})


def _variables(database: Mapping[str, Any]) -> dict[str, str]:
    """The connection as libpq's environment variables, the options of PORTAL_DATABASE_URL (such as sslmode) too: a
    dump must not travel with less care than the portal's own queries."""
    from psycopg import pq  # only where PostgreSQL is used

    names = {str(key): str(value) for key, value in (database.get("OPTIONS") or {}).items()}
    own = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "NAME"}
    names |= {key: str(database[field]) for key, field in own.items() if database.get(field)}
    known = {option.keyword.decode(): option.envvar for option in pq.Conninfo.get_defaults()}
    return {variable.decode(): names[key] for key, variable in known.items() if variable and key in names}
