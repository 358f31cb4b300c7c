"""``manage.py add_cluster NAME …``: add a cluster from a script, or bring an existing one in line."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from servers.connection import check_connection
from servers.models import Cluster, TlsMode
from servers.proxmox.errors import SameCluster


class Command(BaseCommand):
    """Idempotent: the same call twice changes nothing."""

    help = "Add a Proxmox VE cluster, or change the connection of the one with that name. Then check the connection."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The connection."""
        parser.add_argument("name")
        parser.add_argument("--endpoint", action="append", required=True, help="https://HOST:8006; may be repeated")
        parser.add_argument("--token-id", required=True, help="USER@REALM!TOKENID")
        parser.add_argument("--token-secret-file", required=True, type=Path, help="a file with the token's secret")
        trust = parser.add_mutually_exclusive_group()
        trust.add_argument("--fingerprint", default="", help="SHA-256 of the certificate to accept")
        trust.add_argument("--ca", type=Path, help="a PEM file with the cluster's own CA")
        parser.add_argument("--interval", type=int, help="seconds between two syncs (15)")
        parser.add_argument("--no-check", action="store_true", help="do not try the connection")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError with a sentence. The row is kept even if the connection check fails, unless it is the
        cluster that another row is already."""
        cluster = Cluster.objects.filter(name=options["name"]).first() or Cluster(name=options["name"])
        self._fill(cluster, options)
        try:
            cluster.full_clean(exclude=SYNCS_COLUMNS)
        except ValidationError as error:
            raise CommandError(
                "\n".join(f"{key}: {' '.join(text)}" for key, text in error.message_dict.items())
            ) from None
        report = None if options["no_check"] else check_connection(cluster)
        if report and report.kind == SameCluster.kind:
            raise CommandError(f"{report.sentence} {report.hint}")
        new = cluster.pk is None
        cluster.identity = []  # the next sync asks who it is
        cluster.save(update_fields=None if new else [*OPERATORS_COLUMNS, "identity"])
        cluster.sync_soon()
        self.stdout.write(f"Cluster {cluster.name} {'added' if new else 'updated'}.")
        if report:
            if not report.ok:
                raise CommandError(f"{report.sentence} {report.hint}".strip())
            self.stdout.write(report.sentence)

    def _fill(self, cluster: Cluster, options: dict[str, Any]) -> None:
        cluster.endpoints = options["endpoint"]
        cluster.token_id = options["token_id"]
        cluster.token_secret = _read(options["token_secret_file"])
        cluster.tls_mode = TlsMode.SYSTEM
        if options["fingerprint"]:
            cluster.tls_mode, cluster.fingerprint = TlsMode.FINGERPRINT, options["fingerprint"]
        elif options["ca"]:
            cluster.tls_mode, cluster.ca_certificate = TlsMode.CA, _read(options["ca"])
        if options["interval"] is not None:
            cluster.interval = options["interval"]


OPERATORS_COLUMNS = ["endpoints", "token_id", "token_secret", "tls_mode", "fingerprint", "ca_certificate", "interval"]
SYNCS_COLUMNS = {field.name for field in Cluster._meta.fields} - {"name", *OPERATORS_COLUMNS}


def _read(path: Path) -> str:
    try:
        content = path.read_text().strip()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
    if not content:
        raise CommandError(f"{path} is empty.")
    return content
