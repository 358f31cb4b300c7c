"""What a person does in a real browser happens on Proxmox, is seen in /metrics, and survives dying workers."""

import pytest
import requests

from tests.journeys.conftest import PASSWORD
from tests.support.components import need
from tests.support.processes import BROWSER_PATIENCE, wait_until

pytestmark = pytest.mark.real


@pytest.fixture
def page(world):
    """A logged-in page of the system's Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=need("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
            timeout=BROWSER_PATIENCE,
        )
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.set_default_timeout(BROWSER_PATIENCE)
        page.goto(f"{world.portal.url}/admin/login/")
        page.fill("input[name=username]", "admin")
        page.fill("input[name=password]", PASSWORD)
        page.click("button[type=submit]")
        yield page
        browser.close()


def metric(world, line):
    """Whether /metrics holds a line that begins like that."""
    return any(
        found.startswith(line) for found in requests.get(f"{world.portal.url}/metrics", timeout=10).text.splitlines()
    )


def posts(pve):
    return [request.path for request in pve.requests if request.method == "POST"]


def test_a_server_started_in_a_browser_is_seen_running_in_metrics(world, page, pve):
    start = 'proxmox_vm_status{cluster="demo",name="spare",node="pve2",type="qemu",vmid="301"}'
    assert metric(world, f"{start} 0")
    page.goto(f"{world.portal.url}/admin/servers/server/?q=spare")
    page.click("text=spare")
    page.click("text=Power")
    page.click("a:has-text('Start')")
    page.click("button:has-text('Start')")
    page.wait_for_selector("text=succeeded")
    assert "TASK OK" in page.content()
    world.sync_soon()
    wait_until(lambda: metric(world, f"{start} 1"), 30)
    assert posts(pve) == ["/nodes/pve2/qemu/301/status/start"]
    assert world.slack_titles() == []


def test_many_servers_are_shut_down_from_the_list_and_nobody_is_alarmed(world, page, pve):
    page.goto(f"{world.portal.url}/admin/servers/server/?q=web-0")
    page.check("#action-toggle")
    page.select_option("select[name=action]", "shutdown_selected")
    page.click("button[name=index]")
    page.click("button:has-text('Shut down')")
    done = "SELECT count(*) FROM servers_operation WHERE state = 'succeeded'"
    wait_until(
        lambda: world.one(done) == 10, 60, what=lambda: str(world.rows("SELECT state, message FROM servers_operation"))
    )
    world.sync_soon()
    wait_until(lambda: world.status(200) == "stopped", 30)
    wait_until(lambda: world.one("SELECT count(*) FROM servers_statechange WHERE processed_at IS NULL") == 0, 20)
    assert world.slack_titles() == []
    assert len(posts(pve)) == 10


def test_workers_that_are_killed_again_and_again_lose_and_double_nothing(world, pve):
    """Ten operations, the worker is killed at five moments; its claims expire as they would after a minute."""
    world.portal.python(
        "from servers.models import Server; from servers.operations import request_operation\n"
        "from django.contrib.auth.models import User\n"
        "admin = User.objects.get()\n"
        "for server in Server.objects.filter(vmid__lt=210): request_operation(server, 'reboot', admin)"
    )
    for sent in (1, 3, 5, 8, 10):
        wait_until(lambda sent=sent: len(posts(pve)) >= sent, 60)
        world.kill_worker()
    over = "SELECT count(*) FROM servers_operation WHERE state IN ('succeeded', 'warnings', 'failed', 'lost')"
    wait_until(
        lambda: world.one(over) == 10,
        120,
        what=lambda: str(world.rows("SELECT state, message, waiting_for FROM servers_operation")),
    )
    assert world.rows("SELECT DISTINCT state FROM servers_operation") == [("succeeded",)]
    assert len(posts(pve)) == len(set(posts(pve))) == 10
    assert world.slack_titles() == []


def test_a_deleted_server_is_gone_there_history_here_and_counted_once(world, pve):
    """Its name typed into the form; the worker dies between the stop and the deletion."""
    before, created = world.metric("server_deletion_total"), world.metric("server_creation_total")
    gone = world.one("SELECT id FROM servers_server WHERE vmid = 205")
    answer = world.press(f"/admin/servers/server/{gone}/do-delete/", confirm="web-05", stop="on", purge="on")
    assert "/operation/" in answer.url, answer.text
    wait_until(lambda: posts(pve), 60, what=world.operations)
    world.kill_worker()
    wait_until(lambda: world.one("SELECT state FROM servers_operation") == "succeeded", 60, what=world.operations)
    assert 205 not in pve.cluster.guests
    assert world.one("SELECT retired_at FROM servers_server WHERE id = ?", gone)
    assert world.metric("server_deletion_total") == before + 1
    last = world.one("SELECT last_success_at FROM servers_cluster")
    world.sync_soon()
    wait_until(lambda: world.one("SELECT last_success_at FROM servers_cluster") > last, 30)
    assert (world.metric("server_deletion_total"), world.metric("server_creation_total")) == (before + 1, created)
    assert [one.method for one in pve.requests if one.method != "GET"] == ["POST", "DELETE"]
    assert world.slack_titles() == []
