"""Before there is any environment: what ``bin/up`` says on a machine where something of Python is missing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import BASE, environment

NEEDED = ("bash", "env", "dirname", "readlink", "cat", "cksum", "id", "mkdir", "rm")


@pytest.fixture
def machine(tmp_path):
    """A PATH with a handful of tools, without Python and without apt-get."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in NEEDED:
        (tools / name).symlink_to(shutil.which(name))
    return tmp_path


def add_python(machine: Path, *, refuses: str) -> None:
    """A python3 that is this one, but fails when its arguments hold that text."""
    script = machine / "bin" / "python3"
    script.write_text(
        f'#!/bin/sh\ncase "$*" in *"{refuses}"*) echo refused >&2; exit 1;; esac\nexec "{sys.executable}" "$@"\n'
    )
    script.chmod(0o755)


def bin_up(machine: Path) -> "subprocess.CompletedProcess[str]":
    env = environment(machine / "var", PATH=str(machine / "bin"), PORTAL_VENV=str(machine / "venv"))
    return subprocess.run([BASE / "bin" / "up"], env=env, capture_output=True, text=True, timeout=300, check=False)


def test_no_python_is_told(machine):
    done = bin_up(machine)
    assert done.returncode == 1
    assert done.stderr.strip().startswith("Python 3.11 or later is needed")


def test_a_missing_venv_module_is_told_with_its_package(machine):
    add_python(machine, refuses="import venv, ensurepip")
    done = bin_up(machine)
    assert done.returncode == 1
    version = "{}.{}".format(*sys.version_info)
    assert f"apt install python{version}-venv" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_old_python_is_no_python(machine):
    add_python(machine, refuses="sys.version_info < (3, 11)")
    assert "Python 3.11 or later is needed" in bin_up(machine).stderr


def test_an_environment_that_cannot_be_made_is_told(machine):
    add_python(machine, refuses="nothing")
    (machine / "venv").write_text("a file in the way")
    done = bin_up(machine)
    assert done.returncode == 1
    assert "PORTAL_VENV" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_requirements_that_cannot_be_had_are_told_and_tried_again_next_time(machine):
    add_python(machine, refuses="nothing")
    made = subprocess.run(
        [sys.executable, "-m", "venv", machine / "venv"], capture_output=True, check=False, env=os.environ
    )
    assert made.returncode == 0
    # No index can be reached: pip asks a port where nobody listens, and does not try again.
    config = machine / "venv" / "pip.conf"
    config.write_text("[global]\nindex-url = http://127.0.0.1:9/simple\nretries = 0\nfind-links =\n")
    env = {"PIP_CONFIG_FILE": str(config), "PIP_FIND_LINKS": "", "PIP_NO_CACHE_DIR": "1"}
    for _ in range(2):
        done = subprocess.run(
            [BASE / "bin" / "up"],
            env={
                **environment(machine / "var", PATH=str(machine / "bin"), PORTAL_VENV=str(machine / "venv")),
                **env,
            },
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 1
        assert done.stderr.strip().splitlines()[-1].startswith("The requirements could not be installed")
