"""The manifest of a backup: what is in it, of which versions, with sizes and SHA-256 digests."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from django.utils.translation import gettext as _

from monitoring.stack_files import Trouble

NAME: Final = "manifest.json"
FORMAT: Final = 1
LARGEST: Final = 100 * 2**20
BLOCK: Final = 2**20
SAVED, SKIPPED, FAILED = "saved", "skipped", "failed"


@dataclass(frozen=True)
class Part:
    """What became of one part: saved, skipped or failed, and a sentence."""

    name: str
    state: str
    sentence: str
    version: str = ""


@dataclass(frozen=True)
class Entry:
    """One file, by its path within the backup."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """Everything that a restore wants to know."""

    made_at: str
    versions: dict[str, str]
    database: str  # "sqlite" or "postgresql"
    parts: list[Part] = field(default_factory=list)
    files: list[Entry] = field(default_factory=list)
    format: int = FORMAT

    def write(self, folder: Path) -> None:
        """Write it into that folder. Raises OSError."""
        path = folder / NAME
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n")


def describe(folder: Path) -> list[Entry]:
    """Every file under that folder. Raises OSError."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / NAME)
    return [Entry(path.relative_to(folder).as_posix(), path.stat().st_size, digest(path)) for path in files]


def digest(path: Path) -> str:
    """The file's SHA-256. Raises OSError."""
    found = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            found.update(block)
    return found.hexdigest()


def read(folder: Path) -> Manifest:
    """The manifest of that backup. Raises Trouble."""
    path = folder / NAME
    try:
        if path.stat().st_size > LARGEST:
            raise Trouble(_("%s is too large to be a manifest.") % path)
        found = json.loads(path.read_text())
        _demand_format(path, found)
        return Manifest(
            str(found["made_at"]), {str(key): str(value) for key, value in found["versions"].items()},
            str(found["database"]), [Part(**row) for row in found["parts"]], [Entry(**row) for row in found["files"]],
        )  # fmt: skip
    except OSError as error:
        raise Trouble(_("%(path)s cannot be read: %(why)s.") % {"path": path, "why": error.strerror}) from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise Trouble(_("%s is no manifest of a backup, or it was damaged: take another backup.") % path) from None


def _demand_format(path: Path, found: Any) -> None:
    if not isinstance(found, dict) or not isinstance(found.get("format"), int):
        raise ValueError
    if found["format"] > FORMAT:
        raise Trouble(_("%s was written by a newer portal: restore it with that one.") % path)


def verify(folder: Path, manifest: Manifest) -> None:
    """See that every file is there, whole and as it was. Raises Trouble with the first ones that are not."""
    wrong = [f"{entry.path} ({why})" for entry in manifest.files if (why := _objection(folder, entry))]
    if wrong:
        words = _("%(folder)s is damaged, nothing was restored: %(files)s. Take another backup.")
        raise Trouble(words % {"folder": folder, "files": ", ".join(wrong[:5])})


def _objection(folder: Path, entry: Entry) -> str:
    pure = PurePosixPath(entry.path)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts:
        return _("its path leads out of the backup")
    path = folder / pure
    try:
        if path.is_symlink() or not path.resolve().is_relative_to(folder.resolve()):
            return _("its path leads out of the backup")
        if not path.is_file():
            return _("missing")
        if path.stat().st_size != entry.size or digest(path) != entry.sha256:
            return _("changed")
    except OSError as error:
        return str(error.strerror)
    return ""
