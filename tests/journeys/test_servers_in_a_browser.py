"""What administrators do with servers in a real browser, wide and on a phone, while a real worker carries it out."""

import pytest
from playwright.sync_api import expect, sync_playwright

from simulator import Simulator
from tests.journeys.conftest import ADMIN, PASSWORD, World
from tests.support.components import need
from tests.support.creating import KEY
from tests.support.processes import BROWSER_PATIENCE, Portal, wait_until

pytestmark = pytest.mark.real
SIZES = {"wide": (1440, 1000), "phone": (390, 844)}
BLUEPRINT = """
from servers.models import Blueprint, Cluster, Server
template = Server.objects.get(template=True, kind="qemu")
print(Blueprint.objects.create(
    name="Web", cluster=Cluster.objects.get(), template=str(template.vmid), bridge="vmbr0", user="debian",
    ssh_keys={key!r}, owner="web team", exporter_port=9100,
).pk)
"""
TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def world():
    """A portal that runs, with a cluster and a blueprint, and a browser."""
    need("redis-server")
    with (
        Simulator(guests=12, nodes=3, seed=1, task_seconds=0.5) as pve,
        Portal({"PORTAL_ALLOWED_INTERNAL": "127.0.0.0/8"}) as portal,
        sync_playwright() as player,
    ):
        world = World(portal, pve, None, None)
        portal.python(ADMIN.format(password=PASSWORD))
        portal.start("redis", "web", "worker", "beat")
        world.add_cluster()
        world.wait_for_sync()
        world.blueprint = portal.python(BLUEPRINT.format(key=KEY))
        world.browser = player.chromium.launch(
            executable_path=need("chromium"), args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
            timeout=BROWSER_PATIENCE,
        )  # fmt: skip
        yield world
        world.browser.close()


@pytest.fixture(params=SIZES)
def page(world, request):
    """A logged-in page of that size; the console has to stay silent, and nothing may be wider than the window."""
    width, height = SIZES[request.param]
    page = world.browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(BROWSER_PATIENCE)
    expect.set_options(timeout=BROWSER_PATIENCE)
    complaints = []
    page.on("console", lambda told: complaints.append(told.text) if told.type == "error" else None)
    page.size = request.param
    page.goto(f"{world.portal.url}/admin/login/")
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    yield page
    assert not page.evaluate(TOO_WIDE)
    assert complaints == []
    page.close()


def from_the_menu(page, *selectors):
    """Press what stands above a page; on a phone it folds behind three dots."""
    if page.size == "phone":
        page.click("a:has-text('more_horiz')")
    for selector in selectors:
        page.locator(f"{selector}:visible").first.click()


def ask_for(world, page, **fields):
    """Fill the form of new servers in, as far as it is not filled already, and press its button."""
    page.goto(f"{world.portal.url}/admin/servers/server/")
    from_the_menu(page, "a[href$='/new-server/']")
    for name, value in fields.items():
        page.fill(f"[name={name}]", value)
    page.click("button:has-text('Create')")
    page.wait_for_url("**/serverrequest/*/change/")


def test_one_server_is_requested_watched_and_ready_with_how_to_log_in(world, page):
    name = f"shop-{page.size}"
    ask_for(world, page, names=name, reason="the autumn sale")
    expect(page.locator(".pm-newcomer")).to_contain_text(name)
    page.click("a:has-text(', ')")
    expect(page.locator(".pm-log")).to_contain_text("TASK OK")  # it is written while one looks
    page.go_back()
    expect(page.locator(".pm-newcomer .pm-badge")).to_have_text("ready")
    expect(page.locator(".pm-newcomer .pm-code")).to_contain_text("ssh debian@10.")
    expect(page.locator(".pm-requesthead")).to_contain_text("1 of 1 ready")
    row = world.rows("SELECT owner, exporter_port, intended_state FROM servers_server WHERE name = ?", name)
    assert row == [("web team", 9100, "running")]


def test_ten_at_once_advance_on_one_page(world, page):
    ask_for(world, page, names=f"{page.size}-{{01..10}}", ip=f"10.{77 + len(page.size)}.8.10/24")
    expect(page.locator(".pm-newcomer")).to_have_count(10)
    expect(page.locator(".pm-requesthead")).to_contain_text("being made")
    page.evaluate("window.stayed = true")
    expect(page.locator(".pm-requesthead")).to_contain_text("10 of 10 ready")
    assert page.evaluate("window.stayed")  # without a reload
    lines = page.locator(".pm-newcomer .pm-code").all_inner_texts()
    assert lines == [f"ssh debian@10.{77 + len(page.size)}.8.{number}" for number in range(10, 20)]
    made = world.one("SELECT count(*) FROM servers_server WHERE name LIKE ?", f"{page.size}-%")
    assert made == 10


def test_a_server_is_deleted_by_typing_its_name(world, page):
    vmid, name = 800 + len(page.size), f"old-{page.size}"
    world.pve.add_guest(vmid=vmid, name=name, node="pve1", status="running")
    wait_until(lambda: world.status(vmid), 30, what="the sync sees it")
    page.goto(f"{world.portal.url}/admin/servers/server/?q={vmid}")
    page.click(f"th a:has-text('{name}')")
    from_the_menu(page, "a:has-text('Actions')", "a[href$='/do-delete/']")
    page.fill("[name=confirm]", name[:-1])
    page.check("[name=stop]")
    page.click("button:has-text('Delete')")
    expect(page.locator(".pm-ink-bad")).to_contain_text("letter by letter")
    page.fill("[name=confirm]", name)
    page.click("button:has-text('Delete')")
    page.wait_for_url("**/operation/*/change/")
    expect(page.locator(".pm-facts .pm-badge").first).to_have_text("succeeded")
    assert vmid not in world.pve.cluster.guests
    wait_until(lambda: world.status(vmid) is None, 30, what="it is retired")


def test_a_snapshot_of_many_is_asked_about_and_watched(world, page):
    page.goto(f"{world.portal.url}/admin/servers/server/?q=10")
    boxes = page.locator("input.action-select")
    for number in range(2):
        boxes.nth(number).check()
    page.select_option("select[name=action]", "snapshot_selected")
    page.click("button[name=index]")
    expect(page.locator(".pm-question")).to_contain_text("this is done to 2 servers")
    page.fill("[name=name]", f"before-{page.size}")
    page.click("button:has-text('Take a snapshot')")
    expect(page.locator(".pm-warning")).to_contain_text("look at the list once more")  # it was made for another name
    page.click("button:has-text('Take a snapshot')")
    page.wait_for_url("**/operation/batch/*/")
    expect(page.locator(".pm-requesthead")).to_contain_text("2 of 2 done")
