"""The dashboards that are shipped: what Grafana asks of such a file, and what we ask of ourselves."""

import itertools
import json
import re
import subprocess
from functools import cache

import pytest
import yaml
from django.urls import resolve

from monitoring import annotations, panels
from monitoring.models import Incident, Severity
from monitoring.thresholds import DEFAULTS
from tests.support.components import need
from tests.support.processes import BASE

FILES = sorted(panels.folder().glob("*.json"))
DATA = {"type": "prometheus", "uid": "prometheus"}
UIDS = ["system-overview", "application-metrics", "business", "infrastructure"]
EVERY = [(one.uid, panel.id) for one in panels.dashboards() for panel in one.panels]
# Panels without a threshold line whose colours follow a rule: the colour of trouble begins at the rule's default.
COLOURED = {
    ("system-overview", 4): "HighCPUUsage", ("system-overview", 5): "HighMemoryUsage",
    ("system-overview", 6): "HighDiskUsage", ("machine", 5): "HighDiskUsage",
    ("application-metrics", 2): "PortalErrors", ("infrastructure", 9): "StorageFull", ("node", 5): "StorageFull",
    ("cluster", 3): "StorageFull",
}  # fmt: skip
THRESHOLD = re.compile(r'max\(portal_alert_threshold\{alert="(\w+)"\}\) or vector\(([\d.]+)\)')
# What the monitoring guide asks for: dashboard, title, what its expression must hold.
GUIDE = [
    ("system-overview", "CPU Usage", 'node_cpu_seconds_total{job=~"node-exporter|managed-servers"'),
    ("system-overview", "Memory Usage", "node_memory_MemAvailable_bytes"),
    ("system-overview", "Disk Usage", "node_filesystem_avail_bytes"),
    ("system-overview", "Network Traffic", "node_network_receive_bytes_total"),
    ("system-overview", "Network Traffic", "node_network_transmit_bytes_total"),
    ("system-overview", "Load Average", "node_load1{"), ("system-overview", "Load Average", "node_load5"),
    ("system-overview", "Load Average", "node_load15"),
    ("system-overview", "Available Memory", "node_memory_MemAvailable_bytes"),
    ("machine", "Processor by Core", "avg by (cpu)"), ("machine", "Memory", "node_memory_MemTotal_bytes"),
    ("machine", "Swap", "node_memory_SwapTotal_bytes"), ("machine", "Disks Busy", "node_disk_io_time_seconds_total"),
    ("machine", "Disk Throughput", "node_disk_read_bytes_total"),
    ("machine", "Disk Throughput", "node_disk_written_bytes_total"),
    ("machine", "Network Packets", "node_network_receive_packets_total"),
    ("machine", "Network Packets", "node_network_transmit_packets_total"),
    ("application-metrics", "HTTP Request Rate", "sum by (method, endpoint) (rate(http_requests_total"),
    ("application-metrics", "Active Servers", "active_servers_total"),
    ("application-metrics", "Server Creation Rate", "60 * max(rate(server_creation_total"),
    ("application-metrics", "Response Time", "histogram_quantile(0.95, sum by (le)"),
    ("application-metrics", "HTTP Errors", 'status=~"5.."'), ("application-metrics", "Backups", "backup_count_total"),
    ("application-metrics", "Backups by State", "portal_backups"),
    ("business", "Servers Created and Deleted per Day", "increase(server_creation_total[1d])"),
    ("business", "Servers Created and Deleted per Day", "increase(server_deletion_total[1d])"),
    ("business", "Backup Failures", "backup_failure_total"), ("business", "Backups that worked", "backup_success"),
    ("business", "Active Users", "active_users"), ("business", "Most Processor", "proxmox_guest_cpu_ratio"),
    ("business", "Most Memory", "proxmox_guest_memory_used_bytes"),
    ("infrastructure", "Servers running", "proxmox_vm_status"),
    ("infrastructure", "Storage in Use", "proxmox_storage_usage{"), ("infrastructure", "Nodes", "proxmox_node_status"),
]  # fmt: skip


@cache
def raw(uid):
    return json.loads((panels.folder() / f"{uid}.json").read_text())


def raw_panel(uid, number):
    return next(one for one in raw(uid)["panels"] if one["id"] == number)


def queries_of(uid):
    """Every expression and every query of a variable of a dashboard."""
    one = panels.dashboard(uid)
    yield from (target.expression for panel in one.panels for target in panel.targets)
    yield from (variable.query for variable in one.variables)


def test_the_four_come_first_and_in_their_order():
    assert [one.uid for one in panels.dashboards()][:4] == UIDS


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_what_grafana_provisions(path):
    content = json.loads(path.read_text())
    assert content["uid"] == path.stem, "the file is named after the uid"
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", content["uid"])
    assert (content["schemaVersion"], "id" in content, "dashboard" in content) == (42, False, False)
    assert content["title"]
    assert content["description"].endswith(".")
    assert content["timezone"] == "browser"
    assert path.read_text() == json.dumps(content, indent=2, ensure_ascii=False) + "\n", "one form, for small diffs"


@pytest.mark.parametrize("uid", [path.stem for path in FILES])
def test_graphs_are_asked_to_show_the_incidents_that_the_portal_marks(uid):
    one = Incident(severity="", labels={name: f"${name}" for name in ("cluster", "node")} | {"vmid": "$server"})
    given = {f"${variable.name}" for variable in panels.dashboard(uid).variables}
    for asked in raw(uid)["annotations"]["list"]:
        severity, *tags = asked["target"]["tags"][1:]
        assert severity in Severity.values
        assert {"proxmox-manager", *tags} <= set(annotations.tags(one))
        assert {tag.partition(":")[2] for tag in tags} <= given
    assert len(raw(uid)["annotations"]["list"]) == 2


@pytest.mark.parametrize("uid", [path.stem for path in FILES])
def test_panels_stand_beside_each_other_inside_24_columns(uid):
    found = panels.dashboard(uid).panels
    assert len({panel.id for panel in found}) == len(found)
    assert min(panel.id for panel in found) == 1
    taken = set()
    for grid in (panel.grid for panel in found):
        cells = set(itertools.product(range(grid.x, grid.x + grid.width), range(grid.y, grid.y + grid.height)))
        assert grid.x >= 0
        assert grid.x + grid.width <= 24
        assert not cells & taken
        taken |= cells
    assert len(taken) == 24 * (max(row for _column, row in taken) + 1), "there is a hole"


@pytest.mark.parametrize("uid", [path.stem for path in FILES])
def test_what_matters_most_is_read_first(uid):
    found = panels.dashboard(uid).panels
    assert [panel.id for panel in found] == sorted(panel.id for panel in found)
    assert [panel.id for panel in sorted(found, key=lambda one: (one.grid.y, one.grid.x))] == [one.id for one in found]
    assert len(found) <= 16, "a wall of graphs is read by nobody"


@pytest.mark.parametrize(("uid", "number"), EVERY)
def test_a_panel_is_of_a_kind_that_both_renderers_draw(uid, number):
    content, panel = raw_panel(uid, number), panels.panel(uid, number)
    assert panel.kind in panels.KINDS
    assert not content.keys() & {"transformations", "repeat", "libraryPanel", "timeFrom", "timeShift", "interval"}
    assert content["datasource"] == DATA
    assert all(target["datasource"] == DATA for target in content["targets"])
    known = {"byFrameRefID", "byName"}
    assert {one["matcher"]["id"] for one in content["fieldConfig"]["overrides"]} <= known


def test_what_has_a_colour_that_means_something_has_one_that_both_renderers_know():
    found = {colour for uid, number in EVERY for colour in panels.panel(uid, number).colours.values()}
    names = {"green", "yellow", "orange", "red", "blue", "purple"}
    assert {"green", "red"} <= found
    assert all(colour in names or re.fullmatch("#[0-9a-f]{6}", colour) for colour in found)


@pytest.mark.parametrize(("uid", "number"), EVERY)
def test_a_panel_says_what_it_shows_and_in_which_unit(uid, number):
    panel = panels.panel(uid, number)
    assert panel.title
    assert panel.description.endswith(".")
    assert panel.unit
    assert panel.decimals is not None
    assert panel.targets
    assert len({target.ref for target in panel.targets}) == len(panel.targets)
    assert panel.unit != "percent" or panel.minimum == 0


@pytest.mark.parametrize(("uid", "number"), [(u, n) for u, n in EVERY if panels.panel(u, n).kind == "timeseries"])
def test_a_graph_has_a_legend_with_numbers_and_shows_gaps_as_gaps(uid, number):
    content, panel = raw_panel(uid, number), panels.panel(uid, number)
    legend = content["options"]["legend"]
    assert legend["showLegend"] is True
    assert panel.legend_calcs[0] == "lastNotNull"
    assert set(panel.legend_calcs) <= {"lastNotNull", "max", "min", "mean"}
    assert content["fieldConfig"]["defaults"]["custom"]["spanNulls"] is False
    assert all(target.legend and not target.instant for target in panel.targets)


@pytest.mark.parametrize(("uid", "number"), [(u, n) for u, n in EVERY if panels.panel(u, n).kind != "timeseries"])
def test_what_is_no_graph_asks_for_now_alone(uid, number):
    content, panel = raw_panel(uid, number), panels.panel(uid, number)
    assert all(target.instant for target in panel.targets)
    if panel.kind == "table":
        (target,) = content["targets"]
        assert target["format"] == "table"
        assert panel.columns
        assert panel.sort
        assert panel.sort[0] in {column.title for column in panel.columns}
    else:
        assert content["options"]["reduceOptions"]["calcs"] == ["lastNotNull"]
        assert all(target.legend for target in panel.targets)


@pytest.mark.parametrize("uid", [path.stem for path in FILES])
def test_a_variable_is_a_whole_value_and_matches_as_its_kind_does(uid):
    kinds = {variable.name: "=~" if variable.multiple else "=" for variable in panels.dashboard(uid).variables}
    for text in queries_of(uid):
        plain = re.sub(r"\$__\w+", "", text)
        found = re.findall(r'(=~|=)"\$(\w+)"', plain)
        assert plain.count("$") == len(found), text
        assert all(kinds[name] == operator for operator, name in found), text


@pytest.mark.parametrize("uid", [path.stem for path in FILES])
def test_variables_offer_everything_where_several_may_be_chosen(uid):
    for one in raw(uid)["templating"]["list"]:
        assert one["datasource"] == DATA
        assert one["query"]["query"] == one["definition"]
        assert one["includeAll"] == one["multi"]
        assert (one.get("allValue") == ".*") == one["multi"]


def test_infrastructure_can_be_narrowed_to_clusters_nodes_and_servers():
    assert [one.name for one in panels.dashboard("infrastructure").variables] == ["cluster", "node", "server"]


@pytest.mark.parametrize(("uid", "number"), EVERY)
def test_rates_look_as_far_as_the_zoom_asks(uid, number):
    for target in panels.panel(uid, number).targets:
        assert set(re.findall(r"\brate\([^[]+\[([^]]+)\]", target.expression)) <= {"$__rate_interval", "$__range"}


@pytest.mark.parametrize(("uid", "number"), EVERY)
def test_a_threshold_is_the_administrators_with_the_rules_default(uid, number):
    for target in panels.panel(uid, number).targets:
        pairs = THRESHOLD.findall(target.expression)
        assert [(name, float(value)) for name, value in pairs] == [(name, DEFAULTS[name].value) for name, _ in pairs]
        assert "portal_alert_threshold" not in THRESHOLD.sub("", target.expression)
        assert target.threshold == bool(THRESHOLD.fullmatch(target.expression)) == (target.ref == "T")


@pytest.mark.parametrize(("where", "alert"), COLOURED.items())
def test_colours_change_where_the_rule_would_fire(where, alert):
    assert panels.panel(*where).thresholds[-1].value == DEFAULTS[alert].value


@pytest.mark.parametrize(("uid", "title", "part"), GUIDE)
def test_every_panel_of_the_guide_is_there(uid, title, part):
    found = [panel for panel in panels.dashboard(uid).panels if panel.title == title]
    assert any(part in target.expression for panel in found for target in panel.targets)


@pytest.mark.parametrize("uid", [path.stem for path in FILES])
def test_a_dashboard_leads_to_the_others_and_to_the_portal(uid):
    others, portal = raw(uid)["links"]
    assert (others["type"], others["tags"], raw(uid)["tags"]) == (
        "dashboards",
        ["proxmox-manager"],
        ["proxmox-manager"],
    )
    # Relative to Grafana's own base, /grafana/: an absolute path would be taken for one of Grafana's.
    assert portal["url"].startswith("../")
    assert portal["targetBlank"] is True
    assert resolve(portal["url"].removeprefix(".."))


def test_the_page_of_the_documentation_names_them_all():
    rows = re.findall(r"^\| `([\w-]+)` \| ([^|]+) \|", (BASE / "docs" / "dashboards.md").read_text(), re.M)
    assert dict(rows) == {one.uid: one.title for one in panels.dashboards()}


@pytest.mark.real
def test_promtool_parses_every_expression(tmp_path):
    values = {"cluster": 'a"b\\c', "node": "n.1+", "server": "1", "machine": "x:9100"}
    texts = [query for one in panels.dashboards() for panel in one.panels for query in panel.queries(values, 15, 3600)]
    rules = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(texts)]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run([need("promtool"), "check", "rules", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
