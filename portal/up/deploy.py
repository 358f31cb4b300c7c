"""Renders the files of ``deploy/templates`` with production's defaults or with an installation's own values.

A placeholder is ``%%{name}``: Prometheus, Alertmanager and nginx all use ``$`` and ``{{ }}`` for themselves.
"""

import dataclasses
import json
import re
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

from portal.up.layout import Layout
from portal.up.ports import Ports
from portal.up.programs import BASE
from portal.up.trouble import Trouble

TEMPLATES: Final = BASE / "deploy" / "templates"
PLAIN: Final = re.compile(r"[\w./:-]+")


@dataclass(frozen=True)
class Values:
    """What the templates ask for. The defaults are production's; ``deploy/`` holds the files rendered with them."""

    interval: str = "15s"
    prometheus_target: str = "localhost:9090"
    node_exporter_target: str = "localhost:9100"
    portal_target: str = "localhost:8000"
    metrics_token_file: str = "/etc/proxmox-manager/metrics-token"  # noqa: S105  (a path)

    @classmethod
    def of(cls, layout: Layout, ports: Ports, portal_port: int, token_file: Path, interval: str = "15s") -> "Values":
        """The values of this installation."""
        return cls(
            interval=interval,
            prometheus_target=f"localhost:{ports.get('prometheus', 9090)}",
            node_exporter_target=f"localhost:{ports.get('node-exporter', 9100)}",
            portal_target=f"localhost:{portal_port}",
            metrics_token_file=str(token_file),
        )


class DeployTemplate(Template):
    """Text with ``%%{name}`` placeholders."""

    delimiter = "%%"


def render(folder: Path, values: Values) -> list[Path]:
    """Render every template into that folder, under its own sub-path; the files written. Raises Trouble, OSError."""
    words = {name: _scalar(str(value)) for name, value in dataclasses.asdict(values).items()}
    written = []
    for source in sorted(path for path in TEMPLATES.rglob("*") if path.is_file()):
        target = folder / source.relative_to(TEMPLATES)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            text = DeployTemplate(source.read_text()).substitute(words)
        except (KeyError, ValueError) as error:
            raise Trouble(f"{source.relative_to(BASE)} has a placeholder that nobody fills: {error}.") from None
        if not target.exists() or target.read_text() != text:
            target.write_text(text)
        written.append(target)
    return written


def _scalar(value: str) -> str:
    """The value as one YAML scalar: quoted where it holds anything unusual."""
    return value if PLAIN.fullmatch(value) else json.dumps(value, ensure_ascii=False)
