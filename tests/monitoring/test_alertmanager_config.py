"""Alertmanager's configuration: all to the portal, some past it by mail, and a dead node mutes its guests."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import yaml
from django.core.exceptions import ImproperlyConfigured

from portal.lib.environment import Environment
from portal.lib.smtp import Smtp, mail_addresses
from portal.up import optional
from portal.up.deploy import Mail, Values, render
from portal.up.layout import Layout
from portal.up.ports import Ports
from portal.up.tokens import ALERTMANAGER, FILES, token_files
from tests.support.components import need
from tests.support.processes import BASE, free_port, wait_until
from tests.support.receivers import HttpReceiver

SHIPPED = BASE / "deploy" / "alertmanager" / "alertmanager.yml"
PAST_THE_PORTAL = ["ApplicationDown", "SyncStale", "DeliveryFailing", "DeliveryLate", "CanaryStale"]
ROUTES = {
    "alertname=ApplicationDown severity=critical": "mail,portal",
    "alertname=SyncStale cluster=demo": "mail,portal",
    "alertname=DeliveryFailing": "mail,portal",
    "alertname=DeliveryLate": "mail,portal",
    "alertname=CanaryStale condition=canary_stale": "mail,portal",
    "alertname=Watchdog condition=canary severity=none": "portal",
    "alertname=SyncFailing cluster=demo": "portal",
    "alertname=GuestDown cluster=demo node=pve1 vmid=101 severity=critical": "portal",
    "alertname=HighCPUUsage instance=10.20.0.11:9100 severity=warning": "portal",
    "alertname=NodeDown cluster=demo node=pve1": "portal",
    "alertname=OfSomebodyElse": "portal",
    "alertname=ApplicationDownstream": "portal",
}


def config(path: Path = SHIPPED) -> dict:
    return yaml.safe_load(path.read_text())


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def installed(tmp_path: Path, settings, smtp: Smtp, *people: str, portal_port: int = 8123) -> Path:
    """The file as an installation with that mail server has it."""
    settings.SMTP, settings.PORTAL_ALERT_MAIL = smtp, list(people)
    layout = Layout.of(tmp_path / "with a space")
    values = Values.of(layout, Ports(tmp_path / "ports.json"), portal_port, token_files(layout))
    return next(path for path in render(tmp_path / "out", values) if path.name == "alertmanager.yml")


def smtp(**facts: object) -> Smtp:
    usual = {"host": "mail.example.org", "port": 587, "user": "portal", "password": "a: #s'e\"cret",
             "encryption": "starttls", "sender": "Portal <portal@example.org>"}  # fmt: skip
    return Smtp(**{**usual, **facts})


@pytest.mark.real
def test_amtool_takes_the_shipped_file():
    assert "SUCCESS" in run(need("amtool"), "check-config", SHIPPED)


@pytest.mark.real
@pytest.mark.parametrize("labels", ROUTES)
def test_each_alert_goes_where_it_should(labels):
    said = run(need("amtool"), "config", "routes", "test", f"--config.file={SHIPPED}", *labels.split())
    assert said.strip() == ROUTES[labels]


def test_the_portal_hears_of_both_ends_with_a_token_from_a_file():
    (portal,) = next(one for one in config()["receivers"] if one["name"] == "portal")["webhook_configs"]
    assert portal["url"] == "http://localhost:8000/hooks/alertmanager/"
    assert portal["send_resolved"] is True
    assert portal["max_alerts"] >= 4000  # an end that is cut off is never said again
    token = portal["http_config"]["authorization"]
    assert token == {"type": "Bearer", "credentials_file": "/etc/proxmox-manager/alertmanager-token"}


def test_what_goes_past_the_portal_is_a_rule_that_we_ship():
    rules = yaml.safe_load((BASE / "deploy" / "prometheus" / "alert_rules.yml").read_text())["groups"][0]["rules"]
    assert set(PAST_THE_PORTAL) <= {rule["alert"] for rule in rules}
    assert config()["route"]["routes"][1]["matchers"] == [f'alertname=~"{"|".join(PAST_THE_PORTAL)}"']


def test_what_mutes_and_what_is_muted_are_conditions_of_rules_that_we_ship():
    rules = yaml.safe_load((BASE / "deploy" / "prometheus" / "alert_rules.yml").read_text())["groups"][0]["rules"]
    known = {rule["labels"]["condition"] for rule in rules} | {rule["alert"] for rule in rules}
    for inhibition in config()["inhibit_rules"]:
        for matcher in [*inhibition["source_matchers"], *inhibition["target_matchers"]]:
            assert set(matcher.partition("=")[2].strip('~"').split("|")) <= known


@pytest.mark.real
@pytest.mark.parametrize(
    "facts", [{}, {"user": "", "password": ""}, {"encryption": "tls", "port": 465}, {"host": "::1", "port": 25}]
)
def test_amtool_takes_the_file_of_an_installation_with_a_mail_server(tmp_path, settings, facts):
    path = installed(tmp_path, settings, smtp(**facts), "ops@example.org", "boss@example.org")
    run(need("amtool"), "check-config", path)
    (mail,) = next(one for one in config(path)["receivers"] if one["name"] == "mail")["email_configs"]
    assert mail["to"] == "ops@example.org, boss@example.org"
    assert mail["require_tls"] is (facts.get("encryption") != "tls")
    assert ("auth_username" in mail) is ("user" not in facts)


def test_the_password_is_in_a_file_of_its_owners_only_and_not_in_the_configuration(tmp_path, settings):
    path = installed(tmp_path, settings, smtp(), "ops@example.org")
    (mail,) = config(path)["receivers"][1]["email_configs"]
    kept = Path(mail["auth_password_file"])
    assert kept.read_text() == smtp().password
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "s'e" not in path.read_text()


@pytest.mark.real
@pytest.mark.parametrize(("host", "people"), [("", ["ops@example.org"]), ("mail.example.org", [])])
def test_without_a_mail_server_or_an_address_there_is_no_mail(tmp_path, settings, host, people):
    path = installed(tmp_path, settings, smtp(host=host), *people)
    run(need("amtool"), "check-config", path)
    assert config(path)["receivers"][1] == {"name": "mail", "email_configs": []}


@pytest.mark.parametrize("value", ["nobody", "a@b.org, , nobody", "a b@example.org", "@", "ops@example.org\n"])
def test_an_address_that_is_none_is_refused_with_a_sentence(value):
    env = Environment({"PORTAL_ALERT_MAIL": value})
    if value.strip() == "ops@example.org":
        assert mail_addresses(env, "PORTAL_ALERT_MAIL") == ["ops@example.org"]
        return
    with pytest.raises(ImproperlyConfigured, match="PORTAL_ALERT_MAIL has .* is no address"):
        mail_addresses(env, "PORTAL_ALERT_MAIL")


def test_the_shipped_mail_goes_to_root_of_the_machine():
    assert config()["receivers"][1]["email_configs"][0]["to"] == Mail().to[0] == "root@localhost"


@pytest.mark.django_db
def test_a_portal_that_insists_on_https_does_not_redirect_alertmanager(client, settings):
    """It delivers nothing to an address that redirects, and calls the portal on the same machine."""
    settings.SECURE_SSL_REDIRECT = True
    assert client.post("/hooks/alertmanager/", b"{}", content_type="application/json").status_code == 401  # no token
    assert client.get("/admin/").status_code == 301


# --- a real one


@pytest.fixture
def alertmanager(tmp_path, settings) -> Iterator[tuple[str, HttpReceiver, Path]]:
    """Alertmanager as bin/up starts it, its portal played by a receiver; its address, the receiver, its token file."""
    (program,) = [one for one in optional.OPTIONAL if one.name == "alertmanager"]
    with HttpReceiver() as portal:
        path = installed(tmp_path, settings, smtp(host=""), portal_port=portal.server.server_port)
        layout, port = Layout.of(tmp_path / "with a space"), free_port()
        (layout.rendered / "alertmanager").mkdir(parents=True)
        # Seconds instead of minutes, and the way is the same.
        text = path.read_text().replace("group_wait: 10s", "group_wait: 1s").replace("interval: 1m", "interval: 1s")
        (layout.rendered / "alertmanager" / "alertmanager.yml").write_text(text)
        command = program.command(need("prometheus-alertmanager"), port, layout)
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        url = f"http://127.0.0.1:{port}"
        try:
            wait_until(lambda: ready(url), 20, what=(tmp_path / "log").read_text)
            yield url, portal, layout.keys / FILES[ALERTMANAGER]
        finally:
            process.terminate()
            process.wait(10)


def ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/-/ready", timeout=2).ok
    except requests.RequestException:
        return False


def fire(url: str, **labels: str) -> None:
    requests.post(f"{url}/api/v2/alerts", json=[{"labels": labels}], timeout=5).raise_for_status()


def told(portal: HttpReceiver) -> set[str]:
    """The things that the portal heard of."""
    return {
        alert["labels"].get("vmid") or alert["labels"]["node"] for body in portal.bodies for alert in body["alerts"]
    }


@pytest.mark.real
def test_a_dead_node_mutes_its_guests_and_the_portal_gets_the_token(alertmanager):
    url, portal, token = alertmanager
    fire(url, alertname="NodeDown", condition="node_offline", cluster="demo", node="pve1")
    fire(url, alertname="GuestDown", condition="guest_down", cluster="demo", node="pve1", vmid="101")
    fire(url, alertname="GuestDown", condition="guest_down", cluster="demo", node="pve2", vmid="102")
    fire(url, alertname="GuestDown", condition="guest_down", cluster="second", node="pve1", vmid="103")
    wait_until(lambda: told(portal) >= {"pve1", "102", "103"}, 20, what=lambda: json.dumps(portal.bodies))
    assert told(portal) == {"pve1", "102", "103"}
    assert {request.path for request in portal.requests} == {"/hooks/alertmanager/"}
    assert {request.headers["Authorization"] for request in portal.requests} == {f"Bearer {token.read_text()}"}
    assert {(body["version"], body["receiver"]) for body in portal.bodies} == {("4", "portal")}
