"""The alert rules that we ship: valid, tested one by one with promtool, and of one mind with the portal."""

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring import canary, conditions, runbooks
from monitoring.models import Condition, Severity
from monitoring.thresholds import DEFAULTS
from portal.lib import clock
from servers.models import Node, Server
from tests.monitoring.inventory import guest, make_cluster
from tests.support.components import need
from tests.support.processes import BASE

FOLDER = BASE / "deploy" / "prometheus"
TESTS = sorted((FOLDER / "tests").glob("*.yml"))
THRESHOLD = re.compile(r'max\(portal_alert_threshold\{alert="(\w+)"\}\) or vector\(([\d.]+)\)')
# The guide's rules: how long, how bad, and how their summaries begin.
GUIDE = {
    "HighCPUUsage": ("5m", "warning", "High CPU usage"),
    "HighMemoryUsage": ("5m", "warning", "High memory usage"),
    "HighDiskUsage": ("5m", "critical", "High disk usage"),
    "ApplicationDown": ("1m", "critical", "Application is down"),
    "NoActiveServers": ("10m", "warning", "No active servers"),
}
# Where the portal watches the same thing itself, both use one name.
SHARED = {
    "GuestDown": Condition.GUEST_DOWN,
    "NodeDown": Condition.NODE_OFFLINE,
    "SyncFailing": Condition.CLUSTER_UNREACHABLE,
    "SyncStale": Condition.CLUSTER_UNREACHABLE,
}

GUEST_DOWN = (
    "portal_guest_expected_up == 1 and on (cluster, vmid) proxmox_vm_status == 0 "
    "unless on (cluster, vmid) portal_guest_expected_down == 1"
)


def groups(name: str) -> list[dict[str, Any]]:
    return yaml.safe_load((FOLDER / name).read_text())["groups"]


@cache
def rules() -> dict[str, dict[str, Any]]:
    """The alert rules by name."""
    (group,) = groups("alert_rules.yml")
    found = {rule["alert"]: rule for rule in group["rules"]}
    assert len(found) == len(group["rules"]), "a name is used twice"
    return found


@cache
def expectations() -> dict[str, list[int]]:
    """How many alerts each check of our promtool tests expects, by rule."""
    found: dict[str, list[int]] = {}
    for path in TESTS:
        for test in yaml.safe_load(path.read_text())["tests"]:
            for check in test.get("alert_rule_test", []):
                found.setdefault(check["alertname"], []).append(len(check["exp_alerts"]))
    return found


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.real
@pytest.mark.parametrize("name", ["alert_rules.yml", "recording_rules.yml"])
def test_promtool_finds_nothing_to_say(name):
    said = run(need("promtool"), "check", "rules", "--lint=all", "--lint-fatal", FOLDER / name)
    assert "SUCCESS" in said


@pytest.mark.real
@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_the_rules_fire_and_stay_silent_as_they_should(path):
    run(need("promtool"), "test", "rules", path)


def test_the_group_and_the_guides_rules_are_called_as_their_users_know_them():
    assert [group["name"] for group in groups("alert_rules.yml")] == ["proxmox-manager"]
    for name, (wait, severity, summary) in GUIDE.items():
        rule = rules()[name]
        assert (rule["for"], rule["labels"]["severity"]) == (wait, severity)
        assert rule["annotations"]["summary"].startswith(summary)


# The canary fires always, and tells nobody.
CANARY = "Watchdog"


def test_the_canary_always_fires_and_tells_nobody():
    assert 0 not in expectations()[CANARY]
    assert rules()[CANARY]["labels"] == {"severity": "none", "condition": canary.CONDITION}
    assert (CANARY, "CanaryStale") == (canary.RULE, canary.STALE_RULE)


@pytest.mark.parametrize("name", sorted(set(rules()) - {CANARY}))
def test_each_rule_is_tested_firing_and_silent(name):
    expected = expectations()[name]
    assert 0 in expected, "it is never expected to be silent"
    assert any(expected), "it is never expected to fire"


@pytest.mark.parametrize("world", ["Nothing is known", "Planned work is no trouble"])
def test_each_rule_is_tested_without_its_metric_and_during_planned_work(world):
    (test,) = [one for one in yaml.safe_load((FOLDER / "tests" / "all.yml").read_text())["tests"]
               if one["name"].startswith(world)]  # fmt: skip
    assert {check["alertname"] for check in test["alert_rule_test"]} == set(rules())


@pytest.mark.parametrize("name", sorted(DEFAULTS))
def test_each_threshold_is_tested_with_a_number_of_an_administrators(name):
    assert any(f'portal_alert_threshold{{alert="{name}"' in text or f',alert="{name}"' in text for text in texts())


@cache
def texts() -> list[str]:
    return [path.read_text() for path in TESTS]


@pytest.mark.parametrize("name", rules())
def test_each_rule_says_what_is_wrong_how_bad_it_is_and_what_to_do(name):
    rule = rules()[name]
    labels, words = rule["labels"], rule["annotations"]
    assert labels.keys() == {"severity", "condition"}
    assert labels["severity"] in (["none"] if name == CANARY else Severity.values)
    assert re.fullmatch(r"[a-z_]+", labels["condition"])
    assert words.keys() == {"summary", "description", "runbook_url"}
    assert words["runbook_url"] == f"http://localhost:8000/runbooks/{name}/"
    assert name in runbooks.names()


def test_no_runbook_is_about_a_rule_that_is_gone():
    assert set(runbooks.names()) == set(rules())


@pytest.mark.parametrize("name", sorted(DEFAULTS))
def test_a_rule_with_a_threshold_tells_the_number_that_it_found(name):
    assert "$value" in rules()[name]["annotations"]["description"]


@pytest.mark.django_db
def test_one_trouble_has_one_title_whoever_tells_of_it():
    cluster = make_cluster("demo", [guest(101, name="web")])
    cluster.last_error, cluster.failures = "It does not answer.", 2
    server, node = Server.objects.get(), Node.objects.get()
    node.status = "offline"
    labels = {"name": "web", "vmid": "101", "node": "pve1", "cluster": "demo"}
    found = (
        conditions.of_server(server, "stopped", clock.now(), "", "", reliable=True),
        conditions.of_node(node, 1, reliable=True),
        conditions.of_cluster(cluster),
    )
    titles = {finding.condition: finding.title for finding in found}
    for name, condition in SHARED.items():
        summary = re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda match: labels[match[1]], summary_of(name))
        assert summary == titles[condition]


def summary_of(name: str) -> str:
    return rules()[name]["annotations"]["summary"]


@pytest.mark.parametrize("name", SHARED)
def test_what_the_portal_watches_too_has_the_portals_name(name):
    assert rules()[name]["labels"]["condition"] == SHARED[name]


def test_every_rule_compares_with_its_own_threshold_and_carries_its_default():
    found = {name: THRESHOLD.findall(rule["expr"]) for name, rule in rules().items()}
    carried = {name: [(alert, float(value)) for alert, value in pairs] for name, pairs in found.items() if pairs}
    assert carried == {alert: [(alert, shipped.value)] for alert, shipped in DEFAULTS.items()}


def test_every_mention_of_a_threshold_has_the_form_that_holds_while_the_portal_is_down():
    text = (FOLDER / "alert_rules.yml").read_text()
    rest = THRESHOLD.sub("", text.partition("groups:")[2])
    assert "portal_alert_threshold" not in rest
    assert text.count("on () group_left () (max(portal_alert_threshold") == len(DEFAULTS)


def test_guest_down_asks_exactly_what_was_designed():
    assert GUEST_DOWN in " ".join(rules()["GuestDown"]["expr"].split())


@pytest.mark.parametrize("name", ["alert_rules.yml", "recording_rules.yml"])
def test_prometheus_loads_what_is_shipped(name):
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    assert name in config["rule_files"]
    assert config["alerting"]["alertmanagers"] == [{"static_configs": [{"targets": ["localhost:9093"]}]}]


def test_prometheus_learns_from_the_portal_which_servers_to_scrape():
    jobs = {job["job_name"]: job for job in yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]}
    (discovery,) = jobs["managed-servers"]["http_sd_configs"]
    assert discovery["url"] == "http://localhost:8000/api/prometheus/sd/"
    assert discovery["authorization"] == {"type": "Bearer", "credentials_file": "/etc/proxmox-manager/sd-token"}
    relabeled = [(rule["source_labels"], rule["target_label"]) for rule in jobs["managed-servers"]["relabel_configs"]]
    assert relabeled == [(["__meta_portal_server_id"], "server_id")]
