"""Grafana as this installation runs it: what its files say, and how it is started."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings

from portal.lib.keys import load_or_create_secret
from portal.up.layout import Layout
from portal.up.tokens import GRAFANA, GRAFANA_HMAC

PORT: Final = 3000
HINT: Final = "not in Debian: https://grafana.com/grafana/download. Meanwhile the portal draws the panels itself"
BINARIES: Final = ("grafana", "grafana-server")
# Where its packages put what it cannot start without.
HOMES: Final = (Path("/usr/share/grafana"), Path("/usr/local/share/grafana"))
PRODUCTION: Final = "http://localhost:8000"


def from_file(path: Path | str) -> str:
    """What Grafana replaces, in its settings and in what it provisions, with the content of that file."""
    return f"$__file{{{path}}}"


@dataclass(frozen=True)
class Grafana:
    """What the templates ask for, each as ``grafana_NAME``. The defaults are production's."""

    port: str = str(PORT)
    root_url: str = f"{PRODUCTION}/grafana/"
    data: str = "/var/lib/grafana"
    logs: str = "/var/log/grafana"
    plugins: str = "/var/lib/grafana/plugins"
    provisioning: str = "/etc/grafana/provisioning"
    dashboards: str = "/etc/grafana/dashboards"
    home: str = "/etc/grafana/dashboards/system-overview.json"
    secret_key: str = from_file("/etc/proxmox-manager/grafana-secret-key")
    token: str = from_file("/etc/proxmox-manager/grafana-token")
    hmac: str = from_file("/etc/proxmox-manager/grafana-hmac")
    key_list: str = "/etc/proxmox-manager/grafana/jwks.json"
    by_header: str = "true"
    by_token: str = "false"  # noqa: S105  (a switch)
    claims: str = json.dumps({"iss": PRODUCTION, "aud": "grafana"})
    log: str = "file"

    @classmethod
    def of(cls, layout: Layout, port: int, tokens: Mapping[str, Path]) -> "Grafana":
        """This installation's. Makes the key of its database. Raises ImproperlyConfigured."""
        own, signed = layout.data / "grafana", settings.PORTAL_GRAFANA_IDENTITY == "jwt"
        key = layout.keys / "grafana-secret-key"
        load_or_create_secret(key)
        return cls(
            port=str(port),
            root_url=f"{settings.PORTAL_URL}/grafana/",
            data=str(own),
            logs=str(own / "log"),
            plugins=str(own / "plugins"),
            provisioning=str(layout.rendered / "grafana" / "provisioning"),
            dashboards=str(layout.rendered / "grafana" / "dashboards"),
            home=str(layout.rendered / "grafana" / "dashboards" / "system-overview.json"),
            secret_key=from_file(key),
            token=from_file(tokens[GRAFANA]),
            hmac=from_file(tokens[GRAFANA_HMAC]),
            key_list=str(layout.keys / "grafana" / "jwks.json"),
            by_header=str(not signed).lower(),
            by_token=str(signed).lower(),
            claims=json.dumps({"iss": settings.PORTAL_URL, "aud": "grafana"}),
            log="console",
        )


def command(binary: str, port: int, layout: Layout) -> tuple[str, ...]:
    """How that program is started on our files; it takes its port from them."""
    home = home_of(Path(binary))
    return (
        binary,
        *(("server",) if Path(binary).name == "grafana" else ()),
        f"--config={layout.rendered / 'grafana' / 'grafana.ini'}",
        *((f"--homepath={home}",) if home else ()),
    )


def home_of(binary: Path) -> Path | None:
    """The folder with its defaults and pages: of an archive the one above ``bin``, of a package the usual one."""
    above = binary.resolve().parent.parent
    return next((one for one in (above, above / "share" / "grafana", *HOMES) if _is_home(one)), None)


def _is_home(folder: Path) -> bool:
    return (folder / "conf" / "defaults.ini").is_file()
