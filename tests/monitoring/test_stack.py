"""The judgement of the stack, its page, and what neither may be brought to its knees by."""

import json
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.core.cache import cache
from django.core.management import call_command

from monitoring import shipped, stack, stack_checks, stack_facts
from monitoring.prometheus import Answer, Peer, PeerError, Prometheus
from monitoring.stack_tables import retention_of, rule_use, targets_of
from monitoring.stack_verdicts import State
from tests.support import seed
from tests.support.grafana import StandInGrafana
from tests.support.grafana import shipped as shipped_dashboards
from tests.support.processes import free_port

URL = "/admin/monitoring/review/stack/"


def facts(**other):
    """A stack that is well, with these answers different."""
    rules = [
        {
            "name": name,
            "type": "alerting" if kind == "alert" else "recording",
            "health": "ok",
            "state": "inactive",
            "query": shipped.expressions()[name],
        }
        for name, kind in shipped.rules().items()
    ]
    found = {
        "healthy": "ok", "ready": Answer(200, b""), "build": {"version": "2.42"},
        "runtime": {"reloadConfigSuccess": True, "storageRetention": "30d or 10GiB"}, "flags": {},
        "targets": {"activeTargets": [target("proxmox-manager", "portal:8000"), target("node-exporter", "host:9100")]},
        "rules": {"groups": [{"interval": 15, "rules": rules}]}, "week": [], "day": [],
        "alertmanagers": {"activeAlertmanagers": [{"url": "http://a:9093/api/v2/alerts"}]},
        "samples": [({"job": "node-exporter", "instance": "host:9100"}, 500.0)],
        "alertmanager": "ok", "alertmanager_status": {"versionInfo": {"version": "0.25"}},
        "grafana": {"database": "ok", "version": "11"}, "node": 460, "own": 1000,
        "dashboards": {"found": [{"uid": uid} for uid in shipped.dashboards()]},
    }  # fmt: skip
    return stack_facts.Facts({**found, **other}, frozenset({"PORTAL_GRAFANA_URL"}), 0.1, {"grafana": "http://g"})


def target(job, instance, health="up", error=""):
    labels = {"job": job, "instance": instance}
    return {"labels": labels, "health": health, "lastError": error}


def verdict(name, **other):
    return next(check for check in stack_checks.judge(facts(**other)) if check.name == name)


def test_a_stack_that_is_well_has_nothing_to_complain_about():
    wrong = [check for check in stack_checks.judge(facts()) if check.state not in {State.OK, State.ABSENT}]
    assert wrong == []


@pytest.mark.parametrize(
    ("name", "answer", "state", "words"),
    [
        ("prometheus", {"ready": Answer(503, b"")}, "warning", "not ready yet"),
        ("configuration", {"runtime": {"reloadConfigSuccess": False}}, "failed", "promtool check config"),
        ("targets", {"targets": {"activeTargets": []}}, "failed", "does not scrape the portal"),
        ("targets", {"targets": {"activeTargets": [target("proxmox-manager", "p", "down")]}}, "failed", "cannot"),
        ("targets", {"targets": {"activeTargets": [target("proxmox-manager", "p"), target("x", "y", "down")]}},
         "warning", "1 of 2"),
        ("rules", {"rules": {"groups": []}}, "failed", "Not loaded"),
        ("retention", {"runtime": {"storageRetention": "15d"}}, "warning", "retention.time=30d"),
        ("retention", {"runtime": {}}, "warning", "does not say"),
        ("alertmanagers", {"alertmanagers": {"activeAlertmanagers": []}}, "failed", "told to nobody"),
        ("noise", {"day": [({"alertname": "HighCPUUsage"}, 5000.0)]}, "warning", "HighCPUUsage (87%)"),
        ("grafana", {"grafana": {"database": "failing"}}, "failed", "not well"),
        ("grafana", {"grafana": PeerError("refused", absent=True)}, "failed", "PORTAL_GRAFANA_URL"),
        ("alertmanager", {"alertmanager": PeerError("refused", absent=True)}, "not installed", "PORTAL_ALERT"),
        ("node_exporter", {"node": 0}, "failed", "without a single"),
        ("node_samples", {"samples": []}, "warning", "host:9100"),
        ("portal", {"own": PeerError("status 400")}, "failed", "PORTAL_METRICS_URL"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_what_to_do(name, answer, state, words):
    found = verdict(name, **answer)
    assert found.state == state
    assert words in found.sentence


def test_a_rule_that_cannot_be_evaluated_is_named():
    rules = {"groups": [{"rules": [{"name": name, "health": "err"} for name in shipped.rules()]}]}
    assert "cannot be evaluated" in verdict("rules", rules=rules).sentence


def test_a_rule_that_asks_something_else_than_the_shipped_one_is_named():
    rows = [dict(row) for row in facts().rows("rules", "groups")[0]["rules"]]
    rows[0]["query"] = "vector(0) == 1"
    found = verdict("rules", rules={"groups": [{"rules": rows}]})
    assert (found.state, rows[0]["name"] in found.sentence) == (State.FAILED, True)


def test_a_rule_of_ones_own_is_no_trouble():
    rows = [*facts().rows("rules", "groups")[0]["rules"], {"name": "Mine", "health": "ok"}]
    found = verdict("rules", rules={"groups": [{"rules": rows}]})
    assert (found.state, "Mine" in found.sentence) == (State.OK, True)


def test_a_dashboard_with_other_panels_than_the_shipped_ones_is_told():
    ours = shipped_dashboards()
    changed = {**ours, "business": {**ours["business"], "panels": ours["business"]["panels"][1:]}}
    for dashboards, words in ((ours, "as shipped"), (changed, "Not as shipped: Business")):
        with StandInGrafana(token="right", dashboards=dashboards) as grafana:
            facts = stack_facts._dashboards(Peer("Grafana", grafana.root, "right"))
        assert words in verdict("dashboards", dashboards=facts).sentence


def test_dashboards_are_compared_by_their_uid(monkeypatch):
    monkeypatch.setattr(shipped, "dashboards", lambda: {"one": "System Overview", "two": "Business"})
    found = verdict("dashboards", dashboards={"found": [{"uid": "one"}, "rubbish", {"uid": None}]})
    assert (found.state, found.sentence.startswith("Not provisioned: Business")) == (State.FAILED, True)
    assert "PORTAL_GRAFANA_TOKEN" in verdict("dashboards", dashboards=PeerError("no", status=401)).sentence


def test_without_prometheus_nothing_of_it_has_failed():
    gone = dict.fromkeys(("healthy", "ready", "build", "runtime", "targets", "rules", "week", "day", "samples",
                          "alertmanagers", "flags"), PeerError("refused", absent=True))  # fmt: skip
    states = {check.name: check.state for check in stack_checks.judge(facts(**gone))}
    assert {states[name] for name in ("prometheus", "targets", "rules", "noise", "node_samples")} == {State.ABSENT}


RUBBISH = [
    *(None, [], {}, "text", 3),
    {"activeTargets": [None, 3, {"labels": 3}]},
    {"groups": [None, {"rules": [None, {}]}, {"rules": 3, "interval": "x"}]},
]


@pytest.mark.parametrize("rubbish", RUBBISH)
def test_answers_of_any_shape_are_judged(rubbish):
    names = [name for name in facts().found if name not in {"ready", "node", "own"}]
    for name in names:
        broken = facts(**{name: rubbish})
        stack_checks.judge(broken)
        targets_of(broken)
        rule_use(broken)


@pytest.mark.parametrize(
    ("text", "days", "size"),
    [
        ("30d or 10GiB", 30, 10 * 2**30),
        ("15d", 15, None),
        ("4w2d", 30, None),
        ("512MiB", None, 512 * 2**20),
        ("", None, None),
    ],
)
def test_prometheus_words_for_its_retention_are_understood(text, days, size):
    assert retention_of(text) == (days, size)


def test_targets_that_are_down_come_first_with_what_to_do():
    rows = {"activeTargets": [target("a", "1"), target("b", "2", "down", "dial tcp: connect: connection refused")]}
    first = targets_of(facts(targets=rows))[0]
    assert (first.instance, "start the exporter" in first.hint) == ("2", True)


# --- the client ----------------------------------------------------------------------------------------------------
@contextmanager
def serving(body=b"", status=200, drip=0.0, endless=False):
    """An HTTP server that answers everything with that."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            try:
                self.wfile.write(body)
                until = time.monotonic() + 20
                while (drip or endless) and time.monotonic() < until:
                    self.wfile.write(b"x" * (2**20 if endless else 1))
                    time.sleep(drip)
            except OSError:
                return  # the client had enough of it

        def log_message(self, *args):
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "answer",
    [b"", b"<html>login</html>", b"null", b"[]", b"[" * 100_000, b"\xff\xfe", b'{"status":"success","data":3}'],
)
def test_rubbish_is_a_sentence(answer):
    with serving(answer) as url, pytest.raises(PeerError, match="something else than its API"):
        Prometheus("Prometheus", url).api("targets")


@pytest.mark.parametrize("answer", [b'{"status":"success","data":{"result":[[1]]}}', b'{"status":"success","data":{}}'])
def test_a_query_that_is_answered_with_rubbish_is_a_sentence(answer):
    with serving(answer) as url, pytest.raises(PeerError, match="to a query is none"):
        Prometheus("Prometheus", url).query("up")


def test_prometheus_own_words_are_told():
    body = b'{"status":"error","errorType":"unavailable","error":"admin APIs disabled"}'
    with serving(body, status=503) as url, pytest.raises(PeerError, match="admin APIs disabled"):
        Prometheus("Prometheus", url).api("x")


def test_an_endless_answer_ends():
    with serving(endless=True) as url, pytest.raises(PeerError, match="too large"):
        Peer("it", url, seconds=20).text("/")


def test_an_answer_that_drips_ends():
    started = time.monotonic()
    with serving(b"a", drip=0.05) as url, pytest.raises(PeerError, match="in time"):
        Peer("it", url, seconds=0.4).text("/")
    assert time.monotonic() - started < 15


def test_a_token_that_is_refused_is_a_sentence_without_the_address():
    with serving(status=401) as url, pytest.raises(PeerError, match="asks for a token") as found:
        Peer("it", url, token="secret").json("/")
    assert url not in str(found.value)
    assert "secret" not in str(found.value)


def test_samples_are_counted_without_comments():
    with serving(b'# HELP node_a b\nnode_a 1\nnode_b{x="y"} 2\nother 3\n') as url:
        assert stack_facts.count_samples(Peer("it", url), "/metrics", b"node_") == 2
        assert stack_facts.count_samples(Peer("it", url), "/metrics", b"") == 3


# --- the page and the command --------------------------------------------------------------------------------------
@pytest.fixture
def nowhere(settings):
    """Nothing is installed."""
    cache.clear()
    url = f"http://127.0.0.1:{free_port()}"
    for name in ("PROMETHEUS", "ALERTMANAGER", "GRAFANA", "NODE_EXPORTER", "METRICS"):
        setattr(settings, f"PORTAL_{name}_URL", url)
    settings.STACK_GIVEN = frozenset()
    return url


@pytest.mark.django_db
def test_the_page_opens_at_once_and_asks_afterwards(nowhere):
    client = seed.browser("viewer")
    page = client.get(URL).content.decode()
    assert 'data-now="yes"' in page
    assert f'data-refresh="{URL}live/"' in page
    found = client.get(f"{URL}live/").content.decode()
    assert "not installed" in found
    assert nowhere in found
    assert 'data-now="yes"' not in client.get(URL).content.decode()


@pytest.mark.django_db
def test_a_program_that_never_answers_holds_nobody_up(nowhere, settings):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.PORTAL_PROMETHEUS_URL = f"http://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        found = {check.name: check for check in stack.look().checks}
        assert time.monotonic() - started < 30
    assert found["prometheus"].state == State.FAILED
    assert "in time" in found["prometheus"].sentence


@pytest.mark.django_db
def test_ten_people_ask_no_more_than_one(nowhere, monkeypatch):
    asked = []
    monkeypatch.setattr(stack_facts, "gather", lambda: asked.append(1) or facts())
    client = seed.browser("viewer")
    for _ in range(10):
        assert client.get(f"{URL}live/").status_code == 200
    assert len(asked) == 1


@pytest.mark.django_db
def test_what_programs_say_is_no_html(nowhere, monkeypatch):
    evil = "<script>alert(1)</script>"
    rows = {"activeTargets": [target("proxmox-manager", evil, "down", evil)]}
    monkeypatch.setattr(stack_facts, "gather", lambda: facts(targets=rows, build={"version": evil}))
    assert evil not in seed.browser("viewer").get(f"{URL}live/").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("address", [URL, f"{URL}live/", "/admin/monitoring/review/help/"])
def test_the_pages_are_for_people_with_the_right(nowhere, client, address):
    assert client.get(address).status_code == 302
    assert seed.browser("").get(address).status_code == 403
    assert seed.browser("viewer").get(address).status_code == 200


@pytest.mark.django_db
def test_the_help_page_leads_to_the_manuals(nowhere):
    page = seed.browser("viewer").get("/admin/monitoring/review/help/").content.decode()
    for place in ("prometheus.io/docs", "grafana.com/docs", "github.com/prometheus/node_exporter", "grafana/dashboards",
                  "querying/examples", "build-dashboards", "alertmanager", "community"):  # fmt: skip
        assert place in page


@pytest.mark.django_db
def test_the_command_speaks_json_and_fails_where_a_check_failed(nowhere, capsys):
    with pytest.raises(SystemExit) as ended:
        call_command("stack_check", json=True)
    assert ended.value.code == 1
    found = json.loads(capsys.readouterr().out)
    assert found["state"] == "failed"
    assert {check["name"] for check in found["checks"]} >= {"prometheus", "portal", "review"}


@pytest.mark.django_db
def test_the_command_is_content_where_only_warnings_are_left(nowhere, monkeypatch, capsys):
    monkeypatch.setattr(stack_facts, "gather", facts)
    call_command("stack_check")
    assert "warning        The weekly review is signed" in capsys.readouterr().out
