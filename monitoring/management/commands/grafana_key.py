"""``manage.py grafana_key``: the keys by which the portal signs for Grafana who somebody is."""

import shutil
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from monitoring.grafana import keys


class Command(BaseCommand):
    """Makes the first key, or does one step of a rotation, and says how things are."""

    help = (
        "Make the key that signs for Grafana who somebody is, if there is none. To rotate: --add, let Grafana read "
        "jwks.json again, --use the new one, --drop the old one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One step, and where Grafana reads."""
        step = parser.add_mutually_exclusive_group()
        step.add_argument("--add", action="store_true", help="make a further key, which does not sign yet")
        step.add_argument("--use", metavar="NAME", help="sign with this key from now on")
        step.add_argument("--drop", metavar="NAME", help="forget this key")
        parser.add_argument("--public", type=Path, metavar="DIR", help="also copy jwks.json and the public keys there")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and list the keys."""
        try:
            self._step(options)
            current = keys.signing()
        except keys.NoKey as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{error.filename or keys.folder()} cannot be written: {error.strerror}.") from None
        for name in keys.names():
            self.stdout.write(f"{name}  {keys.folder() / f'{name}.pub.pem'}{'  signs' if name == current else ''}")
        self.stdout.write(f"for Grafana's jwk_set_file: {(options['public'] or keys.folder()) / 'jwks.json'}")

    def _step(self, options: dict[str, Any]) -> None:
        if options["use"]:
            keys.use(options["use"])
        elif options["drop"]:
            keys.drop(options["drop"])
        elif options["add"] or not keys.names():
            keys.add()
        if target := options["public"]:
            target.mkdir(parents=True, exist_ok=True)
            for path in [keys.folder() / "jwks.json", *keys.folder().glob("*.pub.pem")]:
                shutil.copyfile(path, target / path.name)
