"""``manage.py render_deploy DIR``: the files of ``deploy/`` with this installation's ports, paths and token files."""

import re
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portal.up import deploy
from portal.up.layout import Layout
from portal.up.ports import Ports
from portal.up.tokens import copy_for_others, token_files
from portal.up.trouble import Trouble, explained


class Command(BaseCommand):
    """Renders every template of ``deploy/templates``."""

    help = "Write the configuration files of Prometheus and the like, with this installation's ports, paths and tokens."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to, how often to scrape, and whose values."""
        parser.add_argument("folder", type=Path, help="the folder to write them into")
        parser.add_argument("--interval", default="15s", help="how often Prometheus scrapes and evaluates, e.g. 1s")
        parser.add_argument(
            "--tokens", type=Path, metavar="DIR", help="copy the tokens there, for that folder's group, and name these"
        )
        parser.add_argument(
            "--defaults", action="store_true", help="production's values instead of this installation's"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Render, and name each file."""
        folder, interval = options["folder"], options["interval"]
        if not re.fullmatch(r"[1-9]\d*(ms|s|m|h)", interval):
            raise CommandError(f"--interval is {interval!r}: write a number and a unit, such as 15s or 1m.")
        if options["tokens"] and options["defaults"]:
            raise CommandError("--defaults names production's tokens: leave it out, or --tokens.")
        try:
            values = self._values(interval, options["tokens"], defaults=options["defaults"])
            with explained("writing the configuration files", folder):
                written = deploy.render(folder, values)
        except Trouble as trouble:
            raise CommandError(str(trouble)) from None
        for path in written:
            self.stdout.write(str(path))

    def _values(self, interval: str, place: Path | None, *, defaults: bool) -> deploy.Values:
        if defaults:
            return deploy.Values(interval=interval)
        layout = Layout.of(settings.PORTAL_DATA)
        ports = Ports(layout.run / "ports.json")
        files = token_files(layout)
        tokens = {**files, **copy_for_others(files, place.absolute())} if place else files
        return deploy.Values.of(layout, ports, settings.PORTAL_PORT, tokens, interval)
