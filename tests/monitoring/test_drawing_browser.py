"""The second renderer in a real browser: a real Prometheus scrapes a running portal, and Chromium opens its pages.

axe-core looks at each page in both themes, wide and narrow: nothing serious may be found on what the portal draws.
"""

import ast
from collections.abc import Iterator
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

from tests.monitoring.test_stack_real import start_prometheus
from tests.support.components import need
from tests.support.processes import BROWSER_PATIENCE, Portal, free_port, wait_until

pytestmark = pytest.mark.real
DASHBOARDS = ("system-overview", "application-metrics", "business", "infrastructure")
SERIOUS = {"serious", "critical"}
PERSON = (
    "from django.contrib.auth.models import User; User.objects.create_superuser('ada', password='pass-1-Word'); "
    "from tests.monitoring.inventory import seed_everything; seed_everything(); from servers import models; "
    "from tests.monitoring.test_drawing_marks import happened; "
    "one = models.Server.objects.get(vmid=100, cluster__name='demo'); "
    "happened('web-100 is down', 1, about=one, severity='critical', closed_at=None); "
    "happened('its backup is old', 50, about=one, closed_at=None); "
    "print({name: getattr(models, name.title()).objects.earliest('pk').pk for name in ('server', 'node', 'cluster')})"
)
# Of the panels that are shown: those of a closed part of a page ask for nothing.
STATES = """[...document.querySelectorAll(".pp-panel")].filter((one) => one.offsetParent)
.map((one) => one.dataset.state || "loading")"""
TOO_WIDE = """document.documentElement.scrollWidth <= document.documentElement.clientWidth ? [] :
[...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
.map((one) => one.outerHTML.slice(0, 120) + " " + one.getBoundingClientRect().right)"""

# Which menus begin left of their panels, under the sidebar or outside the window; each is opened in turn.
CUT_OFF = """[...document.querySelectorAll(".pp-menu")].filter((one) => {
    one.querySelector("button").click();
    const [list, grid] = [one.querySelector("ul"), one.closest(".pp-grid")].map((box) => box.getBoundingClientRect());
    const cut = list.left < grid.left;
    one.querySelector("button").click();
    return cut;
}).map((one) => one.closest(".pp-panel").id)"""


@pytest.fixture(scope="module")
def watched() -> Iterator[SimpleNamespace]:
    """A portal with rows, a Prometheus that has scraped it, and a browser that is logged in."""
    chromium = need("chromium")
    port = free_port()
    with Portal({"PORTAL_PROMETHEUS_URL": f"http://127.0.0.1:{port}"}) as portal:
        portal.start("redis")
        keys = ast.literal_eval(portal.python(PERSON).splitlines()[-1])
        deploy = portal.data / "run" / "deploy"
        portal.manage("render_deploy", str(deploy), "--interval", "2s")  # also how long a scrape may take
        prometheus = start_prometheus(portal, deploy / "prometheus" / "prometheus.yml", portal.data / "tsdb", port=port)
        portal.start("web")
        # A chart ends at the last whole step of 15 seconds, so what is younger than one is on no chart yet.
        wait_until(lambda: prometheus.ask("count_over_time(active_servers_total[5m] offset 20s) > 2"), 120)
        with sync_playwright() as player:
            browser = player.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu"], timeout=BROWSER_PATIENCE
            )
            yield SimpleNamespace(portal=portal, keys=keys, browser=browser, state=_login(browser, portal))
            browser.close()


def _login(browser, portal):
    page = browser.new_page()
    page.set_default_timeout(BROWSER_PATIENCE)
    page.goto(f"{portal.url}/admin/login/")
    page.fill("#id_username", "ada")
    page.fill("#id_password", "pass-1-Word")
    page.click("button[type=submit]")
    page.wait_for_selector("#page")
    state = page.context.storage_state()
    page.close()
    return state


@pytest.fixture
def look(watched):
    """Opens a page; what its console complains about is in ``page.complaints``."""
    contexts = []

    def open_page(path: str, *, theme: str = "light", width: int = 1440, locale: str = "en-US") -> Page:
        context = watched.browser.new_context(
            storage_state=watched.state, viewport={"width": width, "height": 5000}, timezone_id="Asia/Seoul",
            locale=locale,
        )  # fmt: skip
        contexts.append(context)
        context.add_init_script(f"localStorage.setItem('adminTheme', '\"{theme}\"')")
        context.set_default_timeout(BROWSER_PATIENCE)
        page = context.new_page()
        page.complaints = []
        page.on("console", lambda told: page.complaints.append(told.text) if told.type == "error" else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(f"{watched.portal.url}{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()


def settled(page: Page, *more: str) -> list[str]:
    """The states of the panels when each has its last. A Prometheus that is slow on a busy machine is trouble that
    passes: the page asks again by itself, and only what stays is a failure, unless ``more`` names it."""

    def last() -> list[str]:
        states = page.evaluate(STATES)
        return states if set(states) <= {"drawn", "empty", *more} else []

    return wait_until(last, 60, what=lambda: str(page.evaluate(STATES)))


def serious(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['html'][:160]}" for one in found if one["impact"] in SERIOUS for node in one["nodes"]]


def drawn(page: Page, number: int = 1, uid: str = "server") -> None:
    page.wait_for_selector(f"#panel-{uid}-{number}[data-state=drawn]")


SERVER = "var-cluster=demo&var-server=100&from=now-5m"
ALONE = f"/admin/panels/server/1/?{SERVER}"


@pytest.mark.parametrize("uid", DASHBOARDS)
@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 1440), ("light", 390), ("dark", 390)])
def test_every_dashboard_is_drawn_and_nothing_serious_is_found_on_it(look, uid, theme, width):
    page = look(f"/admin/dashboards/{uid}/?renderer=portal&from=now-5m", theme=theme, width=width)
    states = settled(page)
    assert "drawn" in states
    assert page.evaluate("document.documentElement.classList.contains('dark')") == (theme == "dark")
    assert page.evaluate(TOO_WIDE) == []
    assert serious(page) == []
    assert page.complaints == []


@pytest.mark.parametrize(
    ("locale", "texts"),
    [
        ("en-US", ["1 min 52 s", "11 h 5 min", "3 d", "0 s", "5 s"]),
        ("ko-KR", ["1분 52초", "11시간 5분", "3일", "0초", "5초"]),
    ],
)
def test_lengths_of_time_are_in_the_readers_language(look, locale, texts):
    page = look("/admin/dashboards/business/", locale=locale)
    said = page.evaluate("[112, 39900, 259200, 0, 5].map((one) => window.portalPanels.units.format(one, 's', 0))")
    assert [text.replace("\u00a0", " ") for text in said] == texts


def test_an_axis_of_years_is_in_the_readers_language(look):
    page = look("/admin/dashboards/business/", locale="ko-KR")
    year = 31_536_000
    assert page.evaluate(f"window.portalPanels.units.ticks(0, {4 * year}, 's', 4).label({year})") == "1년"


def test_the_least_of_a_legend_is_not_called_like_a_minute(look):
    page = look("/admin/dashboards/business/")
    assert page.evaluate("window.portalPanels.words.min") == "Min"


@pytest.mark.parametrize("width", [1440, 390])
def test_the_menu_of_each_panel_opens_where_all_of_it_is_seen(look, width):
    page = look("/admin/dashboards/system-overview/?renderer=portal&from=now-5m", width=width)
    settled(page)
    assert page.evaluate(CUT_OFF) == []


def test_dragging_over_a_chart_chooses_that_range_for_the_page(look):
    page = look(ALONE)
    drawn(page)
    box = page.locator(".pp-chart").bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + 700, box["y"] + 90, steps=4)
    page.mouse.up()
    page.wait_for_url("**from=1*")
    assert "to=1" in page.url
    page.go_back()
    page.wait_for_url("**from=now-5m*")


def test_the_keyboard_goes_through_the_points_and_leaves(look):
    page = look(ALONE)
    drawn(page)
    page.focus(".pp-chart")
    page.keyboard.press("End")
    assert "Threshold" in page.inner_text(".pp-tip")
    first = page.inner_text(".pp-tip-time")
    page.keyboard.press("PageUp")
    assert page.inner_text(".pp-tip-time") != first
    assert "80%" in page.text_content("[aria-live]")
    page.keyboard.press("Escape")
    assert page.is_hidden(".pp-tip")
    page.keyboard.press("End")
    page.keyboard.press("-")
    page.wait_for_url("**from=1*")
    asked = parse_qs(urlsplit(page.url).query)
    assert 590_000 < int(asked["to"][0]) - int(asked["from"][0]) < 640_000  # five minutes, on whole steps, doubled


def test_pointing_tells_every_series_at_that_moment(look):
    page = look(ALONE)
    drawn(page)
    box = page.locator(".pp-chart canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] - 20, box["y"] + 60)
    wait_until(lambda: {"Proxmox", "Threshold"} <= set(page.locator(".pp-tip-name").all_inner_texts()))


def test_incidents_are_told_at_their_moment_to_those_who_point_and_those_who_listen(look):
    page = look(ALONE)
    drawn(page)
    page.wait_for_selector(".pp-marks:not([hidden])")
    assert "web-100 is down" in page.get_attribute(".pp-chart", "aria-label")
    page.focus(".pp-chart")
    page.keyboard.press("End")
    assert page.locator(".pp-tip-mark").all_inner_texts() == ["critical: web-100 is down"]
    assert "Incidents: critical: web-100 is down" in page.text_content("[aria-live]")


def test_incidents_of_the_range_are_a_list_with_links_also_those_that_are_no_mark(look):
    page = look(ALONE)
    drawn(page)
    page.click(".pp-marks summary")
    assert page.locator(".pp-marks li a").all_inner_texts() == ["web-100 is down", "its backup is old"]
    assert serious(page) == []
    page.click(".pp-marks li a >> nth=0")
    page.wait_for_url("**/admin/monitoring/incident/*/change/")


def test_a_mark_above_a_chart_leads_to_its_incident(look):
    page = look(ALONE)
    drawn(page)
    page.wait_for_selector(".pp-marks:not([hidden])")
    box = page.locator(".pp-chart canvas").bounding_box()
    page.mouse.click(box["x"] + box["width"] - 60, box["y"] + 6)
    page.wait_for_url("**/admin/monitoring/incident/*/change/")


def test_a_series_is_hidden_and_shown_by_its_name(look):
    page = look(ALONE)
    drawn(page)
    name = page.locator(".pp-name", has_text="Proxmox")
    name.press("Enter")
    assert name.get_attribute("aria-pressed") == "false"
    assert page.evaluate("document.activeElement.textContent") == "Proxmox"
    name.press("Enter")
    assert name.get_attribute("aria-pressed") == "true"


def test_the_numbers_are_a_table_for_whoever_wants_one(look):
    page = look(ALONE)
    drawn(page)
    page.click(".pp-menu button")
    page.click("text=Show as a table")
    names = page.locator(".pp-data thead th").all_inner_texts()
    assert (names[0], names[-1]) == ("Time", "Incidents")
    assert (
        page.locator(".pp-data tbody tr >> nth=0").locator("td >> nth=-1").inner_text() == "critical: web-100 is down"
    )
    assert page.locator(".pp-data tbody tr").count() > 5
    assert serious(page) == []


@pytest.mark.parametrize(
    ("words", "suffix", "beginning"), [("PNG", ".png", b"\x89PNG"), ("CSV", ".csv", b"\xef\xbb\xbftime,")]
)
def test_a_panel_is_downloaded(look, words, suffix, beginning, tmp_path):
    page = look(ALONE)
    drawn(page)
    page.click(".pp-menu button")
    with page.expect_download() as waiting:
        page.click(f"text=Download as {words}")
    waiting.value.save_as(tmp_path / "file")
    assert page.is_hidden(".pp-menu-list")
    assert waiting.value.suggested_filename.endswith(suffix)
    assert (tmp_path / "file").read_bytes().startswith(beginning)


def test_a_picture_is_twice_as_fine_as_the_page_and_leaves_it_as_it_was(look, tmp_path):
    page = look(ALONE)
    drawn(page)
    before = page.evaluate("[...document.querySelectorAll('.pp-chart canvas')].map((one) => one.width)")
    page.click(".pp-menu button")
    with page.expect_download() as waiting:
        page.click("text=Download as PNG")
    waiting.value.save_as(tmp_path / "file")
    width = int.from_bytes((tmp_path / "file").read_bytes()[16:20])
    assert width == 2 * (page.locator(".pp-chart canvas").bounding_box()["width"] + 40)
    assert page.evaluate("[...document.querySelectorAll('.pp-chart canvas')].map((one) => one.width)") == before


def test_a_page_that_goes_asks_for_nothing_more_and_a_hidden_one_neither(look, watched):
    page = look(f"{ALONE}&refresh=5s")
    drawn(page)
    page.clock.install()
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/data?" in request.url else None)
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.clock.run_for(30_000)
    assert asked == []
    page.evaluate("Object.defineProperty(document, 'hidden', {value: false, configurable: true})")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    wait_until(lambda: page.evaluate("1") and asked, 20)


def test_the_theme_follows_the_page_at_once(look):
    page = look(ALONE)
    drawn(page)
    before = page.evaluate("document.querySelector('.pp-legend .pp-swatch').style.color")
    page.evaluate("document.documentElement.classList.add('dark')")
    page.wait_for_function(f"document.querySelector('.pp-legend .pp-swatch').style.color !== '{before}'")


def test_where_there_never_was_a_prometheus_a_calm_card_says_how_to_get_one(look):
    page = look("/admin/dashboards/system-overview/?renderer=portal&from=now-7m")
    told = {"kind": "absent", "sentence": "Prometheus does not answer at 127.0.0.1:9090.", "hint": "", "retry": 10}
    page.route("**/data?*", lambda route: route.fulfill(json={"trouble": told}))
    page.reload()
    page.wait_for_selector(".pp-notice:visible")
    assert "bin/up --install-monitoring" in page.inner_text(".pp-notice")
    assert page.is_hidden(".pp-grid")
    assert serious(page) == []


def test_a_prometheus_that_went_away_is_told_and_drawn_from_when_it_is_back(look, watched):
    watched.portal.stop("prometheus")
    page = look("/admin/dashboards/system-overview/?renderer=portal&from=now-6m")
    page.wait_for_selector(".pp-notice:visible")
    assert "nothing listens there" in page.inner_text(".pp-notice")
    assert page.is_hidden(".pp-grid")
    assert "install" not in page.inner_text(".pp-notice")
    assert serious(page) == []
    assert page.complaints == []
    config = watched.portal.data / "run" / "deploy" / "prometheus" / "prometheus.yml"
    port = watched.portal.env["PORTAL_PROMETHEUS_URL"].rpartition(":")[2]
    start_prometheus(watched.portal, config, watched.portal.data / "tsdb", port=int(port))
    page.wait_for_selector(".pp-notice", state="hidden")
    assert "drawn" in settled(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("thing", ["server", "node", "cluster"])
def test_nothing_serious_is_found_on_the_page_of_a_thing(look, watched, thing, theme):
    page = look(f"/admin/servers/{thing}/{watched.keys[thing]}/change/?renderer=portal&from=now-5m", theme=theme)
    assert len(settled(page, "trouble")) >= 6  # no Proxmox answers behind these rows, and the panels from there say so
    assert page.evaluate(TOO_WIDE) == []
    assert serious(page) == []


def test_panels_of_one_thing_ask_once_to_choose_it(look):
    page = look("/admin/dashboards/server/?renderer=portal")
    page.wait_for_selector(".pp-notice:visible")
    assert "Choose" in page.inner_text(".pp-notice h3")
    assert page.is_hidden(".pp-grid")
    assert serious(page) == []
