"""Files written for their owner only."""

import os
import shutil
from pathlib import Path

FOLDER_MODE, FILE_MODE = 0o700, 0o600


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


def copy(source: Path, target: Path) -> None:
    """A private copy of a file. Raises OSError."""
    make(target.parent)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(descriptor, "wb") as sink, source.open("rb") as stream:
        shutil.copyfileobj(stream, sink, 2**20)


def copy_tree(source: Path, target: Path) -> int:
    """Private copies of every regular file under a folder; their number. Raises OSError."""
    make(target)
    found = [path for path in sorted(source.rglob("*")) if path.is_file() and not path.is_symlink()]
    for path in found:
        copy(path, target / path.relative_to(source))
    return len(found)
