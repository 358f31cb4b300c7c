"""The tokens that the monitoring programs show to the portal: each in a file, made at the first start."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from portal.lib.keys import load_or_create_secret
from portal.up.layout import Layout
from portal.up.trouble import Trouble, explained

METRICS: Final = "PORTAL_METRICS_TOKEN"
DISCOVERY: Final = "PORTAL_SD_TOKEN"
ALERTMANAGER: Final = "PORTAL_ALERTMANAGER_TOKEN"
# What Grafana's contact point shows when it tells what fires, and what it signs that with.
GRAFANA: Final = "PORTAL_GRAFANA_HOOK_TOKEN"
GRAFANA_HMAC: Final = "PORTAL_GRAFANA_HMAC"
# The setting and the file that holds it where nobody set it.
FILES: Final = {
    METRICS: "metrics-token", DISCOVERY: "sd-token", ALERTMANAGER: "alertmanager-token", GRAFANA: "grafana-token",
    GRAFANA_HMAC: "grafana-hmac",
}  # fmt: skip


def token_files(layout: Layout) -> dict[str, Path]:
    """Setting → the file with that token; made where there is none. Raises Trouble."""
    return {setting: _file(layout, setting, name) for setting, name in FILES.items()}


def copy_for_others(files: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    """Setting → a copy in that folder of the tokens that Prometheus and Alertmanager show, for the folder's group:
    where they run as users of their own, they cannot look into ours. Raises Trouble."""
    if not folder.is_dir():
        raise Trouble(f"{folder} is not there: make it for those who may read the tokens, for example with "
                      f"`install -d -m 750 -g prometheus {folder}`.")  # fmt: skip
    copies = {setting: folder / FILES[setting] for setting in (METRICS, DISCOVERY, ALERTMANAGER)}
    with explained("copying the tokens", folder):
        group = folder.stat().st_gid
        for setting, copy in copies.items():
            copy.touch(mode=0o600)
            os.chown(copy, -1, group)
            copy.chmod(0o640)
            copy.write_text(files[setting].read_text())
    return copies


def of_the_children(files: Mapping[str, Path]) -> dict[str, str]:
    """What the environment has to say of those tokens that it does not name itself."""
    return {f"{setting}_FILE": str(path) for setting, path in files.items() if not os.environ.get(setting)}


def keep_secret(path: Path, secret: str) -> Path:
    """That secret in that file, for programs that want a file where we were given a variable."""
    if not path.exists() or path.read_text() != secret:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secret)
    return path


def _file(layout: Layout, setting: str, name: str) -> Path:
    if given := os.environ.get(f"{setting}_FILE", ""):
        return Path(given).resolve()
    path = layout.keys / name
    with explained(f"making the token {name}", layout.data):
        if token := os.environ.get(setting, ""):
            keep_secret(path, token)
        else:
            load_or_create_secret(path)
    return path
