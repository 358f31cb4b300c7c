"""Renders the files of ``deploy/templates`` with production's defaults or with an installation's own values.

A placeholder is ``%%{name}``: Prometheus, Alertmanager and nginx all use ``$`` and ``{{ }}`` for themselves.
"""

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any, Final

from django.conf import settings

from portal.lib.smtp import Smtp
from portal.up.grafana import PORT, Grafana, from_file
from portal.up.layout import Layout
from portal.up.nginx import Nginx
from portal.up.ports import Ports
from portal.up.programs import BASE
from portal.up.tokens import ALERTMANAGER, DISCOVERY, METRICS, keep_secret
from portal.up.trouble import Trouble

TEMPLATES: Final = BASE / "deploy" / "templates"
# Files without a value of an installation: shipped as they are, and copied.
PLAIN_FILES: Final = ("grafana/dashboards/*.json",)
BESIDE: Final = "../admin/"
FROM_FILE: Final = from_file("").removesuffix("}")
PLAIN: Final = re.compile(r"[\w./:-]+")


@dataclass(frozen=True)
class Mail:
    """Alertmanager's own way to people, past the portal. Without ``to`` there is none."""

    to: tuple[str, ...] = ("root@localhost",)
    sender: str = "proxmox-manager@localhost"
    server: str = "localhost:25"
    starttls: bool = False
    user: str = ""
    password_file: str = ""

    @classmethod
    def of(cls, layout: Layout) -> "Mail":
        """This installation's: the portal's mail server and PORTAL_ALERT_MAIL. Raises OSError."""
        smtp: Smtp = settings.SMTP
        if not (smtp.host and settings.PORTAL_ALERT_MAIL):
            return cls(to=())
        host = f"[{smtp.host}]" if ":" in smtp.host else smtp.host
        kept = str(keep_secret(layout.keys / "smtp-password", smtp.password)) if smtp.password else ""
        starttls = smtp.encryption == "starttls"
        return cls(tuple(settings.PORTAL_ALERT_MAIL), smtp.sender, f"{host}:{smtp.port}", starttls, smtp.user, kept)

    def __str__(self) -> str:
        """What follows on ``email_configs:``."""
        if not self.to:
            return " []"
        facts = {
            "to": _scalar(", ".join(self.to)),
            "from": _scalar(self.sender),
            "smarthost": _scalar(self.server),
            "require_tls": str(self.starttls).lower(),
        }
        if self.user:
            facts |= {"auth_username": _scalar(self.user)}
        if self.user and self.password_file:
            facts |= {"auth_password_file": _scalar(self.password_file)}
        lines = "\n        ".join(f"{key}: {value}" for key, value in {**facts, "send_resolved": "true"}.items())
        return f"\n      - {lines}"


@dataclass(frozen=True)
class Values:
    """What the templates ask for. The defaults are production's; ``deploy/`` holds the files rendered with them."""

    interval: str = "15s"
    prometheus_target: str = "localhost:9090"
    node_exporter_target: str = "localhost:9100"
    portal_target: str = "localhost:8000"
    alertmanager_target: str = "localhost:9093"
    metrics_token_file: str = "/etc/proxmox-manager/metrics-token"  # noqa: S105  (a path)
    sd_token_file: str = "/etc/proxmox-manager/sd-token"  # noqa: S105  (a path)
    alertmanager_token_file: str = "/etc/proxmox-manager/alertmanager-token"  # noqa: S105  (a path)
    runbooks: str = "http://localhost:8000/runbooks"
    mail: Mail = field(default_factory=Mail)
    grafana: Grafana = field(default_factory=Grafana)
    nginx: Nginx = field(default_factory=Nginx)
    # Where links of dashboards find the portal's pages: beside Grafana, or elsewhere where Grafana is.
    pages: str = BESIDE

    @classmethod
    def of(
        cls, layout: Layout, ports: Ports, portal_port: int, tokens: Mapping[str, Path], interval: str = "15s"
    ) -> "Values":
        """The values of this installation: its settings and the files with its tokens, by setting."""
        return cls(
            interval=interval,
            prometheus_target=f"localhost:{ports.get('prometheus', 9090)}",
            node_exporter_target=f"localhost:{ports.get('node-exporter', 9100)}",
            portal_target=f"localhost:{portal_port}",
            alertmanager_target=f"localhost:{ports.get('alertmanager', 9093)}",
            metrics_token_file=str(tokens[METRICS]),
            sd_token_file=str(tokens[DISCOVERY]),
            alertmanager_token_file=str(tokens[ALERTMANAGER]),
            runbooks=f"{settings.PORTAL_URL}/runbooks",
            mail=Mail.of(layout),
            grafana=Grafana.of(layout, ports.get("grafana", PORT), tokens),
            nginx=Nginx.of(portal_port),
            pages=BESIDE if settings.PORTAL_GRAFANA_PROXIED else f"{settings.PORTAL_URL}/admin/",
        )

    def words(self, source: Path) -> dict[str, str]:
        """Each placeholder's name, and what stands in its place in that template."""
        own: dict[str, str] = {name: value for name, value in _columns(self).items() if isinstance(value, str)}
        grafana = {f"grafana_{name}": value for name, value in _columns(self.grafana).items()}
        nginx = {f"nginx_{name}": value for name, value in _columns(self.nginx).items()}
        quoted = _in_ini if source.suffix == ".ini" else _provisioned if "provisioning" in source.parts else _scalar
        return {**{name: quoted(value) for name, value in {**own, **grafana, **nginx}.items()}, "mail": str(self.mail)}


class DeployTemplate(Template):
    """Text with ``%%{name}`` placeholders."""

    delimiter = "%%"


def render(folder: Path, values: Values) -> list[Path]:
    """Render every template into that folder, under its own sub-path; the files written. Raises Trouble, OSError."""
    written = []
    for source in sorted(path for path in TEMPLATES.rglob("*") if path.is_file()):
        target = folder / source.relative_to(TEMPLATES)
        try:
            text = DeployTemplate(source.read_text()).substitute(values.words(source))
        except (KeyError, ValueError) as error:
            raise Trouble(f"{source.relative_to(BASE)} has a placeholder that nobody fills: {error}.") from None
        written.append(_write(target, text))
    for source in sorted(path for pattern in PLAIN_FILES for path in (BASE / "deploy").glob(pattern)):
        text = source.read_text().replace(f'"{BESIDE}', f'"{values.pages}')
        written.append(_write(folder / source.relative_to(BASE / "deploy"), text))
    return written


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    return path


def _columns(values: "Values | Grafana | Nginx") -> dict[str, Any]:
    return {column.name: getattr(values, column.name) for column in dataclasses.fields(values)}


def _provisioned(value: str) -> str:
    """The same in what Grafana provisions, where a ``$`` begins a variable unless there are two of them.

    The path of a file to read stays as it is: Grafana splits at ``$$`` before it looks for ``$__file{…}``.
    """
    return _scalar(value if value.startswith(FROM_FILE) else value.replace("$", "$$"))


def _scalar(value: str) -> str:
    """The value as one YAML scalar: quoted where it holds anything unusual."""
    return value if PLAIN.fullmatch(value) else json.dumps(value, ensure_ascii=False)


def _in_ini(value: str) -> str:
    """The value as Grafana's settings want it: a ``#`` or ``;`` would begin a comment."""
    return f"`{value}`" if set("#;") & set(value) else value
