"""Files written for their owner only."""

import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

from django.utils.translation import gettext as _

from monitoring.stack_files import Trouble

FOLDER_MODE, FILE_MODE = 0o700, 0o600
BLOCK: Final = 2**20


def make(folder: Path) -> Path:
    """That folder and those above it, private where they are new. Raises OSError."""
    if not folder.exists():
        make(folder.parent)
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
    return folder


def write(path: Path, content: bytes) -> None:
    """A new private file. Raises OSError."""
    make(path.parent)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)


def unreadable(path: Path | str, error: OSError) -> Trouble:
    """The sentence for a file or folder that is there and cannot be read."""
    words = _("%(path)s cannot be read: %(why)s. Run this as a user who may read it.")
    return Trouble(words % {"path": path, "why": error.strerror or error})


def read(path: Path) -> bytes | None:
    """What is in it; None where there is no such file. Raises Trouble where it is there and cannot be read."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise unreadable(path, error) from None


def tree(folder: Path) -> list[Path]:
    """Every regular file under a folder, sorted; none where there is no folder. Raises Trouble where one that is there
    cannot be looked into: what is not seen would be missing in silence."""

    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise unreadable(error.filename, error) from None

    found = [Path(base) / name for base, _folders, names in os.walk(folder, onerror=refuse) for name in names]
    return sorted(path for path in found if _is_regular(path))


def copy(source: Path, target: Path) -> None:
    """A private copy of a file. Raises Trouble where the source cannot be read, OSError where the copy cannot be
    written."""
    make(target.parent)
    try:
        stream = source.open("rb")
    except OSError as error:
        raise unreadable(source, error) from None
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with stream, os.fdopen(descriptor, "wb") as sink:
        while block := _block(source, stream):
            sink.write(block)


def copy_tree(source: Path, target: Path) -> int:
    """Private copies of every regular file under a folder; their number. Raises Trouble, OSError as ``copy``."""
    make(target)
    found = tree(source)
    for path in found:
        copy(path, target / path.relative_to(source))
    return len(found)


def _block(source: Path, stream: BinaryIO) -> bytes:
    try:
        return stream.read(BLOCK)
    except OSError as error:
        raise unreadable(source, error) from None


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:  # a link that leads nowhere, or gone since
        return False
    except OSError as error:
        raise unreadable(path, error) from None
