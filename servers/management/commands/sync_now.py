"""``manage.py sync_now [CLUSTER …]``: sync from a shell."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from servers.models import Cluster
from servers.rotation import rotate
from servers.sync import Report, sync_cluster


class Command(BaseCommand):
    """Syncs clusters now, with backups and tasks. Exits with 1 and the reason if one of them fails."""

    help = "Sync all enabled clusters, or those named, and say what changed. Exits with 1 if a sync fails."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Names of clusters."""
        parser.add_argument("cluster", nargs="*", help="names of clusters; all enabled ones if left out")
        parser.add_argument("--quick", action="store_true", help="only the inventory, no backups and tasks")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError if a name is unknown or a sync fails."""
        reports = [self._sync(cluster, quick=options["quick"]) for cluster in self._clusters(options["cluster"])]
        failed = [f"{report.cluster}: {report.error}" for report in reports if report.error]
        if failed:
            raise CommandError("\n".join(failed))

    def _clusters(self, names: list[str]) -> list[Cluster]:
        found = list(Cluster.objects.filter(name__in=names) if names else Cluster.objects.filter(enabled=True))
        unknown = set(names) - {cluster.name for cluster in found}
        if unknown:
            known = ", ".join(Cluster.objects.values_list("name", flat=True)) or "none yet"
            raise CommandError(f"No cluster is called {', '.join(sorted(unknown))}. There are: {known}.")
        if not found:
            raise CommandError("There is no enabled cluster: add one with `manage.py add_cluster` or in the admin.")
        return found

    def _sync(self, cluster: Cluster, *, quick: bool) -> Report:
        report = sync_cluster(cluster)
        if report.skipped:
            self.stdout.write(f"{cluster.name}: another process is syncing it, or it is disabled.")
            return report
        if not report.error:
            tally = report.changes
            self.stdout.write(
                f"{cluster.name}: {tally.appeared} appeared, {tally.changed} changed, {tally.retired} retired"
                f" in {report.seconds:.2f} s"
            )
            for sentence in [] if quick else rotate(cluster, everything=True):
                self.stderr.write(f"{cluster.name}: {sentence}")
        return report
