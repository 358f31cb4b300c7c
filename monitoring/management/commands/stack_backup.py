"""``manage.py stack_backup DIR``: saves the portal and the programs beside it into a dated folder."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from monitoring.stack_files import Trouble, backup
from monitoring.stack_files.sources import Sources


class Command(BaseCommand):
    """Ends with 1 where a part that is there could not be saved. One that is not there is skipped."""

    help = "Save database, keys, Prometheus, Alertmanager and Grafana into a dated folder with a manifest."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to, how many to keep, and where things are that cannot be found alone."""
        parser.add_argument("folder", type=Path, help="the folder to make the dated folder in")
        parser.add_argument("--keep", type=int, default=0, help="how many backups to keep there (default: all)")
        parser.add_argument("--alertmanager-config", type=Path, help="path of alertmanager.yml")
        parser.add_argument("--grafana-ini", type=Path, help="path of grafana.ini")
        parser.add_argument("--grafana-database", type=Path, help="path of grafana.db")

    def handle(self, *args: Any, **options: Any) -> None:
        """Save, and say what became of each part."""
        if options["keep"] < 0:
            raise CommandError("--keep is the number of backups that stay: write 1 or more, or leave it out.")
        names = ("alertmanager_config", "grafana_ini", "grafana_database")
        try:
            saved = backup.save(
                options["folder"].absolute(), Sources.here(**{name: options[name] for name in names}),
                keep=options["keep"],
            )  # fmt: skip
        except Trouble as trouble:
            raise CommandError(str(trouble)) from None
        for part in saved.manifest.parts:
            self.stdout.write(f"{part.state:<7}  {part.name}: {part.sentence}")
        for name in saved.removed:
            self.stdout.write(f"removed  {name}")
        for name in saved.stuck:
            self.stderr.write(f"{name} could not be removed: remove it by hand, as a user who may.")
        size = sum(entry.size for entry in saved.manifest.files)
        self.stdout.write(f"{saved.folder}: {len(saved.manifest.files)} files, {size / 2**20:.1f} MiB")
        if not saved.complete:
            self.stderr.write("This backup is not complete, so no older one was removed.")
        if saved.stuck or not saved.complete:
            sys.exit(1)
