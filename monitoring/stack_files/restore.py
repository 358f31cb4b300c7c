"""Brings a backup back into an empty folder, after every checksum was found right. Nothing is ever overwritten."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.db import connection
from django.utils.translation import gettext as _

from monitoring.stack_files import Trouble, backup, databases, files, manifest
from monitoring.stack_files.manifest import Manifest

# From the backup's folders to those of an installation, so that PORTAL_DATA may be the restored folder.
PLACES: Final = (
    ("portal/keys/", "keys/"),
    ("portal/", ""),
    ("prometheus/data/", "prometheus/"),
    ("prometheus/config/", "config/prometheus/"),
    ("alertmanager/", "config/alertmanager/"),
    ("grafana/grafana.db", "grafana/grafana.db"),
    ("grafana/", "config/grafana/"),
)


@dataclass(frozen=True)
class Restored:
    """What was restored, and what is left to do, in sentences."""

    manifest: Manifest
    source: Path
    notes: list[str]


def find(place: Path) -> Path:
    """That backup, or the newest one in that folder. Raises Trouble."""
    if (place / manifest.NAME).exists():
        return place
    found = backup.backups(place) if place.is_dir() else []
    if not found:
        raise Trouble(_("%s holds no backup: name a folder that stack_backup wrote.") % place)
    return found[-1]


def check(place: Path) -> tuple[Path, Manifest]:
    """The backup and its manifest, with every checksum found right. Raises Trouble."""
    source = find(place)
    found = manifest.read(source)
    manifest.verify(source, found)
    return source, found


def restore(place: Path, into: Path) -> Restored:
    """Restore into a folder that is new or empty, whole or not at all. Raises Trouble."""
    try:
        if into.exists() and (not into.is_dir() or any(into.iterdir())):
            raise Trouble(_("%s is not empty, and nothing is overwritten: name a new or an empty folder.") % into)
        source, found = check(place)
        loads = found.database == "postgresql" and connection.vendor == "postgresql"
        if loads:
            databases.demand_empty()
        _copy(source, found, into, load=loads)
    except OSError as error:
        words = _("It could not be restored to %(into)s: %(why)s.")
        raise Trouble(words % {"into": into, "why": error.strerror or error}) from None
    return Restored(found, source, _notes(found, into, loaded=loads))


def _copy(source: Path, found: Manifest, into: Path, *, load: bool) -> None:
    """Into a folder of its own first. A target that is there already may be a mount, which cannot be replaced: then
    that folder is in it, and its content moves up at the end."""
    there = into.exists()
    files.make(into.parent)
    draft = Path(tempfile.mkdtemp(prefix=".restoring-", dir=into if there else into.parent))
    try:
        for entry in found.files:
            files.copy(source / entry.path, draft / _place(entry.path))
        if load:
            databases.load_postgresql(connection.settings_dict, draft / backup.DUMP)
        if there:
            for child in draft.iterdir():
                child.rename(into / child.name)
            draft.rmdir()
        else:
            draft.rename(into)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _place(path: str) -> str:
    return next((new + path.removeprefix(old) for old, new in PLACES if path.startswith(old)), path)


def _notes(found: Manifest, into: Path, *, loaded: bool) -> list[str]:
    notes = []
    if loaded:
        notes.append(_("The database that PORTAL_DATABASE_URL names was filled."))
    elif found.database == "postgresql":
        notes.append(_("The database is a dump: %s. Restore it with pg_restore, or run this again with "
                       "PORTAL_DATABASE_URL naming an empty PostgreSQL database.") % (into / backup.DUMP))  # fmt: skip
    notes.append(_("To go on with it: PORTAL_DATA=%s bin/up. Configuration files are in its folder config.") % into)
    silences = into / "config" / "alertmanager" / "silences.json"
    if silences.exists() and silences.read_text().strip() != "[]":
        notes.append(_("Silences come back with: amtool silence import %s") % silences)
    return notes
