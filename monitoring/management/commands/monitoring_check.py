"""``manage.py monitoring_check [FILE …]``: does every expression ask for something that is there?"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

# What we ship: rules, pages, dashboards.
SHIPPED: Final = ("deploy/prometheus/*rules*.yml", "README.md", "docs/**/*.md", "deploy/grafana/**/*.json")
FAMILIES: Final = "docs/metrics.md"
RECORDED: Final = "deploy/prometheus/*rules*.yml"


class Command(BaseCommand):
    """Reads files, asks nobody."""

    help = "Check every PromQL expression in rules, pages and dashboards: each metric and label must be exported."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Other files than ours."""
        parser.add_argument(
            "files", nargs="*", type=Path, help="rules (.yml), pages (.md) or dashboards (.json); without: what we ship"
        )
        parser.add_argument(
            "--foreign",
            action="append",
            default=[],
            metavar="NAME",
            help="a metric of others, with any labels",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Say what is wrong, by file and line. Raises CommandError where anything is."""
        try:
            from monitoring import promql_sources as sources
        except ModuleNotFoundError as error:
            raise CommandError(
                f"The package {error.name} is not installed: `pip install -r requirements-dev.txt` installs it."
            ) from None
        shipped = _shipped(RECORDED)
        files: list[Path] = options["files"] or _shipped(*SHIPPED)
        found = []
        for path in dict.fromkeys([*shipped, *files]):
            try:
                found += sources.find(path)
            except OSError as error:
                raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
            except ValueError as error:
                raise CommandError(f"{path} cannot be checked: {error}.") from None
        known = {**dict.fromkeys(options["foreign"]), **sources.exported(settings.BASE_DIR / FAMILIES)}
        findings = sources.check(found, known)
        for finding in findings:
            self.stderr.write(f"{_short(finding.path)}:{finding.line}: {finding.sentence}")
        if findings:
            raise CommandError(f"{len(findings)} of these would stay silent or fail: mend them.")
        paths = {one.path for one in found}
        self.stdout.write(f"{len(found)} expressions in {len(paths)} files: every metric and label is there.")


def _shipped(*patterns: str) -> list[Path]:
    return sorted(path for pattern in patterns for path in settings.BASE_DIR.glob(pattern))


def _short(path: Path) -> str:
    base: Path = settings.BASE_DIR
    return str(path.relative_to(base)) if path.is_relative_to(base) else str(path)
