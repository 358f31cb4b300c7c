"""A command in a shell decides as the portal that runs beside it."""

import os
import signal
import subprocess
import sys

import pytest

from portal.lib import chosen
from portal.up.layout import Layout
from tests.support.processes import BASE, PYTHON, environment

ALLOWED = "from django.conf import settings; print(settings.PORTAL_ALLOWED_INTERNAL, settings.PORTAL_URL)"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    for name in chosen.NAMES:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def data(folder):
    """Its folder, while bin/up runs."""
    with Layout(folder, folder / "run").lock():
        yield folder


def settings_of(data, **variables):
    done = subprocess.run(
        [PYTHON, "manage.py", "shell", "--no-imports", "-c", ALLOWED],
        cwd=BASE, env=environment(data, **variables), capture_output=True, text=True, timeout=180, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def test_a_shell_command_allows_what_the_running_portal_allows(data):
    chosen.keep(data, {"PORTAL_ALLOWED_INTERNAL": "127.0.0.0/8", "PORTAL_PORT": "8410", "OTHER": "secret"})
    assert settings_of(data) == "['127.0.0.0/8'] http://127.0.0.1:8410"
    assert "secret" not in chosen.chosen_file(data).read_text()
    chosen.forget(data)
    assert settings_of(data) == "[] http://127.0.0.1:8000"


def test_what_a_killed_one_left_behind_allows_nothing(folder):
    code = (
        "import os, signal, pathlib; from portal.lib import chosen; from portal.up.layout import Layout\n"
        f"data = pathlib.Path({str(folder)!r}); lock = Layout(data, data / 'run').lock()\n"
        "chosen.keep(data, {'PORTAL_ALLOWED_INTERNAL': '127.0.0.0/8', 'PORTAL_PORT': '8410'})\n"
        "print(len(chosen.with_chosen(data, {})), flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([PYTHON, "-c", code], cwd=BASE, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.strip(), done.returncode) == ("2", -signal.SIGKILL)
    assert chosen.chosen_file(folder).exists()
    assert chosen.with_chosen(folder, {}) == {}


def test_what_the_shell_says_itself_wins(data):
    chosen.keep(data, {"PORTAL_ALLOWED_INTERNAL": "127.0.0.0/8", "PORTAL_PORT": "8410"})
    assert chosen.with_chosen(data, {"PORTAL_PORT": "9"})["PORTAL_PORT"] == "9"
    kept = chosen.with_chosen(data, {"PORTAL_REDIS_URL_FILE": "/x"})
    assert "PORTAL_REDIS_URL" not in kept


def test_bin_up_decides_anew(data, monkeypatch):
    chosen.keep(data, {"PORTAL_PORT": "8410"})
    monkeypatch.setattr(sys, "argv", ["manage.py", "up"])
    assert chosen.with_chosen(data, {}) == {}


def test_a_secret_of_the_environment_is_not_repeated(data, monkeypatch):
    monkeypatch.setenv("PORTAL_REDIS_URL", "redis://:secret@host")
    chosen.keep(data, dict(os.environ))
    assert "secret" not in chosen.chosen_file(data).read_text()


def test_a_wrong_option_of_bin_up_is_told_in_its_own_words(tmp_path):
    env = environment(tmp_path, PORTAL_VENV=sys.prefix)
    done = subprocess.run(
        [BASE / "bin" / "up", "--frob"], env=env, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("usage: bin/up [--no-demo]")
    assert "manage.py" not in done.stderr
