"""Dashboards and panels in a real browser, with the stand-in for Grafana behind the portal's own proxy."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.cache import cache
from playwright.sync_api import sync_playwright

from tests.support import seed
from tests.support.components import need
from tests.support.grafana import StandInGrafana, shipped
from tests.support.processes import BROWSER_PATIENCE, free_port

DASHBOARDS = ("system-overview", "application-metrics", "business", "infrastructure")
pytestmark = [pytest.mark.real, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def grafana(settings):
    with StandInGrafana(dashboards=shipped()) as there:
        settings.PORTAL_GRAFANA_URL = there.root
        yield there


@pytest.fixture(scope="module")
def browser():
    """One for all tests of this file: starting it takes longer than most of them."""
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as player:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright's loop runs in the thread of the tests
        browser = player.chromium.launch(
            executable_path=need("chromium"), args=["--no-sandbox", "--disable-gpu"], timeout=BROWSER_PATIENCE
        )
        yield browser
        browser.close()


@pytest.fixture
def page(live_server, settings, grafana, browser, client):
    """A logged-in page; what its console complains about is in ``page.complaints``."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    cache.clear()  # what the test before saw of its Grafana
    settings.PORTAL_PROMETHEUS_URL = f"http://127.0.0.1:{free_port()}"
    client.force_login(seed.make_user(name="ada", superuser=True))
    context = browser.new_context(color_scheme="light", base_url=live_server.url)
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    context.set_default_timeout(BROWSER_PATIENCE)
    page = context.new_page()
    page.complaints = []
    page.on("console", lambda told: page.complaints.append(told.text) if told.type == "error" else None)
    yield page
    context.close()


def frame(page, holding="/grafana/"):
    """The address of the frame that has arrived and holds that."""
    found = page.wait_for_selector(f".pd-there iframe[src*='{holding}']")
    return found.get_attribute("src")


def test_the_frame_follows_range_refresh_and_theme_without_a_reload(page, grafana):
    page.goto("/admin/dashboards/business/?from=now-24h&to=now&refresh=1m")
    first = frame(page)
    assert first.endswith("&kiosk&from=now-24h&to=now&refresh=1m&theme=light")
    page.evaluate("window.stayed = true")
    page.select_option("[data-preset]", "now-1h")
    frame(page, "from=now-1h")
    assert "from=now-1h" in page.url
    page.select_option("[data-refresh-choice]", "")
    page.wait_for_selector(".pd-there iframe:not([src*='refresh'])")
    page.evaluate("document.documentElement.classList.add('dark')")
    frame(page, "theme=dark")
    assert page.evaluate("window.stayed")
    assert page.complaints == []


def test_going_back_brings_the_range_back(page, grafana):
    page.goto("/admin/dashboards/business/?from=now-24h&to=now")
    page.select_option("[data-preset]", "now-1h")
    frame(page, "from=now-1h")
    page.go_back()
    frame(page, "from=now-24h")
    assert page.input_value("[data-preset]") == "now-24h"


def test_the_panels_of_a_server_keep_their_place_and_are_framed_under_its_name(page, grafana):
    server = seed.make_server(seed.make_cluster("한국"), vmid=101)
    page.goto(f"/admin/servers/server/{server.pk}/change/")
    places = page.locator("[data-frame]")
    heights = [places.nth(number).bounding_box()["height"] for number in range(places.count())]
    assert len(heights) == 6
    assert min(heights) > 100
    assert places.first.locator("iframe").get_attribute("loading") == "lazy"
    places.last.scroll_into_view_if_needed()
    frame(page, "panelId=panel-6")
    page.wait_for_function("document.querySelectorAll('.pd-there').length === 6")
    assert {seen.headers["X-WEBAUTH-USER"] for seen in grafana.seen if "/d-solo/" in seen.path} == {"portal.ada"}
    assert page.complaints == []


def test_a_grafana_that_goes_away_meanwhile_leaves_no_blank_frame(page, grafana, settings):
    settings.STACK_GIVEN = frozenset({"PORTAL_GRAFANA_URL"})
    page.goto("/admin/dashboards/business/")
    frame(page)
    settings.PORTAL_GRAFANA_URL = f"http://127.0.0.1:{free_port()}"
    page.select_option("[data-preset]", "now-1h")
    page.wait_for_selector("[data-panels]")
    assert page.is_visible("text=Grafana does not answer")
    page.wait_for_url(lambda address: "renderer" not in address)
    settings.PORTAL_GRAFANA_URL = grafana.root
    cache.clear()
    page.goto(page.url)
    frame(page)
    assert "from=now-1h" in page.url


def test_a_range_of_ten_years_is_bounded_in_the_address_too(page, grafana):
    page.goto("/admin/dashboards/business/?from=now-10y&to=now")
    assert page.is_visible("text=longer than can be drawn")
    assert "now-10y" not in frame(page)
    assert "now-10y" not in page.url


def test_a_chosen_cluster_is_sent_and_an_empty_choice_is_not(page, grafana):
    seed.make_cluster("seoul")
    page.goto("/admin/dashboards/infrastructure/?from=now-1h&to=now")
    page.select_option("[name=var-cluster]", "seoul")
    frame(page, "var-cluster=seoul&kiosk&from=now-1h")
    assert "var-node" not in page.url


def test_typed_moments_are_milliseconds_in_the_address(page, grafana):
    page.goto("/admin/dashboards/business/")
    page.select_option("[data-preset]", "custom")
    page.fill("[data-start]", "2026-01-02T03:04")
    page.fill("[data-end]", "2026-01-03T03:04")
    page.click(".pd-apply")
    page.wait_for_url("**from=1767*")
    assert page.input_value("[data-start]") == "2026-01-02T03:04"


TALL = b"<!doctype html><html lang='en'><title>x</title><body><div style='height:4321px'></div></body></html>"


def test_a_frame_is_as_high_as_the_dashboard_in_it(page, grafana):
    grafana.answers["/d/business/business"] = (200, {"Content-Type": "text/html"}, TALL)
    page.goto("/admin/dashboards/business/")
    page.wait_for_function("document.querySelector('.pd-place').clientHeight >= 4321")


def test_panels_are_below_each_other_where_the_frame_is_narrow_in_a_wide_window(page, grafana):
    page.set_viewport_size({"width": 900, "height": 900})
    page.goto("/admin/dashboards/business/")
    frame(page)
    place, figure = page.locator(".pd-place"), page.locator(".pd-frame")
    narrow = place.bounding_box()["width"] < 768
    wanted = figure.evaluate(
        "(one, name) => one.style.getPropertyValue(name)", "--pd-narrow" if narrow else "--pd-height"
    )
    assert wanted == f"{place.bounding_box()['height']:g}px"


@pytest.mark.parametrize("uid", DASHBOARDS)
@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 1440), ("light", 390), ("dark", 390)])
def test_every_dashboard_is_framed_in_its_theme_and_nothing_serious_is_found_around_it(
    page, grafana, uid, theme, width
):
    page.add_init_script(f"localStorage.setItem('adminTheme', '\"{theme}\"')")
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"/admin/dashboards/{uid}/")
    assert f"theme={theme}" in frame(page, f"/grafana/d/{uid}/")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = Axe().run(page, options={"iframes": False}).response["violations"]
    assert [one["id"] for one in found if one["impact"] in {"serious", "critical"}] == []
    assert page.complaints == []
