"""The pages with dashboards and panels: Grafana's frames or the portal's drawing, and what their address may say."""

import os
import re
import subprocess
import sys
from datetime import timedelta
from html import unescape

import pytest
import time_machine

from monitoring import panels
from monitoring.panels import dashboards, panels_of
from portal.lib import clock
from tests.support import seed
from tests.support.grafana import StandInGrafana, shipped
from tests.support.processes import free_port

pytestmark = pytest.mark.django_db
MAIN = ("system-overview", "application-metrics", "business", "infrastructure")
SILENT = "Grafana does not answer: drawn by the portal."


@pytest.fixture
def grafana(settings):
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.STACK_GIVEN = frozenset({"PORTAL_GRAFANA_URL"})
    with StandInGrafana(dashboards=shipped()) as there:
        settings.PORTAL_GRAFANA_URL = there.root
        yield there


@pytest.fixture
def nobody(settings):
    settings.STACK_GIVEN = frozenset({"PORTAL_GRAFANA_URL"})
    settings.PORTAL_GRAFANA_URL = f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def ada(client):
    user = seed.make_user("viewer", name="ada")
    client.force_login(user)
    return user


@pytest.fixture
def things():
    """A cluster, a node and a server, with names that addresses have to spell."""
    cluster = seed.make_cluster("한국 & co")
    node = seed.make_node(cluster, name="pve1")
    return cluster, node, seed.make_server(cluster, node=node, name="web 01", vmid=101)


def pages(things):
    cluster, node, server = things
    return {
        "cluster": f"/admin/servers/cluster/{cluster.pk}/change/",
        "node": f"/admin/servers/node/{node.pk}/change/",
        "server": f"/admin/servers/server/{server.pk}/change/",
    }


def frames(answer):
    """The addresses of the frames of a page, as the browser completes them."""
    found = [unescape(one) for one in re.findall(r'data-frame="([^"]+)"', answer.text)]
    return [f"{one}&from=now-6h&to=now&theme=dark" for one in found]


# --- which renderer --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("uid", MAIN)
def test_a_dashboard_is_one_frame_that_grafana_understands(grafana, client, ada, uid):
    (frame,) = frames(client.get(f"/admin/dashboards/{uid}/"))
    assert frame.startswith(f"/grafana/d/{uid}/")
    assert "&kiosk&" in frame
    answer = client.get(frame)
    assert answer.status_code == 200, b"".join(answer.streaming_content)


@pytest.mark.parametrize("thing", ["server", "node", "cluster"])
def test_a_thing_has_at_most_six_frames_that_grafana_understands(grafana, client, ada, things, thing):
    found = frames(client.get(pages(things)[thing]))
    assert 0 < len(found) == len(panels_of(thing)) <= 6
    for frame in found:
        assert "&var-cluster=%ED%95%9C%EA%B5%AD%20%26%20co&" in frame
        answer = client.get(frame)
        assert answer.status_code == 200, b"".join(answer.streaming_content)


@pytest.mark.parametrize(
    ("version", "style", "new_ids"),
    [("12.4.0", "auto", True), ("11.3.0", "auto", True), ("11.2.9", "auto", False), ("7.5.0", "auto", False),
     ("12.4.0", "number", False), ("7.5.0", "panel", True), ("", "auto", True)],
)  # fmt: skip
def test_panels_are_called_as_that_grafana_calls_them(grafana, client, ada, things, settings, version, style, new_ids):
    settings.PORTAL_GRAFANA_PANEL_ID_STYLE = style
    grafana.version, grafana.new_ids = version, new_ids
    for frame in frames(client.get(pages(things)["server"])):
        assert client.get(frame).status_code == 200


@pytest.mark.parametrize("uid", MAIN)
def test_without_grafana_the_portal_draws(nobody, client, ada, uid):
    answer = client.get(f"/admin/dashboards/{uid}/")
    assert SILENT in answer.text
    assert frames(answer) == []
    assert "data-panels" in answer.text


@pytest.mark.parametrize("thing", ["server", "node", "cluster"])
def test_without_grafana_the_portal_draws_on_the_page_of_a_thing(nobody, client, ada, things, thing):
    answer = client.get(pages(things)[thing])
    assert SILENT in answer.text
    assert "data-panels" in answer.text


def test_a_grafana_that_hangs_holds_one_page_up_for_two_seconds_and_no_other(grafana, client, ada, monkeypatch):
    monkeypatch.setattr("monitoring.grafana.health.SECONDS", 0.3)
    grafana.delay = 3
    assert SILENT in client.get("/admin/dashboards/business/").text
    assert SILENT in client.get("/admin/dashboards/business/").text
    assert len(grafana.seen) == 1


@pytest.mark.parametrize("answer", [(200, {}, b"<html>"), (200, {}, b"[]"), (200, {}, b'{"database": "failing"}')])
def test_what_is_no_healthy_grafana_is_not_embedded(grafana, client, ada, answer):
    grafana.answers["/api/health"] = answer
    assert SILENT in client.get("/admin/dashboards/business/").text


def test_a_grafana_without_our_dashboards_is_not_embedded(grafana, client, ada):
    grafana.dashboards = {}
    assert "does not know these panels" in client.get("/admin/dashboards/business/").text


def test_a_grafana_that_does_not_believe_us_is_not_embedded(grafana, client, ada, tmp_path):
    (tmp_path / "jwks.json").write_text('{"keys": []}')
    grafana.jwks = tmp_path / "jwks.json"
    assert "does not believe the portal" in client.get("/admin/dashboards/business/").text


def test_without_a_key_to_sign_with_the_line_says_so(grafana, client, ada, settings, tmp_path):
    settings.PORTAL_DATA, settings.PORTAL_GRAFANA_IDENTITY = tmp_path, "jwt"
    assert "manage.py grafana_key" in client.get("/admin/dashboards/business/").text


def test_where_nobody_named_a_grafana_none_is_missed(nobody, client, ada, settings):
    settings.STACK_GIVEN = frozenset()
    page = client.get("/admin/dashboards/business/").text
    assert "Drawn by the portal." in page
    assert SILENT not in page
    assert "Show in Grafana" not in page


def test_somebody_may_ask_for_the_portals_drawing_and_go_back(grafana, client, ada, things):
    for address in ("/admin/dashboards/infrastructure/?var-cluster=한국+%26+co&from=now-1h", pages(things)["server"]):
        framed = client.get(address).text
        (wished,) = re.findall(r'href="([^"]+)" data-ranged><span[^>]*>query_stats', framed)
        assert "from=" not in wished
        drawn = client.get(address.partition("?")[0] + unescape(wished)).text
        assert "Drawn by the portal." in drawn
        (back,) = re.findall(r'href="([^"]+)" data-ranged><span[^>]*>frame_inspect', drawn)
        assert "data-frame=" in client.get(address.partition("?")[0] + unescape(back)).text


def test_the_portals_drawing_for_one_look_is_taken_along_nowhere(grafana, client, ada):
    page = client.get("/admin/dashboards/business/?renderer=away").text
    assert SILENT in page
    assert "renderer" not in page
    assert grafana.seen == []


def test_a_verdict_outlives_no_other_one(grafana, client, ada):
    with time_machine.travel(clock.now(), tick=False) as now:
        assert frames(client.get("/admin/dashboards/business/"))
        grafana.dashboards = {}
        now.shift(4)
        assert "does not know" in client.get("/admin/dashboards/infrastructure/").text
        now.shift(4)
        assert "does not know" in client.get("/admin/dashboards/business/").text


def test_what_grafana_does_not_show_to_one_is_no_verdict_for_another(grafana, client, ada, monkeypatch):
    grafana.dashboards = {}
    assert "does not know" in client.get("/admin/dashboards/business/").text
    grafana.dashboards = shipped()
    client.force_login(seed.make_user("viewer", name="bob"))
    assert frames(client.get("/admin/dashboards/business/"))


def test_a_link_is_as_the_grafana_of_today_wants_it_long_after_it_was_asked(grafana, client, ada, things):
    grafana.version, grafana.new_ids = "10.4.0", False
    client.get("/admin/dashboards/business/")
    with time_machine.travel(clock.now() + timedelta(hours=3)):
        page = client.get("/admin/panels/business/1/").text
    assert "viewPanel=1" in page
    assert "viewPanel=panel-1" not in page


def test_a_grafana_that_hangs_keeps_nobody_waiting_who_comes_later(grafana, client, ada, monkeypatch):
    monkeypatch.setattr("monitoring.grafana.health.SECONDS", 0.3)
    monkeypatch.setattr("monitoring.grafana.proxy.ANSWER_SECONDS", 0.3)
    grafana.delay = 3
    assert client.get("/grafana/d/business/x").status_code == 502
    asked = len(grafana.seen)
    assert "a moment ago" in client.get("/grafana/d/business/x").content.decode()
    assert SILENT in client.get("/admin/dashboards/business/").text
    assert len(grafana.seen) == asked


def test_a_grafana_elsewhere_is_framed_there(grafana, client, ada, settings):
    settings.PORTAL_GRAFANA_PROXIED = False
    settings.PORTAL_GRAFANA_PUBLIC_URL = "https://grafana.example.org/sub"
    (frame,) = frames(client.get("/admin/dashboards/business/"))
    assert frame.startswith("https://grafana.example.org/sub/d/business/business?orgId=1")
    assert "X-WEBAUTH-USER" not in grafana.seen[-1].headers


def test_the_policy_of_pages_allows_frames_of_that_grafana_and_of_no_other():
    program = (
        "import django; django.setup(); from django.test import Client; "
        "print(Client().get('/healthz', headers={'host': 'localhost'})['Content-Security-Policy'])"
    )
    env = {**os.environ, "PORTAL_GRAFANA_PUBLIC_URL": "https://grafana.example.org/sub"}
    env["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    found = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    assert "frame-src 'self' https://grafana.example.org;" in found.stdout.strip() + ";"


# --- what the address says -------------------------------------------------------------------------------------------
def test_range_and_refresh_stay_in_the_address_and_go_along_to_the_next_dashboard(nobody, client, ada):
    text = client.get("/admin/dashboards/business/?from=now-24h&to=now&refresh=1m").text
    assert 'data-from="now-24h" data-to="now" data-refresh-wanted="1m"' in text
    assert '/admin/dashboards/infrastructure/?from=now-24h&amp;to=now&amp;refresh=1m"' in text


RANGES = (
    ("from=now-10y&to=now", "longer than can be drawn"),
    ("from=now&to=now-1h", "ended before it began"),
    ("from=now-1h&to=now-2h", "ended before it began"),
    ("from=rubbish&to=now", "is no time"),
    ("from=now-1h&to=9999999999999", "future"),
    ("from=%3Cscript%3E&to=now", "is no time"),
)


@pytest.mark.parametrize(("query", "word"), RANGES)
def test_a_range_that_cannot_be_shown_is_bounded_with_a_word(grafana, client, ada, query, word):
    answer = client.get(f"/admin/dashboards/business/?{query}")
    assert answer.status_code == 200
    assert word in answer.text
    start, end = re.search(r'data-range-bar data-from="([^"]+)" data-to="([^"]+)"', answer.text).groups()
    assert start.isdigit()
    assert end == "now" or int(end) > int(start)


@pytest.mark.parametrize("refresh", ["1ms", "-5s", "0", "%3Cx%3E"])
def test_a_refresh_that_nobody_offers_is_the_usual_one(nobody, client, ada, refresh):
    text = client.get(f"/admin/dashboards/infrastructure/?refresh={refresh}").text
    assert 'data-refresh-wanted="30s"' in text


def test_a_dashboard_that_is_not_shipped_is_not_found(grafana, client, ada):
    assert client.get("/admin/dashboards/passwords/").status_code == 404
    assert grafana.seen == []


HIDDEN = ("infrastructure/?var-cluster=elsewhere", "infrastructure/?var-node=nowhere", "server/?var-server=999")


@pytest.mark.parametrize("address", HIDDEN)
def test_a_thing_that_is_not_there_is_not_found(grafana, client, ada, things, address):
    assert client.get(f"/admin/dashboards/{address}").status_code == 404
    assert grafana.seen == []


def test_a_thing_that_one_may_not_see_is_not_found(grafana, client, things):
    client.force_login(seed.make_user())
    assert client.get("/admin/dashboards/server/?var-cluster=한국+%26+co&var-server=101").status_code == 404
    assert client.get(pages(things)["server"]).status_code in {302, 403, 404}
    assert grafana.seen == []


def test_a_chosen_thing_reaches_the_frame_and_nothing_else_of_the_request_does(grafana, client, ada, things):
    query = "var-cluster=한국+%26+co&var-evil=1&panelId=9&orgId=2&uid=x&theme=x"
    (frame,) = frames(client.get(f"/admin/dashboards/infrastructure/?{query}"))
    assert "&var-cluster=%ED%95%9C%EA%B5%AD%20%26%20co&" in frame
    assert "evil" not in frame
    assert "panelId" not in frame
    assert "orgId=1&" in frame


def test_a_server_is_chosen_by_its_name_where_several_are_shown(grafana, client, ada, things):
    (frame,) = frames(client.get("/admin/dashboards/infrastructure/?var-server=web+01"))
    assert "&var-server=web%2001&" in frame
    assert client.get("/admin/dashboards/infrastructure/?var-server=web+02").status_code == 404


def test_the_bar_offers_what_there_is(nobody, client, ada, things):
    text = client.get("/admin/dashboards/infrastructure/").text
    assert '<option value="한국 &amp; co">' in text
    assert '<option value="pve1">' in text


# --- where it is found -----------------------------------------------------------------------------------------------
def test_every_member_of_staff_finds_the_dashboards(nobody, client):
    client.force_login(seed.make_user())
    assert 'href="/admin/dashboards/"' in client.get("/admin/", follow=True).text
    answer = client.get("/admin/dashboards/", follow=True)
    assert answer.redirect_chain == [(f"/admin/dashboards/{dashboards()[0].uid}/", 302)]
    assert answer.status_code == 200


def test_nobody_else_does(client):
    for address in ("/admin/dashboards/", "/admin/dashboards/business/"):
        assert client.get(address)["Location"].startswith("/admin/login/")
    client.force_login(seed.make_user(staff=False))
    assert client.get("/admin/dashboards/business/").status_code == 302


def test_the_number_of_queries_is_the_same_for_few_servers_and_for_many(
    nobody, client, ada, django_assert_max_num_queries
):
    for count in (3, 40):
        seed.many_servers(count)
        client.get("/admin/dashboards/infrastructure/")
        with django_assert_max_num_queries(14):
            client.get("/admin/dashboards/infrastructure/")


def test_only_those_that_show_everything_are_tabs(nobody, client, ada):
    text = client.get("/admin/dashboards/business/").text
    tabs = re.findall(r'class="pm-chip[^"]*" href="/admin/dashboards/([\w-]+)/', text)
    assert tabs == [one.uid for one in panels.dashboards() if one.uid in MAIN]
