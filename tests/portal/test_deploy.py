"""The committed files of ``deploy`` are the templates with production's values, and the programs take them."""

import subprocess
from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError, call_command

from portal.up import deploy, ports
from portal.up.deploy import Values, render
from portal.up.layout import Layout
from portal.up.tokens import FILES, METRICS
from portal.up.trouble import Trouble
from tests.support.components import need
from tests.support.processes import PYTHON, environment

DEPLOY = deploy.BASE / "deploy"


def test_the_committed_files_are_the_templates_with_productions_values(tmp_path):
    for path in render(tmp_path, Values()):
        name = path.relative_to(tmp_path)
        assert (DEPLOY / name).read_text() == path.read_text(), f"manage.py render_deploy deploy --defaults ({name})"


def test_prometheus_scrapes_itself_the_machine_and_the_portal_every_15_seconds():
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    assert config["global"]["external_labels"] == {"monitor": "proxmox-manager"}
    assert {job["scrape_interval"] for job in jobs.values()} == {"15s"}
    targets = {name: jobs[name]["static_configs"][0]["targets"] for name in ("prometheus", "node-exporter")}
    assert targets == {"prometheus": ["localhost:9090"], "node-exporter": ["localhost:9100"]}
    assert jobs["proxmox-manager"]["metrics_path"] == "/metrics"
    assert jobs["proxmox-manager"]["static_configs"][0]["targets"] == ["localhost:8000"]


@pytest.mark.real
def test_promtool_takes_the_committed_file():
    # Its token file is on the machine of production only: --syntax-only does not look for it.
    check = [need("promtool"), "check", "config", "--syntax-only", DEPLOY / "prometheus" / "prometheus.yml"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.real
@pytest.mark.parametrize("folder", ["plain", "with a space, a 'quote' and a # sign", "한국"])
def test_promtool_takes_an_installations_own_file(tmp_path, folder):
    tokens = {setting: tmp_path / folder / name for setting, name in FILES.items()}
    (tmp_path / folder).mkdir()
    for token in tokens.values():
        token.write_text("a token")
    layout = Layout.of(tmp_path)
    (path,) = [
        path
        for path in render(tmp_path / "out", Values.of(layout, ports.Ports(tmp_path / "p.json"), 8123, tokens, "1s"))
        if path.name == "prometheus.yml"
    ]
    done = subprocess.run([need("promtool"), "check", "config", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    portal = yaml.safe_load(path.read_text())["scrape_configs"][2]
    assert portal["authorization"]["credentials_file"] == str(tokens[METRICS])
    assert portal["static_configs"][0]["targets"] == ["localhost:8123"]


def test_the_command_renders_this_installations_ports_and_interval(tmp_path, settings):
    settings.PORTAL_DATA, settings.PORTAL_PORT = tmp_path / "var", 8321
    ports.Ports(Path(_made(tmp_path / "var" / "run")) / "ports.json").set("prometheus", 9999)
    call_command("render_deploy", str(tmp_path / "out"), interval="2s", verbosity=0)
    text = (tmp_path / "out" / "prometheus" / "prometheus.yml").read_text()
    assert "localhost:8321" in text
    assert "localhost:9999" in text
    assert "scrape_interval: 2s" in text
    assert str(tmp_path / "var" / "keys" / "metrics-token") in text


def test_an_interval_that_is_none_is_refused(tmp_path):
    with pytest.raises(CommandError, match="a number and a unit"):
        call_command("render_deploy", str(tmp_path), interval="often")


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("render_deploy", str(tmp_path / "file" / "out"))


def test_a_placeholder_that_nobody_fills_is_told(tmp_path, monkeypatch):
    (tmp_path / "x.yml").write_text("port: %%{unheard_of}\n")
    monkeypatch.setattr(deploy, "TEMPLATES", tmp_path)
    monkeypatch.setattr(deploy, "BASE", tmp_path)
    with pytest.raises(Trouble, match="unheard_of"):
        render(tmp_path / "out", Values())


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def test_django_finds_nothing_to_say_of_an_installation_behind_https(tmp_path):
    env = environment(tmp_path, PORTAL_URL="https://portal.example.org")
    command = [PYTHON, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(command, cwd=deploy.BASE, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def installation(tmp_path, settings):
    settings.PORTAL_DATA = tmp_path / "var"
    return tmp_path


def test_tokens_are_copied_for_programs_that_run_as_users_of_their_own(installation):
    place = installation / "tokens"
    place.mkdir(mode=0o750)
    call_command("render_deploy", str(installation / "out"), tokens=place, verbosity=0)
    names = {"metrics-token", "sd-token", "alertmanager-token"}
    assert {path.name: path.read_text() for path in place.iterdir()} == {
        name: (installation / "var" / "keys" / name).read_text() for name in names
    }
    assert {(path.stat().st_mode & 0o777, path.stat().st_gid) for path in place.iterdir()} == {
        (0o640, place.stat().st_gid)
    }
    config = (installation / "out" / "prometheus" / "prometheus.yml").read_text()
    assert f"credentials_file: {place / 'metrics-token'}" in config
    assert f"credentials_file: {place / 'sd-token'}" in config


def test_a_folder_for_tokens_that_is_not_there_is_told_with_the_line_that_makes_it(installation):
    with pytest.raises(CommandError, match="install -d -m 750 -g prometheus"):
        call_command("render_deploy", str(installation / "out"), tokens=installation / "none")
    assert not (installation / "out").exists()


def test_a_new_token_takes_the_place_of_the_copy(installation):
    place = installation / "tokens"
    place.mkdir()
    for _ in range(2):
        (installation / "var" / "keys" / "sd-token").unlink(missing_ok=True)
        call_command("render_deploy", str(installation / "out"), tokens=place, verbosity=0)
    assert (place / "sd-token").read_text() == (installation / "var" / "keys" / "sd-token").read_text()
