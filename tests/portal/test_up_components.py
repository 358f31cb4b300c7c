"""How tests treat components that are not there: skipped by name on a developer's machine, failed in CI."""

import os
import subprocess
import sys

import pytest

from tests.support import components
from tests.support.processes import BASE

SKIPPING = """
from tests.support.components import need, pytest_runtest_makereport  # noqa: F401

def test_it():
    need("chromium")
"""


def outcome(tmp_path, **environment: str) -> str:
    """What pytest says of a test that needs Chromium on a machine without any program."""
    (tmp_path / "conftest.py").write_text("from tests.support.components import pytest_runtest_makereport\n")
    (tmp_path / "test_skipping.py").write_text(SKIPPING)
    env = {
        **{k: v for k, v in os.environ.items() if k != "CI"},
        "PATH": "/none",
        "PYTHONPATH": str(BASE),
        **environment,
    }
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:django", "-p", "no:cacheprovider", str(tmp_path)]
    return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False).stdout


def test_a_missing_component_is_skipped_by_name(tmp_path):
    said = outcome(tmp_path)
    assert "1 skipped" in said
    assert "chromium is not installed" in said


def test_in_ci_a_missing_component_fails(tmp_path):
    said = outcome(tmp_path, CI="true")
    assert "1 failed" in said
    assert "in CI every component" in said


@pytest.mark.parametrize("name", sorted(components.COMPONENTS))
def test_every_component_has_a_package_that_bin_test_installs(name):
    package = {"promtool": "prometheus", "amtool": "prometheus-alertmanager"}.get(name, name)
    assert package in (BASE / "bin" / "test").read_text()
