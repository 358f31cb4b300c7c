"""Components that some tests need. Where one cannot be had the test is skipped by name; in CI that is a failure."""

import os
import shutil
from typing import Final

import pytest

# What the tests call it, and the programs any of which will do.
COMPONENTS: Final = {
    "prometheus": ("prometheus",),
    "promtool": ("promtool",),
    "prometheus-alertmanager": ("prometheus-alertmanager", "alertmanager"),
    "amtool": ("amtool",),
    "prometheus-node-exporter": ("prometheus-node-exporter", "node_exporter"),
    "redis-server": ("redis-server",),
    "postgresql": ("pg_ctl", "/usr/lib/postgresql/*/bin/pg_ctl"),
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "nginx": ("nginx", "/usr/sbin/nginx"),
}
# A test of one of these may be skipped by name even in CI: Debian does not package them.
UNPACKAGED: Final = {"grafana": ("grafana", "grafana-server")}


def find(name: str) -> str:
    """The path of that component's program, or ''."""
    from glob import glob

    for program in {**COMPONENTS, **UNPACKAGED}[name]:
        if path := (max(glob(program), default="") if "*" in program else shutil.which(program)):
            return path
    return ""


def need(name: str) -> str:
    """The path of that component's program. Without it the test is skipped by name, or, in CI, fails."""
    if path := find(name):
        return path
    sentence = f"{name} is not installed"
    if os.environ.get("CI", "").lower() in {"1", "true"} and name in COMPONENTS:
        pytest.fail(f"{sentence}, and CI tests with every component: bin/test as root installs it.", pytrace=False)
    pytest.skip(sentence)
