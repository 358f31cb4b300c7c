"""``manage.py stack_check``: the daily check of Prometheus and its neighbours, for a shell, a timer or a pipeline."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from monitoring import stack
from monitoring.stack_verdicts import State


class Command(BaseCommand):
    """Ends with 1 where a check failed; a warning, or a program that is not installed, is none."""

    help = "Look at Prometheus, Alertmanager, Grafana and the node exporter, and say what is wrong and what to do."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """For people or for programs."""
        parser.add_argument("--json", action="store_true", help="the same for programs, as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """One line per check, then the targets that are down."""
        report = stack.look()
        if options["json"]:
            self.stdout.write(json.dumps(report.as_json(), indent=2, ensure_ascii=False))
        else:
            self._tell(report)
        if report.state == State.FAILED:
            sys.exit(1)

    def _tell(self, report: stack.Report) -> None:
        width = max(len(state) for state in State)
        for check in report.checks:
            self.stdout.write(f"{check.state:<{width}}  {check.title}: {check.sentence}")
        for target in report.targets:
            if target.health == "down":
                self.stdout.write(f"{'down':<{width}}  {target.job} {target.instance}: {target.hint} {target.error}")
