"""The admin in a real browser: our scripts work under the content security policy, and the front page stays fresh."""

import shutil

import pytest
from playwright.sync_api import sync_playwright

from tests.support import seed
from tests.support.processes import BROWSER_PATIENCE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def page(live_server, monkeypatch, settings):
    """A logged-in page; what its console complains about is in ``page.complaints``."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright's loop runs in the thread of the test
    seed.make_user(name="ada", superuser=True)
    with sync_playwright() as player:
        browser = player.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"], timeout=BROWSER_PATIENCE
        )
        page = browser.new_context(timezone_id="Asia/Seoul").new_page()
        page.set_default_timeout(BROWSER_PATIENCE)
        page.complaints = []
        page.on("console", lambda told: page.complaints.append(told.text) if told.type == "error" else None)
        page.goto(f"{live_server.url}/admin/login/")
        page.fill("#id_username", "ada")
        page.fill("#id_password", "pass")
        page.click("button[type=submit]")
        yield page
        browser.close()


def test_the_front_page_refreshes_itself_without_a_reload(page, live_server):
    cluster = seed.make_cluster()
    page.clock.install()
    page.goto(f"{live_server.url}/admin/")
    page.evaluate("window.stayed = true")
    seed.make_server(cluster, status="io-error")
    page.clock.run_for(16_000)
    page.wait_for_selector("text=I/O error")
    assert page.evaluate("window.stayed")


def test_the_browser_says_its_time_zone(page, live_server):
    page.goto(f"{live_server.url}/admin/")
    assert {"portal_timezone": "Asia/Seoul"}.items() <= {
        cookie["name"]: cookie["value"] for cookie in page.context.cookies()
    }.items()


def test_the_form_shows_the_field_that_the_chosen_check_needs(page, live_server):
    page.goto(f"{live_server.url}/admin/servers/cluster/add/")
    assert not page.is_visible("#id_fingerprint")
    page.select_option("#id_tls_mode", "fingerprint")
    page.wait_for_selector("#id_fingerprint", state="visible")
    assert not page.is_visible("#id_ca_certificate")


def test_another_cluster_opens_the_form_of_a_blueprint_anew_with_what_was_typed(page, live_server):
    for name, vmid in (("seoul", 9001), ("busan", 9002)):
        cluster = seed.make_cluster(name, endpoints=["https://127.0.0.1:9"])
        seed.make_server(cluster, seed.make_node(cluster), name=f"debian-{name}", vmid=vmid, template=True)
    page.goto(f"{live_server.url}/admin/servers/blueprint/add/")
    page.fill("#id_name", "Web server")
    for name in ("seoul", "busan"):
        page.select_option("#id_cluster", label=name)
        page.wait_for_selector(f"#id_template option:has-text('debian-{name}')", state="attached")
        assert page.locator("#id_template option:has-text('debian')").count() == 1
        assert page.input_value("#id_name") == "Web server"


def test_the_policy_stops_nothing_of_ours(page, live_server):
    seed.fill_snapshot(seed.many_servers(5))
    for address in ("/admin/", "/admin/servers/server/", "/admin/servers/cluster/add/", "/admin/auth/user/add/"):
        page.goto(f"{live_server.url}{address}", wait_until="networkidle")
    assert page.complaints == []


def test_choosing_a_server_fills_in_its_labels_on_the_page_to_try(page, live_server):
    cluster = seed.make_cluster("seoul")
    for name in ("web-1", "db-1"):
        seed.make_server(cluster, seed.make_node(cluster, f"node-of-{name}"), name=name, owner="shop")
    page.goto(f"{live_server.url}/admin/notifications/route/try/")
    page.click("[data-pickers] .pm-tryfield:first-of-type .select2-selection")
    page.fill(".select2-search__field", "web")
    page.click(".select2-results__option:has-text('web-1')")
    page.wait_for_function("document.querySelector('#id_labels').value.includes('name=\"web-1\"')")
    assert 'owner="shop"' in page.input_value("#id_labels")
    page.click("button:has-text('Who would be told?')")
    page.wait_for_selector("text=Nobody would be told")
    assert page.complaints == []


@pytest.mark.parametrize(("theme", "scheme"), [("dark", "dark"), ("light", "normal")])
def test_scrollbars_are_as_dark_as_the_page(page, live_server, theme, scheme):
    page.add_init_script(f"localStorage.setItem('adminTheme', '\"{theme}\"')")
    page.goto(f"{live_server.url}/admin/")
    page.wait_for_function(f"getComputedStyle(document.body).colorScheme === '{scheme}'")


def test_a_card_that_cannot_be_selected_does_not_speak_of_selecting(page, live_server):
    seed.many_servers(3)
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(f"{live_server.url}/admin/monitoring/servercoverage/")
    first = page.locator("#result_list .data-row >> nth=0").locator("td >> nth=0")
    assert first.get_attribute("data-label") == "Select record"
    assert first.evaluate("(cell) => getComputedStyle(cell, '::before').display") == "none"


def test_a_phone_names_the_page_one_is_on_and_leads_from_an_object_to_its_list(page, live_server):
    server = seed.make_server(seed.make_cluster(), name="web-1")
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(f"{live_server.url}/admin/servers/server/?q=web")
    assert page.inner_text("#header-inner h1").strip() == "Servers"
    page.goto(f"{live_server.url}/admin/servers/server/{server.pk}/change/")
    assert page.inner_text("#header-inner h1").strip() == str(server)
    page.click("#header-inner a[title='Go back']")
    page.wait_for_url("**/admin/servers/server/")


# What of a table on the front page is not seen without scrolling it sideways.
HIDDEN_ASIDE = """[...document.querySelectorAll(".pm-folds :is(th, td)")].filter((cell) => {
    const [box, page] = [cell, cell.closest(".pm-scroll")].map((one) => one.getBoundingClientRect());
    return box.right > page.right + 1;
}).map((cell) => cell.innerText)"""


def test_the_front_page_says_on_a_phone_why_a_cluster_fails_and_what_changed(page, live_server):
    error = "https://pve1.jeju.example.org:8006 cannot be reached: there is no route to it. Check the address. "
    cluster = seed.make_cluster("a-cluster-with-quite-a-long-name", last_error=error * 5, last_success_at=None)
    seed.many_servers(5, cluster=cluster)
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(f"{live_server.url}/admin/")
    assert page.locator(".pm-folds").count() == 2
    assert page.evaluate(HIDDEN_ASIDE) == []
    assert page.locator(".pm-folds tbody tr >> nth=0").bounding_box()["height"] < 150
