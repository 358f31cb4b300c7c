"""``manage.py up``, which ``bin/up`` runs: sets everything up and keeps it running until Ctrl-C."""

import os
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from portal.up.installation import Ended, Installation, speaker
from portal.up.trouble import Trouble


class Command(BaseCommand):
    """Web server, worker, beat, embedded Redis, the demo, and the monitoring programs found on PATH."""

    help = "Set everything up, run it, and say what runs where. Ctrl-C ends it all."
    # The database may be missing as yet, and the checks of a running system would say so.
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The two choices. What is wrong with them is said in the words of ``bin/up``, which people typed."""
        parser.prog, parser.usage = "bin/up", "bin/up [--no-demo] [--install-monitoring]"
        parser.add_argument("--no-demo", action="store_true", help="start without the simulated cluster")
        parser.add_argument(
            "--install-monitoring",
            action="store_true",
            help="install Prometheus, Alertmanager and the node exporter first (Debian or Ubuntu, as root)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until somebody ends it. What goes wrong is one sentence."""
        started_at = float(os.environ.pop("UP_STARTED_AT", "0")) or time.time()
        installation = Installation(speaker(), with_demo=not options["no_demo"], started_at=started_at)
        try:
            installation.run(install_monitoring=options["install_monitoring"])
        except Ended:
            installation.say("Ended: nothing is left running.")
        except Trouble as trouble:
            raise SystemExit(str(trouble)) from None
