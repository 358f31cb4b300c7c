"""``manage.py hook_token list`` and ``rotate SENDER``: which tokens open the webhooks, and a new one without a gap."""

import os
from argparse import ArgumentParser
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from monitoring import hook_tokens
from monitoring.models import HookToken, Source, TokenKind
from portal.lib import clock

LONGEST: Final = 720.0


class Command(BaseCommand):
    """Shows and replaces tokens."""

    help = "List the tokens of the webhooks, or make a new one; the old one is taken for an overlap."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to do, for whom."""
        deeds = parser.add_subparsers(dest="deed", required=True)
        deeds.add_parser("list", help="which tokens are taken now, and until when")
        rotate = deeds.add_parser("rotate", help="make a new one")
        rotate.add_argument("sender", choices=[Source.ALERTMANAGER.value, Source.GRAFANA.value])
        rotate.add_argument("--signature", action="store_true", help="the key that Grafana signs with, not its token")
        rotate.add_argument(
            "--overlap", type=float, default=settings.PORTAL_HOOK_OVERLAP_HOURS, metavar="HOURS",
            help="how long the old one is still taken (%(default)g); 0 ends it at once",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError."""
        if options["deed"] == "list":
            self._list()
        else:
            self._rotate(options["sender"], options["signature"], options["overlap"])

    def _list(self) -> None:
        moment = clock.now()
        for token in HookToken.objects.select_related("cluster"):
            until = f"until {token.expires_at:%Y-%m-%d %H:%M} UTC" if token.expires_at else "taken"
            state = until if token.lives(moment) else "refused"
            used = f"{token.last_used_at:%Y-%m-%d %H:%M}" if token.last_used_at else "never"
            self.stdout.write(f"{token}  {token.kind}  {state}  last used {used}")
        for (source, kind), setting in hook_tokens.GIVEN.items():
            taken = hook_tokens.wants(source, kind) and getattr(settings, setting)
            self.stdout.write(f"{source}  {kind}  {setting} is {'set' if taken else 'empty or has ended'}")

    def _rotate(self, sender: str, signature: bool, overlap: float) -> None:
        kind = TokenKind.SIGNATURE if signature else TokenKind.BEARER
        if signature and sender != Source.GRAFANA:
            raise CommandError("Only Grafana signs its messages: leave --signature out.")
        if not 0 <= overlap <= LONGEST:
            raise CommandError(f"--overlap is {overlap:g}: write hours from 0 to {LONGEST:g}.")
        setting = hook_tokens.GIVEN[sender, kind]
        file = self._file(setting)
        _row, text = hook_tokens.issue(sender, kind, by="manage.py hook_token", keep=timedelta(hours=overlap))
        if file:
            _write(file, text)
            self.stdout.write(f"A new token is in {file}. The old one is taken for {overlap:g} more hours.")
            if sender == Source.GRAFANA:
                self.stdout.write("Restart Grafana: it reads its provisioning at its start.")
        else:
            self.stdout.write(f"{text}\nPut it into {setting} here and at the sender. The old one is taken for "
                              f"{overlap:g} more hours.")  # fmt: skip

    def _file(self, setting: str) -> Path | None:
        """The file that the sender reads too. Raises CommandError where it cannot be written."""
        named = os.environ.get(f"{setting}_FILE", "")
        beside = settings.PORTAL_DATA / "keys" / FILES[setting]
        file = Path(named) if named else beside if beside.exists() and not os.environ.get(setting) else None
        if file and not os.access(file, os.W_OK):
            raise CommandError(f"{file} cannot be written: run this as the user that owns it.")
        return file


# Where ``bin/up`` keeps them.
FILES: Final = {
    "PORTAL_ALERTMANAGER_TOKEN": "alertmanager-token",
    "PORTAL_GRAFANA_HOOK_TOKEN": "grafana-token",
    "PORTAL_GRAFANA_HMAC": "grafana-hmac",
}


def _write(file: Path, text: str) -> None:
    """The whole new token or the whole old one: the sender may be reading it now."""
    draft = file.with_name(f"{file.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, file.stat().st_mode & 0o777)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
    draft.replace(file)
