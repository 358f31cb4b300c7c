"""The second renderer's numbers: who gets them, what Prometheus is asked, and what its troubles become."""

import gzip
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.test import override_settings
from django.utils import translation

from monitoring.drawing import answers, asking
from monitoring.drawing.asking import Trouble
from servers.models import Server
from tests.support import seed
from tests.support.processes import free_port
from tests.support.prometheus import StandInPrometheus, matrix

pytestmark = pytest.mark.django_db
PANEL = "/admin/panels/server/1"


@pytest.fixture(autouse=True)
def _nothing_known_of_prometheus():
    asking.BREAKER.answered()
    yield
    asking.BREAKER.answered()


@pytest.fixture
def server():
    return seed.make_server(seed.make_cluster("demo"), vmid=100, name="web-01")


@pytest.fixture
def prometheus(settings):
    with StandInPrometheus() as stand_in:
        settings.PORTAL_PROMETHEUS_URL = stand_in.url
        yield stand_in


def data(address=PANEL, role="viewer", **asked):
    wanted = {"var-cluster": "demo", "var-server": "100", **asked}
    return seed.browser(role).get(f"{address}/data", wanted)


def trouble(**asked):
    return data(**asked).json()["trouble"]


@pytest.mark.parametrize(
    ("legend", "labels", "name"),
    [
        ("{{state}}", {"state": "running"}, "실행 중"),
        ("{{status}}", {"status": "unverified"}, "검증 안 됨"),
        ("{{state}}", {"state": "a new one"}, "a new one"),
        ("{{name}}", {"name": "backup"}, "backup"),
        ("{{storage}} {{node}}", {"storage": "backup", "node": "all"}, "backup all"),
    ],
)
def test_words_in_legends_are_the_readers_and_names_stay(legend, labels, name):
    with translation.override("ko"):
        assert answers.named(legend, labels, "A", alone=False) == name


@pytest.mark.parametrize("language", ["en", "ko"])
def test_what_runs_is_green_and_what_failed_is_red_in_every_language(prometheus, language):
    found = [({"state": "running"}, float), ({"state": "a new one"}, float), ({"status": "failed"}, float)]
    prometheus.answer = lambda _path, query: matrix(*found, **{name: query[name] for name in ("start", "end", "step")})
    browser = seed.browser("viewer")
    colours = [
        one["colour"]
        for panel in ("business/8", "application-metrics/10")
        for one in browser.get(f"/admin/panels/{panel}/data", headers={"accept-language": language}).json()["series"]
    ]
    assert colours == ["green", "", "", "", "", "red"]


# --- who may, and of what


def test_a_viewer_gets_the_numbers_of_a_server(server, prometheus):
    found = data().json()
    assert [one["name"] for one in found["series"]] == ["Proxmox", "Exporter", "Threshold"]
    assert [one["dashed"] for one in found["series"]] == [False, False, True]


def test_what_is_kept_is_kept_for_readers_of_its_language(server, prometheus):
    wanted = {"var-cluster": "demo", "var-server": "100"}
    assert "Threshold" in [one["name"] for one in data().json()["series"]]
    answer = seed.browser("viewer").get(f"{PANEL}/data", wanted, headers={"accept-language": "ko"})
    assert "임계값" in [one["name"] for one in answer.json()["series"]]


def test_strangers_are_sent_to_the_login(client, server, prometheus):
    assert client.get(f"{PANEL}/data").status_code == 302
    assert seed.browser(staff=False).get(f"{PANEL}/data").status_code == 302
    assert prometheus.asked == []


def test_every_member_of_staff_sees_everything_together_and_no_single_thing(server, prometheus):
    """As in Grafana, which has no finer right."""
    assert data(role="").status_code == 404
    assert prometheus.asked == []
    together = {"var-cluster": "", "var-server": ""}
    assert data("/admin/panels/system-overview/7", role="", **together).status_code == 200


def test_a_server_that_this_person_may_not_see_is_not_found(server, prometheus, monkeypatch):
    monkeypatch.setattr(Server, "allows", lambda self, action: self.name != "web-01")
    seed.make_server(server.cluster, vmid=101)
    assert data().status_code == 404
    assert data(f"/admin/panels/proxmox/{server.pk}/1").status_code == 404
    assert data(**{"var-server": "101"}).status_code == 200


@pytest.mark.parametrize(
    ("columns", "instance"),
    [
        ({"operator_address": "web-01.example.org"}, "Web-01.example.org:9100"),
        ({"agent_address": "192.0.2.7"}, "192.0.2.7:9100"),
        ({"agent_address": "2001:db8::7"}, "[2001:db8::7]:9100"),
    ],
)
def test_what_a_servers_exporter_tells_is_for_those_who_may_see_the_server(prometheus, columns, instance):
    seed.make_server(seed.make_cluster(), exporter_port=9100, **columns)
    address, others = "/admin/panels/machine/1", {"var-machine": "192.0.2.9:9100"}
    mine = {"var-machine": instance}
    assert seed.browser("viewer").get(f"{address}/data", mine).status_code == 200
    nobody = seed.browser("")
    assert nobody.get(f"{address}/data", mine).status_code == 404
    # A machine that is no server of ours is for all of the staff, as in Grafana.
    assert nobody.get(f"{address}/data", others).status_code == 200


@pytest.mark.parametrize("when", ["0001-01-01", "1900-01-01", "9999-12-31", "now-999999999y"])
def test_a_page_with_an_impossible_range_opens(server, when):
    page = f"/admin/servers/server/{server.pk}/change/"
    for address in ("/admin/dashboards/system-overview/", page):
        assert seed.browser("viewer").get(address, {"from": when, "to": when}).status_code == 200


@pytest.mark.parametrize(
    "asked",
    [
        {"var-server": "999"}, {"var-cluster": "other"}, {"var-node": "pve9"}, {"var-server": '100"} or up{a="'},
        {"var-cluster": ".*"}, {"var-server": "１００"}, {"var-server": "9" * 40},
    ],
)  # fmt: skip
def test_what_is_not_in_the_inventory_never_reaches_prometheus(server, prometheus, asked):
    assert data(**asked).status_code == 404
    assert prometheus.asked == []


@pytest.mark.parametrize("address", ["/admin/panels/server/99", "/admin/panels/nothing/1", "/admin/panels/proxmox/9/1"])
def test_only_panels_of_the_catalogue_are_drawn(server, prometheus, address):
    assert data(address).status_code == 404


def test_nothing_else_of_the_request_reaches_the_query(server, prometheus):
    data(query="up", expr="up", step="1", **{"var-job": '"} or up{'})
    assert all('cluster="demo"' in one["query"] or "portal_alert_threshold" in one["query"] for one in prometheus.asked)
    assert not any("or up{" in one["query"] for one in prometheus.asked)


def test_a_name_full_of_signs_stays_a_name(prometheus):
    cluster = seed.make_cluster('a"} or vector(1) #\\')
    seed.make_server(cluster, vmid=100)
    assert data(**{"var-cluster": cluster.name}).status_code == 200
    assert 'cluster="a\\"} or vector(1) #\\\\"' in prometheus.asked[0]["query"]


def test_a_panel_of_one_thing_asks_to_choose_it(server, prometheus):
    assert trouble(**{"var-server": ""})["kind"] == "choose"


# --- what is asked


def test_a_panel_is_asked_for_once_while_nothing_new_can_be_there(server, prometheus):
    data()
    asked = len(prometheus.asked)
    data()
    assert (asked, len(prometheus.asked)) == (3, 3)


def test_the_questions_of_a_panel_go_over_one_connection_and_one_that_broke_off_breaks_no_other(server, prometheus):
    data()
    assert len(prometheus.asked) == 3
    assert len({one["over"] for one in prometheus.asked}) == 1
    prometheus.answer = lambda _path, _query: (500, b"")
    assert trouble(**{"from": "now-1h"})["kind"] == "odd"
    prometheus.answer = prometheus.level
    asking.BREAKER.answered()
    assert data(**{"from": "now-1h"}).json()["series"]


def test_gaps_stay_gaps_and_infinity_is_one(server, prometheus):
    values = {0: 1.5, 1: None, 2: float("inf"), 3: float("nan"), 4: 2}
    prometheus.answer = lambda _path, query: matrix(
        ({}, lambda at: values[(at // 60) % 5]), **{name: query[name] for name in ("start", "end", "step")}
    )
    series = data().json()["series"][0]["values"]
    start = int(prometheus.asked[0]["start"]) // 60 % 5
    assert series[(5 - start) % 5 :][:5] == [1.5, None, None, None, 2]


def test_of_very_many_series_the_highest_are_drawn_and_it_is_said(server, prometheus):
    prometheus.answer = lambda _path, query: matrix(
        *(({"name": str(number)}, lambda _at, number=number: number) for number in range(90)),
        **{name: query[name] for name in ("start", "end", "step")},
    )
    found = data().json()
    assert len(found["series"]) == 40
    assert min(one["values"][0] for one in found["series"]) > 50
    assert "40 of 270" in found["words"][0]


def test_a_bounded_range_is_told_with_the_numbers(server, prometheus):
    assert "400 days" in data(**{"from": "now-10y"}).json()["words"][0]


def test_the_answer_is_packed_for_whoever_unpacks(server, prometheus):
    browser = seed.browser("viewer")
    answer = browser.get(
        f"{PANEL}/data", {"var-cluster": "demo", "var-server": "100"}, headers={"Accept-Encoding": "gzip"}
    )
    assert json.loads(gzip.decompress(answer.content))["series"]
    assert len(answer.content) < 5000


def test_the_file_has_the_times_and_no_formula(server, prometheus):
    seed.make_server(server.cluster, vmid=101)
    answer = seed.browser("viewer").get(f"{PANEL}/csv", {"var-cluster": "demo", "var-server": "100"})
    head, first, *_ = answer.content.decode("utf-8-sig").splitlines()
    assert head == "time,Proxmox (percent),Exporter (percent),Threshold (percent)"
    assert first.split(",")[0].endswith("+00:00")
    assert ".csv" in answer["Content-Disposition"]


# --- Prometheus is not well


def test_one_that_was_named_and_is_not_there_is_no_invitation_to_install_one(server, settings):
    settings.STACK_GIVEN = frozenset({"PORTAL_PROMETHEUS_URL"})
    settings.PORTAL_PROMETHEUS_URL = "http://no.such.host.invalid:9090"
    found = trouble()
    assert found["kind"] == "away"
    assert found["sentence"].endswith("no.such.host.invalid:9090: its host name cannot be resolved.")
    assert "install" not in found["hint"]


def test_a_trouble_is_of_the_same_kind_in_every_language(server, settings):
    settings.STACK_GIVEN = frozenset({"PORTAL_PROMETHEUS_URL"})
    settings.PORTAL_PROMETHEUS_URL = f"http://127.0.0.1:{free_port()}"
    wanted = {"var-cluster": "demo", "var-server": "100"}
    answer = seed.browser("viewer").get(f"{PANEL}/data", wanted, headers={"accept-language": "ko"})
    assert answer.json()["trouble"]["kind"] == "away"
    assert "연결 거부" in answer.json()["trouble"]["sentence"]
    assert trouble()["sentence"].startswith("Prometheus does not answer"), "what is known is told in each language"


def test_nothing_listens_there(server, settings):
    settings.STACK_GIVEN = frozenset()
    settings.PORTAL_PROMETHEUS_URL = f"http://127.0.0.1:{free_port()}"
    found = trouble()
    assert found["kind"] == "absent"
    assert "bin/up --install-monitoring" in found["hint"]


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ((401, b"no"), "token", "PORTAL_PROMETHEUS_TOKEN"),
        ((404, b"<html>not here</html>"), "odd", "PORTAL_PROMETHEUS_URL"),
        ((200, b"<html>a login page</html>"), "odd", "PORTAL_PROMETHEUS_URL"),
        ((200, b"[" * 100_000), "odd", "PORTAL_PROMETHEUS_URL"),
        ((200, b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":1}]}}'), "odd", "URL"),
        ((200, b"x" * 10 * 2**20), "large", "shorter range"),
        ((422, b'{"status":"error","error":"too many samples"}'), "said", "too many samples"),
    ],
)
def test_each_trouble_is_told_by_its_name(server, prometheus, answer, kind, words):
    prometheus.answer = lambda _path, _query: answer
    found = trouble()
    assert found["kind"] == kind
    assert words in found["sentence"] + found["hint"]


def test_no_secret_of_the_address_is_shown(server, settings):
    settings.PORTAL_PROMETHEUS_URL = f"http://me:secret@127.0.0.1:{free_port()}/prom"
    assert "secret" not in json.dumps(trouble())


def test_the_token_is_sent(server, prometheus, settings):
    settings.PORTAL_PROMETHEUS_TOKEN = "right"
    data()
    assert prometheus.asked[0]["headers"]["Authorization"] == "Bearer right"


def test_a_dead_prometheus_is_asked_once_and_again_when_the_pause_is_over(server, prometheus, monkeypatch):
    prometheus.answer = lambda _path, _query: (500, b"broken")
    for _time in range(5):
        assert trouble()["kind"] == "odd"
    assert len(prometheus.asked) == 1
    prometheus.answer = StandInPrometheus.level
    monkeypatch.setattr(asking.BREAKER, "until", 0.0)
    assert data().json()["series"]


def test_a_slow_prometheus_holds_few_up_and_those_shortly(server, prometheus, monkeypatch):
    """Twelve ask at once; each asking lasts a second at most, then everybody knows."""
    monkeypatch.setattr(asking, "SECONDS", 1.0)
    prometheus.delay = 30

    def ask(_number):
        try:
            with asking.turn() as asked:
                asking.ask(asked, "query", query="1")
        except Trouble as found:
            return found.kind
        return ""

    with ThreadPoolExecutor(12) as people:
        found = list(people.map(ask, range(12)))
    assert set(found) <= {"slow", "busy"}
    assert len(prometheus.asked) <= 2 * (asking.AT_ONCE + asking.IN_LINE)  # each also asked whether it lives
    monkeypatch.setattr(asking.BREAKER, "until", time.monotonic() + 60)  # a busy machine may have used the pause up
    before = len(prometheus.asked)
    assert ask(0) == "slow"
    assert len(prometheus.asked) == before, "what is known costs no question"


def test_one_slow_answer_is_not_yet_a_dead_prometheus(server, prometheus, monkeypatch):
    monkeypatch.setattr(asking, "SECONDS", 0.3)
    prometheus.delay = 2
    assert trouble()["kind"] == "slow"
    prometheus.delay = 0
    monkeypatch.setattr(asking, "SECONDS", 6.0)
    assert data().json()["series"]


def test_the_page_of_one_panel_opens_whatever_prometheus_does(server, prometheus):
    prometheus.delay = 30
    started = time.monotonic()
    answer = seed.browser("viewer").get(f"{PANEL}/", {"var-cluster": "demo", "var-server": "100"})
    assert answer.status_code == 200
    assert b"data-panels" in answer.content
    assert time.monotonic() - started < 25
    assert prometheus.asked == []


def test_the_numbers_need_no_redis(server, prometheus):
    gone = {"default": {"BACKEND": "portal.lib.cache.RedisCache", "LOCATION": "redis://127.0.0.1:1/1"}}
    with override_settings(CACHES=gone):
        assert data().json()["series"]
