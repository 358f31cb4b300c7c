"""What a page says and offers before and around the curves: why there are none, what to choose, where Grafana is."""

import time
from datetime import timedelta

import pytest

from monitoring.drawing import asking, missing, quick, ranges
from monitoring.panels import ALL, panel
from portal.lib import clock
from servers.models import Cluster
from tests.support import seed
from tests.support.processes import free_port
from tests.support.prometheus import StandInPrometheus, matrix

pytestmark = pytest.mark.django_db
HERE = "localhost:9100"


@pytest.fixture(autouse=True)
def _nothing_known(settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": __name__}}
    from django.core.cache import cache

    cache.clear()
    asking.BREAKER.answered()
    yield
    asking.BREAKER.answered()


class Scraping(StandInPrometheus):
    """A Prometheus that has nothing to draw, and these targets: (job, instance) → whether it answers."""

    def __init__(self, targets=(), *, since=0.0, machines=(), started=""):
        super().__init__(self.told)
        self.targets, self.since, self.machines, self.started = dict(targets), since, machines, started

    def told(self, path, query):
        if path.endswith("runtimeinfo"):
            return {"status": "success", "data": {"startTime": self.started} if self.started else {}}
        if path.endswith("query_range"):
            return matrix(**{name: query[name] for name in ("start", "end", "step")})
        rows = []
        if query["query"] == "up":
            rows = [({"job": job, "instance": at}, int(up)) for (job, at), up in self.targets.items()]
        elif "lowest_timestamp" in query["query"] and self.since:
            rows = [({}, self.since)]
        elif query["query"].startswith("group by (instance)"):
            rows = [({"instance": one}, 1) for one in self.machines]
        found = [{"metric": labels, "value": [0, str(value)]} for labels, value in rows]
        return {"status": "success", "data": {"resultType": "vector", "result": found}}


def hint(settings, targets, uid="system-overview", number=7, *, since=0.0, **variables):
    with Scraping(targets, since=since) as prometheus:
        settings.PORTAL_PROMETHEUS_URL = prometheus.url
        query = panel(uid, number).queries({"cluster": "demo", "server": "100", "machine": ALL, **variables}, 60, 3600)[
            0
        ]
        return missing.hint(query, variables, ranges.read({}))


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        ({}, "has scraped nothing yet"),
        ({("prometheus", "here"): True}, "no scrape job “managed-servers”"),
        ({("node-exporter", HERE): False}, f"exporter at {HERE} does not answer"),
        ({("node-exporter", HERE): True}, ""),
    ],
)
def test_what_is_missing_is_named(settings, targets, words):
    found = hint(settings, targets)
    assert words in found
    assert bool(found) == bool(words)


def test_a_portal_that_prometheus_does_not_reach_is_named(settings):
    found = hint(settings, {("proxmox-manager", "localhost:8000"): False}, "application-metrics", 7)
    assert "from the portal at localhost:8000" in found


def test_a_machine_that_is_not_scraped_is_named(settings):
    found = hint(settings, {("node-exporter", HERE): True}, "machine", 1, machine="elsewhere:9100")
    assert "no machine “elsewhere:9100”" in found


def test_a_range_before_the_first_measurement_is_told(settings):
    later = clock.now().timestamp() + 600
    assert "has measured since" in hint(settings, {("node-exporter", HERE): True}, since=later)


def test_the_hint_comes_with_the_empty_panel(settings):
    with Scraping({("prometheus", "x"): True}) as prometheus:
        settings.PORTAL_PROMETHEUS_URL = prometheus.url
        found = seed.browser("viewer").get("/admin/panels/system-overview/7/data").json()
    assert "no scrape job" in found["hint"]


# --- a question that is too heavy


def heavy_for(seconds):
    def answer(path, query):
        if path.endswith("query_range"):
            time.sleep(seconds)
        return StandInPrometheus.level(path, query)

    return answer


def test_a_panel_with_too_many_series_is_told_alone_and_the_others_are_drawn(settings, monkeypatch):
    monkeypatch.setattr(asking, "SECONDS", 0.3)
    with StandInPrometheus(heavy_for(1.5)) as prometheus:
        settings.PORTAL_PROMETHEUS_URL = prometheus.url
        browser = seed.browser("viewer")
        for number in (7, 8, 9):
            found = browser.get(f"/admin/panels/application-metrics/{number}/data").json()
            assert found["trouble"]["kind"] == "heavy"
        assert browser.get("/admin/panels/application-metrics/1/data").json()["series"]


def test_a_query_that_prometheus_itself_gave_up_is_heavy(settings):
    body = b'{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}'
    with StandInPrometheus(lambda _path, _query: (503, body)) as prometheus:
        settings.PORTAL_PROMETHEUS_URL = prometheus.url
        found = seed.browser("viewer").get("/admin/panels/application-metrics/7/data").json()
    assert found["trouble"]["kind"] == "heavy"


# --- the bar


def test_the_machines_that_prometheus_knows_are_offered(settings, client):
    client.force_login(seed.make_user("viewer"))
    with Scraping(machines=["b:9100", "a:9100"]) as prometheus:
        settings.PORTAL_PROMETHEUS_URL = prometheus.url
        text = client.get("/admin/dashboards/system-overview/?renderer=portal&var-machine=gone:9100").text
    assert text.index('<option value="a:9100">') < text.index('<option value="b:9100">')
    assert '<option value="gone:9100" selected>' in text


def test_very_many_machines_are_typed_with_a_bounded_list_to_help(settings, client):
    client.force_login(seed.make_user("viewer"))
    with Scraping(machines=[f"m{number:04}:9100" for number in range(900)]) as prometheus:
        settings.PORTAL_PROMETHEUS_URL = prometheus.url
        text = client.get("/admin/dashboards/system-overview/?renderer=portal").text
    assert '<input name="var-machine"' in text
    assert text.count('value="m0') == 300


def test_a_prometheus_that_hangs_holds_no_page_up(settings, client):
    client.force_login(seed.make_user("viewer"))
    with StandInPrometheus(delay=30) as prometheus:
        settings.PORTAL_PROMETHEUS_URL = prometheus.url
        started = time.monotonic()
        for _time in range(3):
            text = client.get("/admin/dashboards/system-overview/?renderer=portal").text
        assert len(prometheus.asked) == 1
    assert time.monotonic() - started < 6
    assert '<input name="var-machine"' in text


@pytest.mark.parametrize(("minutes", "beginning"), [(2, "now-15m"), (60, "now-1h"), (600, "now-6h")])
def test_a_page_opens_with_a_range_in_which_there_is_something(settings, client, minutes, beginning):
    client.force_login(seed.make_user("viewer"))
    with Scraping(since=clock.now().timestamp() - 60 * minutes) as prometheus:
        settings.PORTAL_PROMETHEUS_URL = prometheus.url
        opened = client.get("/admin/dashboards/business/?renderer=portal").text
        chosen = client.get("/admin/dashboards/business/?renderer=portal&from=now-7d").text
    assert f'data-from="{beginning}"' in opened
    assert 'data-from="now-7d"' in chosen


@pytest.mark.parametrize(("minutes", "asked", "soon"), [(1, {}, True), (60, {}, False), (1, {"to": "now-1h"}, False)])
def test_what_a_young_prometheus_has_not_yet_is_looked_at_again_soon(settings, client, minutes, asked, soon):
    client.force_login(seed.make_user("viewer"))
    targets = {("node-exporter", HERE): True}
    with Scraping(targets, since=clock.now().timestamp() - 60 * minutes) as prometheus:
        settings.PORTAL_PROMETHEUS_URL = prometheus.url
        found = client.get("/admin/panels/system-overview/7/data", asked).json()
    assert found["series"] == []
    assert ("retry" in found) == soon


@pytest.mark.parametrize(("asked", "words"), [({}, "first numbers come"), ({"to": "now-1h"}, "choose a later range")])
def test_who_looks_seconds_after_the_beginning_waits_and_who_looks_before_it_goes_on(settings, client, asked, words):
    client.force_login(seed.make_user("viewer"))
    with Scraping({("node-exporter", HERE): True}, since=clock.now().timestamp() - 10) as prometheus:
        settings.PORTAL_PROMETHEUS_URL = prometheus.url
        found = client.get("/admin/panels/system-overview/7/data", asked).json()
    assert words in found["hint"]


@pytest.mark.parametrize(("minutes", "beginning", "soon"), [(1, "now-15m", True), (600, "now-6h", False)])
def test_a_prometheus_that_has_not_measured_itself_yet_is_as_young_as_it_runs(
    settings, client, minutes, beginning, soon
):
    client.force_login(seed.make_user("viewer"))
    started = (clock.now() - timedelta(minutes=minutes)).isoformat()
    with Scraping({("node-exporter", HERE): True}, started=started) as prometheus:
        settings.PORTAL_PROMETHEUS_URL = prometheus.url
        opened = client.get("/admin/dashboards/business/?renderer=portal").text
        found = client.get("/admin/panels/system-overview/7/data").json()
    assert f'data-from="{beginning}"' in opened
    assert ("retry" in found) == soon


def test_what_speaks_as_prometheus_and_does_not_tell_its_start_is_asked_on(settings):
    with Scraping({("node-exporter", HERE): True}) as prometheus:
        told = prometheus.told
        prometheus.answer = lambda path, query: (404, b"none") if path.endswith("runtimeinfo") else told(path, query)
        settings.PORTAL_PROMETHEUS_URL = prometheus.url
        assert quick.began() is None
        assert quick.targets() == [("node-exporter", HERE, True)]


# --- Grafana that is configured


def test_a_drawn_panel_leads_to_grafana_even_while_that_does_not_answer(settings, client):
    client.force_login(seed.make_user("viewer"))
    cluster: Cluster = seed.make_cluster("demo")
    settings.PORTAL_GRAFANA_URL = f"http://127.0.0.1:{free_port()}"
    settings.STACK_GIVEN = frozenset({"PORTAL_GRAFANA_URL"})
    answer = client.get(f"/admin/dashboards/infrastructure/?var-cluster={cluster.name}")
    assert "/grafana/d/infrastructure/infrastructure?orgId=1" in answer.text
    assert "var-cluster=demo\\u0026viewPanel=panel-7" in answer.text


def test_without_a_grafana_nothing_leads_there(settings, client):
    client.force_login(seed.make_user("viewer"))
    settings.STACK_GIVEN = frozenset()
    settings.PORTAL_GRAFANA_URL = f"http://127.0.0.1:{free_port()}"
    assert "viewPanel" not in client.get("/admin/dashboards/infrastructure/").text
