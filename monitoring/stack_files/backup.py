"""Makes a backup: a dated folder, whole or not at all, and the oldest ones gone."""

import fcntl
import platform
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import django
from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from monitoring.portal_metrics import version
from monitoring.stack_files import Trouble, databases, files, manifest, programs
from monitoring.stack_files.manifest import FAILED, SAVED, Manifest, Part
from monitoring.stack_files.sources import Sources
from portal.lib import clock

DATED: Final = re.compile(r"stack-\d{8}T\d{6}Z")
PARTIAL: Final = ".partial"
SQLITE: Final = "portal.sqlite3"
DUMP: Final = "portal.dump"


@dataclass(frozen=True)
class Saved:
    """A finished backup: where it is, what became of each part, and of the old ones."""

    folder: Path
    manifest: Manifest
    removed: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)  # old ones that could not be removed

    @property
    def complete(self) -> bool:
        """Whether everything that is there was saved."""
        return all(part.state != FAILED for part in self.manifest.parts)


def save(place: Path, sources: Sources, *, keep: int = 0) -> Saved:
    """Back everything up into a dated folder under ``place``; of the folders there the newest ``keep`` stay, all for
    0, and also where the new one is not complete. Raises Trouble where there is no backup at all: the portal's own
    part failed, or the disk is full."""
    try:
        files.make(place)
        with _locked(place):
            for left_over in place.glob(f"stack-*{PARTIAL}"):
                if DATED.fullmatch(left_over.name.removesuffix(PARTIAL)):
                    shutil.rmtree(left_over, ignore_errors=True)
            folder = _fill(place, sources)
            saved = Saved(folder, manifest.read(folder))
            # What is not complete pushes nothing out that may be.
            removed, stuck = _rotate(place, keep) if saved.complete else ([], [])
            return replace(saved, removed=removed, stuck=stuck)
    except OSError as error:
        words = _("The backup could not be written to %(place)s: %(why)s. Nothing of it is kept.")
        raise Trouble(words % {"place": place, "why": error.strerror or error}) from None


def backups(place: Path) -> list[Path]:
    """The finished backups in that folder, the oldest first."""
    return sorted(path for path in place.glob("stack-*") if DATED.fullmatch(path.name) and path.is_dir())


def _fill(place: Path, sources: Sources) -> Path:
    moment = clock.now()
    folder = place / f"stack-{moment:%Y%m%dT%H%M%SZ}"
    if folder.exists():
        raise Trouble(_("%s exists already: a backup was made this very second.") % folder)
    draft = files.make(folder.with_name(folder.name + PARTIAL))
    try:
        parts = [
            _portal(draft / "portal"),
            programs.prometheus_config(sources, draft / "prometheus" / "config"),
            programs.prometheus_data(sources, draft / "prometheus" / "data"),
            programs.alertmanager(sources, draft / "alertmanager"),
            programs.grafana_files(sources, draft / "grafana"),
            programs.grafana_dashboards(sources, draft / "grafana" / "dashboards"),
        ]
        versions = {"portal": version(), "django": django.get_version(), "python": platform.python_version()}
        versions |= {part.name.partition(":")[0].lower(): part.version for part in parts if part.version}
        Manifest(moment.isoformat(), versions, connection.vendor, parts, manifest.describe(draft)).write(draft)
        draft.rename(folder)
    except BaseException:  # also Ctrl-C: half a backup is worse than none
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return folder


def _portal(target: Path) -> Part:
    """The database and the keys. Raises Trouble, OSError."""
    database = connection.settings_dict
    if connection.vendor == "postgresql":
        databases.save_postgresql(database, target / DUMP)
    else:
        databases.save_sqlite(Path(database["NAME"]), target / SQLITE)
    folder = Path(settings.PORTAL_DATA) / "keys"
    keys = files.tree(folder)
    for key in keys:
        files.copy(key, target / "keys" / key.relative_to(folder))
    sentence = _("Its database and %d keys: keep them where nobody else can read them.") % len(keys)
    if not any(key.name == "field-key" for key in keys):
        sentence += " " + _("PORTAL_FIELD_KEYS is not among them: keep it yourself, or stored secrets are lost.")
    return Part("Portal", SAVED, sentence, version())


def _rotate(place: Path, keep: int) -> tuple[list[str], list[str]]:
    """The names of old ones that were removed, and of those that could not be: the new one is good all the same."""
    old = backups(place)[:-keep] if keep > 0 else []
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    stuck = [folder.name for folder in old if folder.exists()]
    return [folder.name for folder in old if folder.name not in stuck], stuck


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    """One backup at a time. Raises Trouble."""
    with (place / ".lock").open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Trouble(_("Another backup into %s is under way: wait for it.") % place) from None
        yield
