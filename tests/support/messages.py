"""The Korean catalogue: extracts what is marked for translation (with GNU gettext), merges and compiles it.

``bin/messages`` runs it. Beside our own words it takes those of Unfold, and those that the other libraries have no
Korean for: the catalogue of the project goes before theirs.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import polib

from tests.support.processes import BASE

LANGUAGE: Final = "ko"
CATALOGUE: Final = BASE / "portal" / "locale" / LANGUAGE / "LC_MESSAGES" / "django.po"
OURS: Final = ("portal", "servers", "monitoring", "notifications")
# Libraries whose pages people see, without the parts of them that are not installed here.
LIBRARIES: Final = ("unfold", "auditlog", "import_export")
USED_OF_UNFOLD: Final = ("filters", "import_export")
# Where Korean is looked for that somebody else has written.
TRANSLATED: Final = ("django/conf", "django/contrib/admin", "django/contrib/auth", *LIBRARIES[1:])
# Django's Korean for these is wrong.
BETTER: Final = {"Save and add another"}
HEADER: Final = {
    "Project-Id-Version": "Proxmox Manager",
    "Language": LANGUAGE,
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=UTF-8",
    "Content-Transfer-Encoding": "8bit",
    "Plural-Forms": "nplurals=1; plural=0;",
}
SETTINGS: Final = "SECRET_KEY = 'x'\nINSTALLED_APPS = []\nLOCALE_PATHS = [{out!r}]\n"
Key = tuple[str | None, str]


def key(entry: polib.POEntry) -> Key:
    """What tells one message from another: its context and its text."""
    return entry.msgctxt, entry.msgid


def extract() -> polib.POFile:
    """All messages of the code and the templates as they are now, without translations. Needs xgettext."""
    with tempfile.TemporaryDirectory(prefix="messages-") as folder:
        for app in OURS:
            shutil.copytree(BASE / app, Path(folder, "ours", app), ignore=_no_code)
        for library in LIBRARIES:
            shutil.copytree(_home(library), Path(folder, "theirs", library), ignore=_no_code)
        ours, theirs = _made_messages(Path(folder, "ours")), _made_messages(Path(folder, "theirs"))
    said, elsewhere = {key(entry) for entry in ours}, _translated_elsewhere()
    for entry in theirs:
        if key(entry) not in said and (key(entry) not in elsewhere or entry.msgid in BETTER):
            ours.append(entry)
    return ours


def _no_code(folder: str, names: list[str]) -> list[str]:
    """What holds nothing to translate, or belongs to a part of Unfold that is not installed."""
    absent = {name for name in names if name in {"locale", "static", "migrations", "__pycache__", "node_modules"}}
    if folder.endswith("unfold/contrib"):
        absent |= set(names) - set(USED_OF_UNFOLD)
    return sorted(absent)


def _home(library: str) -> Path:
    spec = find_spec(library)
    if spec is None or not spec.origin:
        raise SystemExit(f"{library} is not installed: run bin/messages.")
    return Path(spec.origin).parent


def _made_messages(folder: Path) -> polib.POFile:
    """What makemessages finds there. The settings are not the portal's: it leaves the portal's files alone."""
    out = folder / "out"
    out.mkdir()
    (folder / "just_enough.py").write_text(SETTINGS.format(out=str(out)))
    subprocess.run(
        [sys.executable, "-m", "django", "makemessages", "-l", LANGUAGE, "-e", "html,txt,py", "--add-location=file"],
        cwd=folder,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "just_enough", "PYTHONPATH": str(folder)},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return polib.pofile(str(out / LANGUAGE / "LC_MESSAGES" / "django.po"), wrapwidth=110)


def _translated_elsewhere() -> set[Key]:
    found: set[Key] = set()
    for name in TRANSLATED:
        package, _slash, inside = name.partition("/")
        path = _home(package) / inside / "locale" / LANGUAGE / "LC_MESSAGES" / "django.po"
        found |= {key(entry) for entry in polib.pofile(str(path)).translated_entries()}
    return found


def update() -> polib.POFile:
    """Bring the catalogue in line with the code and write it, compiled too; returns it."""
    template = extract()
    catalogue = polib.pofile(str(CATALOGUE), wrapwidth=110) if CATALOGUE.exists() else polib.POFile(wrapwidth=110)
    catalogue.merge(template)
    for entry in catalogue.obsolete_entries():
        catalogue.remove(entry)
    for entry in catalogue:
        if entry.msgid_plural:  # Korean has one form
            entry.msgstr_plural = {0: entry.msgstr_plural.get(0, "")}
        elif entry.msgstr_plural:  # its plural is gone from the code
            entry.msgstr_plural = {}
        entry.previous_msgid = entry.previous_msgctxt = None
    catalogue.header, catalogue.metadata, catalogue.metadata_is_fuzzy = "", dict(HEADER), False
    catalogue.sort(key=lambda entry: (entry.msgid.lower(), entry.msgctxt or ""))
    CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    catalogue.save(str(CATALOGUE))
    catalogue.save_as_mofile(str(CATALOGUE.with_suffix(".mo")))
    return catalogue


def main() -> None:
    """Update it, and list what still needs Korean."""
    if not shutil.which("xgettext"):
        raise SystemExit("xgettext is needed: install it, for example with `apt install gettext`.")
    catalogue = update()
    missing = [entry for entry in catalogue if not entry.translated()]
    for entry in missing:
        sys.stdout.write(f"{', '.join(path for path, _line in entry.occurrences)}: {entry.msgid!r}\n")
    sys.stdout.write(f"{len(catalogue)} messages, {len(missing)} without Korean.\n")
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
