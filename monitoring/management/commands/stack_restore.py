"""``manage.py stack_restore DIR --into FOLDER``: brings a backup back into an empty folder."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from monitoring.stack_files import Trouble, restore
from monitoring.stack_files.manifest import FAILED, SAVED, SKIPPED

BECAME: Final = {
    SAVED: "restored  %s",
    SKIPPED: "left out  %s: it was not there when the backup was made.",
    FAILED: "left out  %s: not all of it could be saved; what was saved is restored.",
}


class Command(BaseCommand):
    """Overwrites nothing; changes nothing where a checksum is wrong."""

    help = "Restore what stack_backup saved into a new or empty folder, which may then be PORTAL_DATA."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which backup, and where to."""
        parser.add_argument("backup", type=Path, help="a backup's folder, or the folder with all of them: the newest")
        parser.add_argument("--into", type=Path, help="a new or empty folder")
        parser.add_argument("--check", action="store_true", help="only see whether the backup is whole")

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify, restore, and say what is left to do."""
        try:
            if options["check"]:
                source, found = restore.check(options["backup"].absolute())
                self.stdout.write(f"{source} of {found.made_at} is whole: {len(found.files)} files.")
                return
            if options["into"] is None:
                raise CommandError("Name the folder to restore into: --into FOLDER, new or empty.")
            done = restore.restore(options["backup"].absolute(), options["into"].absolute())
        except Trouble as trouble:
            raise CommandError(str(trouble)) from None
        for part in done.manifest.parts:
            self.stdout.write(BECAME[part.state] % part.name)
        self.stdout.write(f"Restored {done.source} of {done.manifest.made_at}.")
        for note in done.notes:
            self.stdout.write(note)
