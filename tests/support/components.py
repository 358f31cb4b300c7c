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
    """The path of that component's program. Without it the test is skipped by name, which in CI is a failure."""
    if path := find(name):
        return path
    pytest.skip(f"{name} is not installed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """In CI, whoever skips a test for want of a component that bin/test installs has failed it."""
    report = yield
    if report.skipped and _in_ci() and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        if any(name in reason.lower() for name in COMPONENTS):
            report.outcome = "failed"
            report.longrepr = f"{reason}: in CI every component that bin/test installs must be there."
    return report


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() in {"1", "true"}
