"""``manage.py monitoring_check``: an expression that asks for something that nobody exports is found, with its line."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
import yaml
from django.core.management import CommandError, call_command
from prometheus_client.parser import text_string_to_metric_families

from monitoring import discovery
from monitoring import promql_sources as sources
from monitoring.promql import judge
from monitoring.promql_known import DISCOVERED, FOREIGN, VALUES
from tests.monitoring.inventory import seed_everything
from tests.support import seed
from tests.support.components import need
from tests.support.processes import BASE, free_port, wait_until

KNOWN = sources.exported(BASE / "docs" / "metrics.md")
# What the monitoring guide quotes; each is on docs/promql.md, to be copied from there.
GUIDE = [
    '100 - (avg by (instance) (irate(node_cpu_seconds_total{mode="idle"}[5m])) * 100)',
    '100 - (avg by (cpu, instance) (irate(node_cpu_seconds_total{mode="idle"}[5m])) * 100)',
    "node_load1", "node_load5", "node_load15",
    "(node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes) / node_memory_MemTotal_bytes * 100",
    "(node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes) / 1024 / 1024 / 1024",
    "(node_memory_SwapTotal_bytes - node_memory_SwapFree_bytes) / node_memory_SwapTotal_bytes * 100",
    "(node_filesystem_size_bytes - node_filesystem_free_bytes) / node_filesystem_size_bytes * 100",
    "rate(node_disk_io_time_seconds_total[5m])",
    "rate(node_disk_read_bytes_total[5m])", "rate(node_disk_written_bytes_total[5m])",
    "rate(node_network_receive_bytes_total[5m])", "rate(node_network_transmit_bytes_total[5m])",
    "rate(node_network_receive_packets_total[5m])", "rate(node_network_transmit_packets_total[5m])",
    "rate(http_requests_total[5m])",
    "histogram_quantile(0.95, rate(http_request_duration_seconds_bucket[5m]))",
    'rate(http_requests_total{status=~"5.."}[5m]) / rate(http_requests_total[5m]) * 100',
    "active_servers_total", "rate(server_creation_total[5m])", "backup_count_total", "proxmox_vm_status",
    "proxmox_storage_usage", "proxmox_node_status", 'up{job="proxmox-manager"}',
]  # fmt: skip


def troubles(expression: str) -> list[str]:
    return [trouble.sentence for trouble in judge(expression, KNOWN).troubles]


def said(capsys, *files: Path) -> list[str]:
    """What the command says of these files, line by line; it must fail."""
    with pytest.raises(CommandError):
        call_command("monitoring_check", *map(str, files))
    return capsys.readouterr().err.splitlines()


def test_everything_that_we_ship_asks_for_what_is_there(capsys):
    call_command("monitoring_check")
    assert re.match(r"\d\d+ expressions in \d+ files: every metric", capsys.readouterr().out)


@pytest.mark.parametrize("expression", GUIDE)
def test_each_expression_of_the_guide_is_on_our_page_word_by_word(expression):
    lines = {" ".join(one.text.split("\n")).strip() for one in sources.find(BASE / "docs" / "promql.md")}
    assert any(re.sub(r"^(\s*#.*?\s\s?)?", "", line).endswith(expression) for line in lines)
    assert troubles(expression) == []


@pytest.mark.django_db
def test_the_known_names_and_labels_are_those_of_a_running_portal(admin_client):
    seed_everything()
    admin_client.get("/admin/")
    page = admin_client.get("/metrics").content.decode()
    samples = [one for family in text_string_to_metric_families(page) for one in family.samples]
    assert {one.name for one in samples} <= set(KNOWN)
    assert [one for one in samples if set(one.labels) != KNOWN[one.name]] == []


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("proxmox_vm_state", "the metric proxmox_vm_state is neither exported"),
        ('{__name__="proxmox_vm_state"}', "the metric proxmox_vm_state is neither exported"),
        ('{job="proxmox-manager"}', "without naming a metric"),
        ("node_laod1", "the metric node_laod1 is neither exported nor on the list of foreign ones"),
        ("prometheus_whatever_total", "neither exported nor on the list of foreign ones"),
        ('node_cpu_seconds_total{core="1"}', "node_cpu_seconds_total has no label core"),
        ("sum by (interface) (rate(node_network_receive_bytes_total[5m]))", "names the label interface"),
        ('max(portal_alert_threshold{alert="HighCpuUsage"})', "portal_alert_threshold has no alert HighCpuUsage"),
        ('up and on () portal_collector_success{collector="backup"} == 1', "has no collector backup"),
        ('proxmox_vm_status{vm="100"}', "proxmox_vm_status has no label vm"),
        ("http_request_duration_seconds", "neither exported"),
        ("sum by (storag) (proxmox_storage_usage)", "names the label storag"),
        ("sum without (pool) (proxmox_vm_status)", "names the label pool"),
        ("topk by (pool) (3, proxmox_vm_status)", "names the label pool"),
        ("sum by (node) (sum by (cluster) (proxmox_vm_status))", "names the label node"),
        ("proxmox_vm_status and on (cluster, name) portal_guest_expected_up", "the right side of and does not have"),
        ("proxmox_vm_status * on (vmid) group_left (tag) proxmox_guest_info", "brings the label tag"),
        ("proxmox_vm_status * proxmox_guest_info", "never match: only one of them has pool, tags"),
        ("proxmox_vm_status > ignoring (pool) proxmox_guest_info", "only one of them has tags"),
        (
            "histogram_quantile(0.9, sum by (job) (rate(http_request_duration_seconds_bucket[5m])))",
            "needs the label le",
        ),
        ("sum(proxmox_vm_status", "it does not parse"),
        ("rate(proxmox_vm_status)", "it does not parse"),
    ],
)
def test_what_can_never_answer_is_told(expression, sentence):
    assert any(sentence in trouble for trouble in troubles(expression)), troubles(expression)


@pytest.mark.parametrize(
    "expression",
    [
        'node_load1{server="web01"} / on (instance) up',
        'ALERTS{any="label"} and on (instance, job) up',
        'portal_alert_threshold{alert=~"High.*"} or portal_alert_threshold{alert="x"}',
        'sum by (le, endpoint) (rate(http_request_duration_seconds_bucket{le="0.5"}[5m]))',
        "http_request_duration_seconds_sum / http_request_duration_seconds_count",
        'sum by (tag) (label_replace(proxmox_guest_info, "tag", "$1", "tags", ";(.+?);.*"))',
        'absent(proxmox_vm_status{cluster="demo"}) and on (cluster) proxmox_node_status',
        "max_over_time((active_servers_total > 3)[1h:5m]) - 1 < bool 5",
        "proxmox_guest_info * on (cluster, vmid) group_right () proxmox_guest_memory_used_bytes",
        'count_values("cores", proxmox_guest_cpu_cores) and on (cores) count_values("cores", proxmox_node_cpu_cores)',
        "-time() + scalar(max(portal_sync_timestamp_seconds)) * vector(1)",
        "ALERTS{alertstate='firing'} or proxmox_node_status",
    ],
)
def test_what_can_answer_is_left_in_peace(expression):
    assert troubles(expression) == []


def test_a_rule_is_told_with_the_line_of_the_word(tmp_path, capsys):
    rules = tmp_path / "rules.yml"
    rules.write_text(
        "groups:\n- name: mine\n  rules:\n  - alert: A\n    expr: |\n      up == 0\n      or proxmox_vm_statu == 0\n"
        "  - {alert: B, expr: proxmox_node_statu == 0}\n"
    )
    first, second = said(capsys, rules)
    assert first.startswith(f"{rules}:7: the metric proxmox_vm_statu ")
    assert second.startswith(f"{rules}:8: the metric proxmox_node_statu ")


def test_a_text_that_names_a_label_which_the_expression_drops_is_told(tmp_path, capsys):
    rules = tmp_path / "rules.yml"
    rules.write_text(
        "groups:\n- name: mine\n  rules:\n  - alert: A\n    expr: max by (cluster) (proxmox_node_status) == 0\n"
        "    labels: {team: ops}\n"
        "    annotations: {summary: '{{ $labels.cluster }} {{ $labels.node }} {{ $labels.team }}'}\n"
    )
    assert said(capsys, rules) == [f"{rules}:5: a text of the rule names $labels.node, which its expression drops"]


def test_what_a_recording_rule_keeps_is_known_with_its_labels(tmp_path, capsys):
    rules = tmp_path / "rules.yml"
    rules.write_text(
        "groups:\n- name: mine\n  rules:\n  - {alert: A, expr: 'cluster:nodes:up{node=\"x\"} == 0'}\n"
        "  - {record: 'cluster:nodes:up', expr: sum by (cluster) (proxmox_node_status)}\n"
    )
    assert said(capsys, rules) == [f"{rules}:4: the metric cluster:nodes:up has no label node"]


def test_a_page_is_told_with_the_line(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text(
        "# Title\n\n```promql\n# words\nup\n\n# more\nsum(\n  backup_total\n)\n```\n\n```\nbackup_total\n```\n"
    )
    assert [line.partition(": ")[0] for line in said(capsys, page)] == [f"{page}:9"]


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("   ```promql", "   ```"),
        ("``` promql", "```"),
        ("~~~promql", "~~~"),
        ("````promql title=one", "````"),
        ("```promql ", "```"),
    ],
)
def test_every_fence_that_markdown_knows_is_looked_into(tmp_path, capsys, opening, closing):
    page = tmp_path / "page.md"
    page.write_text(f"1. Step\n\n{opening}\n   backup_total\n{closing}\n\nbackup_total in words\n")
    assert [line.partition(": ")[0] for line in said(capsys, page)] == [f"{page}:4"]


def test_a_foreign_metric_of_ones_own_can_be_named(tmp_path):
    page = tmp_path / "page.md"
    page.write_text('```promql\nceph_health_status{name="x"} > 0\n```\n')
    with pytest.raises(CommandError):
        call_command("monitoring_check", page)
    call_command("monitoring_check", page, foreign=["ceph_health_status"])


@pytest.mark.real
def test_the_list_of_foreign_names_is_what_a_node_exporter_exports():
    address = f"127.0.0.1:{free_port()}"
    with running(need("prometheus-node-exporter"), f"--web.listen-address={address}"):
        page = wait_until(lambda: page_of(f"http://{address}/metrics"), 20)
    samples = [one for family in text_string_to_metric_families(page) for one in family.samples]
    there = {one.name: set(one.labels) for one in samples}
    listed = {name: labels - DISCOVERED for name, labels in FOREIGN.items() if labels is not None and name != "up"}
    assert [name for name, labels in listed.items() if name in there and not labels <= there[name]] == []
    # A machine may have no disk of its own.
    assert {name for name in listed if name not in there and not name.startswith("node_disk_")} == set()


@contextmanager
def running(*command: str) -> Iterator[None]:
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as program:
        try:
            yield
        finally:
            program.terminate()


def page_of(url: str) -> str:
    try:
        return requests.get(url, timeout=5).text
    except requests.RequestException:
        return ""


@pytest.mark.django_db
def test_the_values_that_are_known_are_those_of_a_running_portal(admin_client):
    page = admin_client.get("/metrics").content.decode()
    samples = [one for family in text_string_to_metric_families(page) for one in family.samples]
    for (name, label), values in VALUES.items():
        assert {one.labels[label] for one in samples if one.name == name} == values


@pytest.mark.django_db
def test_what_service_discovery_gives_a_target_is_known():
    seed.make_server(seed.make_cluster(), exporter_port=9100, operator_address="192.0.2.1")
    (group,) = json.loads(discovery.targets())
    config = yaml.safe_load((BASE / "deploy" / "prometheus" / "prometheus.yml").read_text())
    (job,) = [job for job in config["scrape_configs"] if job["job_name"] == "managed-servers"]
    relabelled = {rule["target_label"] for rule in job["relabel_configs"]}
    assert {name for name in group["labels"] if not name.startswith("__meta_")} | relabelled == DISCOVERED


def dashboard(tmp_path: Path, *expressions: str, **variables: str) -> Path:
    path = tmp_path / "board.json"
    listed = [{"name": name, "query": query} for name, query in variables.items()]
    panels = [{"panels": [{"targets": [{"expr": expression}]}]} for expression in expressions]
    path.write_text(json.dumps({"templating": {"list": listed}, "panels": panels}, indent=1))
    return path


def test_a_dashboard_is_told_with_the_line(tmp_path, capsys):
    board = dashboard(tmp_path, "up", 'sum(\n rate(http_request_total{status=~"5.."}[$__rate_interval]))')
    (told,) = said(capsys, board)
    number = next(n for n, line in enumerate(board.read_text().splitlines(), 1) if "http_request_total" in line)
    assert told.startswith(f"{board}:{number}: the metric http_request_total ")


def test_the_variables_of_grafana_are_understood(tmp_path):
    call_command(
        "monitoring_check",
        dashboard(
            tmp_path,
            'sum(rate(http_requests_total{endpoint=~"$endpoint",job="${job:regex}"}[$__rate_interval]))',
            'proxmox_vm_status{cluster="[[cluster]]"} * $__range_s',
            cluster="label_values(proxmox_vm_status, cluster)",
            node='label_values(proxmox_node_status{cluster="$cluster"}, node)',
            every="label_values(cluster)",
            rows="query_result(max(proxmox_vm_status))",
        ),
    )


def test_a_variable_that_asks_for_a_label_which_is_not_there_is_told(tmp_path, capsys):
    (told,) = said(capsys, dashboard(tmp_path, vm="label_values(proxmox_vm_status, vm)"))
    assert "names the label vm" in told


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("none.yml", None, "cannot be read"),
        ("odd.yml", "a: [", "it is no YAML"),
        ("odd.json", "{", "cannot be checked"),
        ("odd.txt", "", "looked for in .yml"),
    ],
)
def test_a_file_that_cannot_be_checked_is_told(tmp_path, name, content, sentence):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(CommandError, match=sentence):
        call_command("monitoring_check", str(tmp_path / name))


def test_without_the_parser_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "promql_parser", None)
    monkeypatch.delitem(sys.modules, "monitoring.promql")
    monkeypatch.delitem(sys.modules, "monitoring.promql_sources")
    monkeypatch.delattr("monitoring.promql_sources", raising=False)
    with pytest.raises(CommandError, match="promql_parser is not installed"):
        call_command("monitoring_check")
