"""What can go wrong while setting up, as one sentence that says what to do."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections


class Trouble(Exception):
    """The sentence to show. No traceback: nothing is wrong with the code."""


NO_ROOM = (
    "There is no room left on the disk that holds {data} ({doing}): make room, or set PORTAL_DATA to another folder."
)
NOT_WRITABLE = (
    "{data} cannot be written ({doing}): make the folder writable for you, or set PORTAL_DATA to one that is."
)
DATABASE_AWAY = "The database cannot be used ({doing}): check that it runs and that PORTAL_DATABASE_URL is right."
DATABASE_BUSY = "The database is locked by another process ({doing}): end whatever else uses {data}, then try again."
NO_FILE_SYSTEM = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENOENT}


@contextmanager
def explained(doing: str, data: Path) -> Iterator[None]:
    """Turn failures of the disk and the database inside the block into Trouble. ``doing`` names the step."""
    try:
        yield
    except OSError as error:
        raise Trouble(_sentence(error).format(data=data, doing=doing)) from error
    except DatabaseError as error:
        raise Trouble(_database_sentence(error).format(data=data, doing=doing)) from error


def _sentence(error: OSError) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return NO_ROOM
    if error.errno in NO_FILE_SYSTEM:
        return NOT_WRITABLE
    return (
        f"The system refused ({{doing}}): {error.strerror or type(error).__name__}. Look at {{data}}, then try again."
    )


def _database_sentence(error: DatabaseError) -> str:
    if connections[DEFAULT_DB_ALIAS].vendor != "sqlite":
        return DATABASE_AWAY
    text = str(error)
    if "full" in text or "disk I/O" in text:
        return NO_ROOM
    if "locked" in text:
        return DATABASE_BUSY
    if "readonly" in text or "unable to open" in text:
        return NOT_WRITABLE
    return f"The database in {{data}} cannot be used ({{doing}}): {text}. Restore it from a backup, or move it away."
