"""Three ways to see one trouble, with real processes: Proxmox's webhook, the sync, and Alertmanager's rule."""

import pytest
import requests

from simulator import Simulator
from tests.journeys.conftest import PASSWORD, World
from tests.support.processes import wait_until

pytestmark = pytest.mark.real


@pytest.fixture
def told(world: World):
    """A cluster that sends its notifications to the portal."""
    world.listen_to_proxmox()
    return world


def log(world):
    return world.portal.log("worker")[-3000:] + str(world.rows("SELECT source, error, body FROM monitoring_inbound"))


def test_a_fenced_node_is_one_incident_and_one_message_and_its_end_is_one(told: World, pve: Simulator):
    pve.fence("pve1")
    sources = "SELECT count(DISTINCT source) FROM monitoring_alert WHERE condition = 'node_offline'"
    wait_until(lambda: told.one(sources) == 2, 60, what=lambda: log(told))
    assert told.one("SELECT count(*) FROM monitoring_incident") == 1
    wait_until(told.slack_titles, 30)
    assert [title for title in told.slack_titles() if "pve1" in title] == told.slack_titles()
    assert len(told.slack_titles()) == 1


def test_a_failed_backup_arrives_by_webhook_before_the_task_list_is_read(told: World, pve: Simulator):
    pve.set_guest(300, lock="migrate")
    told.ask_proxmox("/nodes/pve2/vzdump", vmid=300, storage="local")
    wait_until(lambda: told.one("SELECT title FROM monitoring_incident"), 60, what=lambda: log(told))
    assert told.rows("SELECT condition, title FROM monitoring_incident") == [
        ("backup_failed", "The backup of db-main (300) failed")
    ]
    assert "VM is locked (migrate)" in told.one("SELECT text FROM monitoring_incident")
    wait_until(told.slack_titles, 30)


def test_nothing_is_lost_while_the_worker_is_dead(told: World, pve: Simulator):
    told.portal.kill("worker")
    pve.notify("system-mail", "SMART error on sda", "reallocated sectors", "unknown", hostname="pve1")
    wait_until(lambda: told.one("SELECT count(*) FROM monitoring_inbound WHERE processed_at IS NULL") == 1, 30)
    told.portal.start("worker")
    told.write("UPDATE monitoring_inbound SET received_at = datetime('now', '-1 minute') WHERE processed_at IS NULL")
    wait_until(lambda: "SMART error" in " ".join(told.slack_titles()), 60, what=lambda: log(told))


def test_the_token_changes_without_a_gap(told: World):
    """Alertmanager reads its file anew with each message; the portal takes both until the overlap is over."""
    old = told.portal.env["PORTAL_ALERTMANAGER_TOKEN"]

    def answered(token):
        shown = {"Authorization": f"Bearer {token}"}
        url = f"{told.portal.url}/hooks/alertmanager/"
        return requests.post(url, json={"version": "4", "alerts": []}, headers=shown, timeout=20).status_code

    new = told.portal.manage("hook_token", "rotate", "alertmanager", "--overlap", "1").stdout.split()[0]
    assert (answered(new), answered(old)) == (202, 202)
    told.write("UPDATE monitoring_hooktoken SET expires_at = datetime('now', '-1 second') WHERE expires_at IS NOT NULL")
    assert (answered(new), answered(old)) == (202, 401)
    assert PASSWORD not in told.portal.log("web")
    assert new not in told.portal.log("web")
