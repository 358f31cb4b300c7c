"""Grafana on our files: what they say, that it starts on them, and that bin/up runs the one that is on PATH."""

import configparser
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests
import yaml

from monitoring import panels
from monitoring.grafana import keys
from portal.up import grafana, optional, ports
from portal.up.deploy import BASE, Values, render
from portal.up.layout import Layout
from portal.up.optional import look_for
from portal.up.tokens import token_files
from tests.portal.test_up import Up
from tests.support.grafana import StandInGrafana
from tests.support.processes import free_port, wait_until

DEPLOY = BASE / "deploy" / "grafana"
UIDS = {one.uid for one in panels.dashboards()}
(PROGRAM,) = [one for one in optional.OPTIONAL if one.name == "grafana"]


def ini(path: Path = DEPLOY / "grafana.ini") -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None)
    found.read(path)
    return found


def provisioned(kind: str, folder: Path = DEPLOY) -> dict:
    return yaml.safe_load((folder / "provisioning" / kind / "proxmox-manager.yml").read_text())


def installed(data: Path) -> Layout:
    """An installation's own files, rendered where bin/up puts them."""
    layout = Layout.of(data)
    layout.run.mkdir(parents=True)
    render(layout.rendered, Values.of(layout, ports.Ports(layout.run / "ports.json"), 8123, token_files(layout)))
    return layout


def stand_in(folder: Path, name: str = "grafana") -> Path:
    """A program of that name."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{BASE}" exec "{sys.executable}" -m tests.support.grafana "$@"\n')
    path.chmod(0o755)
    return path


def searched(url: str) -> set[str]:
    """The uids that it lists for a person whom the portal names."""
    who = {"X-WEBAUTH-USER": "portal.anna", "X-WEBAUTH-ROLE": "Viewer"}
    try:
        return {row["uid"] for row in requests.get(f"{url}/api/search", headers=who, timeout=5).json()}
    except requests.RequestException:
        return set()


def test_it_lives_under_the_portals_address_for_whom_the_portal_names():
    found = ini()
    assert found["server"]["root_url"] == "http://localhost:8000/grafana/"
    assert found.getboolean("server", "serve_from_sub_path")
    assert found["server"]["http_addr"] == "127.0.0.1"
    assert found.getboolean("security", "allow_embedding")
    assert found.getboolean("auth.proxy", "enabled") != found.getboolean("auth.jwt", "enabled")
    assert found["auth.proxy"]["header_name"] == "X-WEBAUTH-USER"
    assert found["auth.proxy"]["headers"] == "Role:X-WEBAUTH-ROLE"


def test_nobody_gets_in_by_himself_and_no_password_is_written_anywhere():
    found = ini()
    closed = [("auth.anonymous", "enabled"), ("auth.basic", "enabled"), ("users", "allow_sign_up"),
              ("public_dashboards", "enabled"), ("snapshots", "enabled"), ("auth.jwt", "url_login")]  # fmt: skip
    assert not any(found.getboolean(*place) for place in closed)
    assert found.getboolean("security", "disable_initial_admin_creation")
    texts = [path.read_text() for path in DEPLOY.rglob("*") if path.suffix in {".ini", ".yml"}]
    assert not re.search(r"^\s*\w*password\w*\s*[:=]", "\n".join(texts), re.M)
    secrets = re.findall(
        r"(?:secret|secret_key|authorization_credentials)\s*[:=] *\"?(.+?)\"?$", "\n".join(texts), re.M
    )
    assert len(secrets) == 3
    assert all(secret.startswith("$__file{") for secret in secrets)


def test_the_data_sources_have_the_uids_that_panels_name():
    sources = provisioned("datasources")["datasources"]
    assert [(one["uid"], one["type"], one["access"]) for one in sources] == [
        ("prometheus", "prometheus", "proxy"), ("alertmanager", "alertmanager", "proxy"),
    ]  # fmt: skip
    assert sources[0]["jsonData"]["timeInterval"] == "15s"
    assert sources[1]["jsonData"]["implementation"] == "prometheus"


def test_what_grafana_finds_goes_to_the_portal_with_a_token_and_a_signature():
    content = provisioned("alerting")
    (point,), (policy,) = content["contactPoints"], content["policies"]
    (receiver,) = point["receivers"]
    settings = receiver["settings"]
    assert policy["receiver"] == point["name"]
    assert settings["url"] == "http://localhost:8000/hooks/grafana/"
    assert settings["authorization_scheme"] == "Bearer"
    assert settings["hmacConfig"].keys() == {"secret", "header", "timestampHeader"}
    assert receiver["disableResolveMessage"] is False


def test_the_signatures_headers_are_those_that_the_portal_reads():
    from monitoring import intake

    asked = provisioned("alerting")["contactPoints"][0]["receivers"][0]["settings"]["hmacConfig"]
    assert (asked["header"], asked["timestampHeader"]) == (intake.SIGNATURE, intake.SIGNED_AT)


def test_dashboards_are_found_where_they_are_put_and_change_only_with_the_files():
    (provider,) = provisioned("dashboards")["providers"]
    assert (provider["allowUiUpdates"], provider["disableDeletion"]) == (False, True)
    assert ini()["dashboards"]["default_home_dashboard_path"].startswith(provider["options"]["path"])


@pytest.mark.parametrize("name", ["plain", "with a space, a 'quote' and a # sign", "한국"])
def test_an_installations_files_name_its_own_places(tmp_path, name):
    layout = installed(tmp_path / name)
    folder = layout.rendered / "grafana"
    found = ini(folder / "grafana.ini")
    assert found["paths"]["data"].strip("`") == str(layout.data / "grafana")
    (provider,) = provisioned("dashboards", folder)["providers"]
    assert {path.stem for path in Path(provider["options"]["path"]).glob("*.json")} == UIDS
    settings = provisioned("alerting", folder)["contactPoints"][0]["receivers"][0]["settings"]
    assert settings["url"] == "http://localhost:8123/hooks/grafana/"
    assert settings["authorization_credentials"] == f"$__file{{{layout.keys / 'grafana-token'}}}"


def test_with_tokens_it_believes_whom_the_portal_signs(tmp_path, settings):
    settings.PORTAL_GRAFANA_IDENTITY, settings.PORTAL_DATA = "jwt", tmp_path
    found = ini(installed(tmp_path).rendered / "grafana" / "grafana.ini")
    assert not found.getboolean("auth.proxy", "enabled")
    assert found.getboolean("auth.jwt", "enabled")
    assert found["auth.jwt"]["jwk_set_file"] == str(keys.folder() / "jwks.json")
    assert json.loads(found["auth.jwt"]["expect_claims"]) == {"iss": settings.PORTAL_URL, "aud": keys.AUDIENCE}


def test_the_key_of_its_database_is_made_once_and_kept_to_oneself(tmp_path):
    layout = installed(tmp_path / "var")
    path = layout.keys / "grafana-secret-key"
    kept = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(kept) > 40
    Values.of(layout, ports.Ports(layout.run / "ports.json"), 8123, token_files(layout))
    assert path.read_text() == kept


@pytest.mark.parametrize("name", grafana.BINARIES)
def test_the_program_on_path_is_started_on_our_files(tmp_path, monkeypatch, name):
    layout = Layout.of(tmp_path / "var")
    home = tmp_path / "opt"
    (home / "conf").mkdir(parents=True)
    (home / "conf" / "defaults.ini").write_text("")
    monkeypatch.setenv("PATH", str(stand_in(home / "bin", name).parent))
    layout.run.mkdir(parents=True)
    found = look_for(PROGRAM, layout, ports.Ports(layout.run / "ports.json"))
    assert found.program.command[1:] == (
        *(("server",) if name == "grafana" else ()), f"--config={layout.rendered}/grafana/grafana.ini",
        f"--homepath={home}",
    )  # fmt: skip


def test_without_grafana_the_table_says_that_the_portal_draws(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = look_for(PROGRAM, Layout.of(tmp_path), ports.Ports(tmp_path / "ports.json"))
    assert (found.program, "the portal draws" in found.note) == (None, True)


@pytest.mark.real
def test_it_starts_on_an_installations_files_and_shows_the_dashboards(tmp_path):
    layout = Layout.of(tmp_path / "var")
    layout.run.mkdir(parents=True)
    chosen = ports.Ports(layout.run / "ports.json")
    port = chosen.set("grafana", free_port())
    render(layout.rendered, Values.of(layout, chosen, 8123, token_files(layout)))
    command = grafana.command(str(stand_in(tmp_path / "bin")), port, layout)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            wait_until(lambda: searched(f"http://127.0.0.1:{port}/grafana") == UIDS, 30)
        finally:
            process.terminate()


@pytest.mark.real
def test_a_token_file_that_is_gone_is_a_start_that_fails(tmp_path):
    layout = installed(tmp_path / "var")
    (layout.keys / "grafana-hmac").unlink()
    command = grafana.command(str(stand_in(tmp_path / "bin")), 1, layout)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "grafana-hmac" in done.stderr


@pytest.mark.real
def test_bin_up_runs_it_and_the_portal_asks_it(tmp_path, monkeypatch):
    stand_in(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    up = Up(tmp_path / "var", "--no-demo")
    try:
        up.start()
        port = json.loads((up.data / "run" / "ports.json").read_text())["grafana"]
        wait_until(lambda: searched(f"http://127.0.0.1:{port}/grafana") == UIDS, 30, what=lambda: up.said)
        assert f"http://127.0.0.1:{port}/grafana/" in up.said
        assert "grafana" in up.pids()
    finally:
        up.end()


@pytest.mark.django_db
def test_the_daily_check_finds_the_dashboards_that_are_provisioned(settings):
    from monitoring import stack_checks, stack_facts
    from tests.support.grafana import shipped

    settings.PORTAL_GRAFANA_TOKEN = "right"
    with StandInGrafana(token="right", dashboards=shipped()) as running:
        settings.PORTAL_GRAFANA_URL = running.root
        found = {check.name: check for check in stack_checks.judge(stack_facts.gather())}
        assert (found["grafana"].state, found["dashboards"].state) == ("ok", "ok"), found["dashboards"].sentence
        running.dashboards = {}
        found = {check.name: check for check in stack_checks.judge(stack_facts.gather())}
        assert found["dashboards"].state == "failed"


def test_a_dollar_in_a_path_is_no_variable_to_grafana(tmp_path):
    values = Values(grafana=grafana.Grafana(dashboards="/srv/a$HOME/dashboards"))
    render(tmp_path, values)
    path = provisioned("dashboards", tmp_path / "grafana")["providers"][0]["options"]["path"]
    assert path == "/srv/a$$HOME/dashboards"
    contact = (tmp_path / "grafana" / "provisioning" / "alerting" / "proxmox-manager.yml").read_text()
    assert '"$__file{/etc/proxmox-manager/grafana-token}"' in contact


def test_dashboards_of_a_grafana_elsewhere_lead_to_the_portal_by_its_whole_address(tmp_path, settings):
    settings.PORTAL_GRAFANA_PROXIED, settings.PORTAL_URL = False, "https://portal.example.org"
    layout = installed(tmp_path / "var")
    text = "".join(path.read_text() for path in (layout.rendered / "grafana" / "dashboards").glob("*.json"))
    assert '"https://portal.example.org/admin/servers/server/?q=${__value.raw}"' in text
    assert "../admin" not in text
