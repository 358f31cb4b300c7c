"""Where the programs keep what is worth saving: what the command was told, what the program says, the usual places."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from monitoring.grafana import health
from monitoring.prometheus import Peer, Prometheus

SNAPSHOT_SECONDS = 600.0
ANSWER_SECONDS = 10.0
# Where packages keep them.
GRAFANA_DATABASES = (Path("/var/lib/grafana/grafana.db"),)


@dataclass(frozen=True)
class Sources:
    """The programs and their files. A path that is None is looked for where packages and ``bin/up`` put it."""

    prometheus: Prometheus
    alertmanager: Peer
    grafana: Peer
    alertmanager_config: Path | None = None
    grafana_ini: Path | None = None
    grafana_database: Path | None = None

    @classmethod
    def here(cls, **paths: Path | None) -> "Sources":
        """Those of the settings."""
        return cls(
            Prometheus.here(ANSWER_SECONDS),
            Peer("Alertmanager", settings.PORTAL_ALERTMANAGER_URL, seconds=ANSWER_SECONDS),
            Peer("Grafana", health.api(), settings.PORTAL_GRAFANA_TOKEN, ANSWER_SECONDS),
            **paths,
        )

    def alertmanager_file(self) -> Path | None:
        """Alertmanager's configuration."""
        data = Path(settings.PORTAL_DATA) / "run" / "deploy" / "alertmanager" / "alertmanager.yml"
        usual = (data, Path("/etc/prometheus/alertmanager.yml"), Path("/etc/alertmanager/alertmanager.yml"))
        return self.alertmanager_config or _first(*usual)

    def ini_file(self) -> Path | None:
        """Grafana's settings."""
        data = Path(settings.PORTAL_DATA) / "run" / "deploy" / "grafana" / "grafana.ini"
        return self.grafana_ini or _first(data, Path("/etc/grafana/grafana.ini"))

    def grafana_file(self) -> Path | None:
        """Grafana's SQLite database."""
        data = Path(settings.PORTAL_DATA) / "grafana"
        usual = (data / "grafana.db", data / "data" / "grafana.db", *GRAFANA_DATABASES)
        return self.grafana_database or _first(*usual)


def _first(*paths: Path) -> Path | None:
    return next((path for path in paths if _may_be_there(path)), None)


def _may_be_there(path: Path) -> bool:
    """Also true where one may not look: then it is told that it cannot be read, and not that it is not there."""
    try:
        path.stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def in_folder(name: Any, working_folder: Any) -> Path:
    """A path as a program names it, which may be relative to where that program was started."""
    return Path(str(working_folder or "/")) / str(name or "")
