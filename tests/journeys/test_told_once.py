"""Told once, told right: real rules, a real Alertmanager, a real mail server, and a Proxmox that backs up and fails."""

import time

import pytest
import requests

from tests.journeys.conftest import World
from tests.support.processes import wait_until

pytestmark = pytest.mark.real
PATIENCE = 180


def about(world, *words):
    """What Slack was told with one of these words in it, in order."""
    return [title for title in world.slack_titles() if any(word.lower() in title.lower() for word in words)]


def nothing_more(world, number, *words):
    """The portal goes on working for some rounds, and nobody is told more than that often."""
    for _ in range(2):
        before = world.one("SELECT last_attempt_at FROM servers_cluster")
        wait_until(lambda before=before: world.one("SELECT last_attempt_at FROM servers_cluster") != before, 90)
    time.sleep(1.5)  # not for something to happen: to see that nothing does
    assert len(about(world, *words)) == number, world.slack_titles()


def test_a_rule_about_the_processor_is_told_once_acknowledged_and_over_once(stack: World):
    stack.write("UPDATE monitoring_alertthreshold SET value = 0.0001 WHERE alert = 'HighCPUUsage'")
    stack.write("UPDATE notifications_route SET repeat_minutes = 1")
    wait_until(lambda: about(stack, "cpu"), PATIENCE, what=stack.logs)
    (pk,) = stack.rows("SELECT id FROM monitoring_incident WHERE condition = 'cpu_high'")[0]
    stack.press(f"/admin/monitoring/incident/{pk}/acknowledge/")
    assert stack.one("SELECT acknowledged_at FROM monitoring_incident WHERE id = ?", pk)
    mine = f"WHERE incident = 'incident-{pk}'"
    stack.write(f"UPDATE notifications_watch SET due_at = '2020-01-01 00:00:00' {mine}")
    wait_until(lambda: stack.one(f"SELECT due_at FROM notifications_watch {mine}") is None, 90, what=stack.logs)
    heard = stack.one("SELECT last_received_at FROM monitoring_alert WHERE condition = 'cpu_high'")
    again = "SELECT last_received_at FROM monitoring_alert WHERE condition = 'cpu_high'"
    wait_until(lambda: stack.one(again) != heard, PATIENCE, what="Alertmanager repeats itself")
    nothing_more(stack, 1, "cpu")
    stack.write("UPDATE monitoring_alertthreshold SET value = 100 WHERE alert = 'HighCPUUsage'")
    wait_until(lambda: len(about(stack, "cpu")) == 2, PATIENCE, what=stack.logs)
    assert "Resolved" in about(stack, "cpu")[1]
    nothing_more(stack, 2, "cpu")
    assert len([subject for subject in stack.mail_subjects() if "cpu" in subject.lower()]) == 2


def test_a_backup_that_stops_its_guest_is_told_to_nobody(world: World, pve):
    pve.add_guest(vmid=310, name="files", node="pve2", type="lxc")
    world.sync_soon()
    wait_until(lambda: world.status(310) == "running", 60)
    pve.slow_tasks(60, "vzdump")  # some seconds for each step: syncs see it down
    world.ask_proxmox("/nodes/pve2/vzdump", vmid=310, storage="local", mode="stop")
    wait_until(lambda: world.status(310) == "stopped", 60)
    nothing_more(world, 0, "")
    pve.mend_tasks()
    wait_until(lambda: world.status(310) == "running", PATIENCE)
    nothing_more(world, 0, "")
    assert world.rows("SELECT title FROM monitoring_incident") == []


def test_a_backup_that_hangs_with_its_guest_down_is_told_once_and_named(world: World, pve):
    pve.slow_tasks(100_000, "vzdump")
    world.ask_proxmox("/nodes/pve2/vzdump", vmid=300, storage="local", mode="stop")
    wait_until(lambda: world.status(300) == "stopped", 60)
    run = "SELECT count(*) FROM servers_backuprun WHERE vmid = 300"
    wait_until(lambda: world.one(run), PATIENCE, what="the rotation has read the tasks")
    nothing_more(world, 0, "")
    # Longer than such work takes; what Proxmox says does not change, so the portal leaves that time alone.
    world.write("UPDATE servers_server SET status_since = datetime('now', '-5 hours') WHERE vmid = 300")
    world.write("UPDATE servers_backuprun SET started_at = datetime('now', '-5 hours') WHERE vmid = 300")
    wait_until(lambda: about(world, "db-main"), PATIENCE, what=world.logs)
    nothing_more(world, 1, "")
    text = world.one("SELECT text FROM monitoring_incident")
    assert "locked (backup)" in text
    assert "It went down in a backup by" in text


def test_a_node_with_fifty_guests_that_three_sources_see_fall_is_one_message(stack: World, pve):
    for number in range(30):
        pve.add_guest(vmid=400 + number, name=f"app-{number:02}", node="pve1")
    stack.sync_soon()
    stack.listen_to_proxmox()
    there = "SELECT count(*) FROM servers_server JOIN servers_node n ON n.id = node_id WHERE n.name = 'pve1'"
    wait_until(lambda: stack.one(there) == 50, 90)
    scraped(stack, 'proxmox_node_status{node="pve1"} == 1')
    pve.fence("pve1")
    sources = "SELECT DISTINCT source FROM monitoring_alert WHERE condition = 'node_offline' ORDER BY source"
    wait_until(lambda: len(stack.rows(sources)) == 3, PATIENCE, what=stack.logs)
    assert stack.rows(sources) == [("alertmanager",), ("portal",), ("proxmox",)]
    wait_until(lambda: about(stack, "pve1"), 60)
    nothing_more(stack, 1, "pve1", "web-", "app-")
    assert stack.one("SELECT count(*) FROM monitoring_incident WHERE condition IN ('node_offline', 'guest_down')") == 1


def scraped(stack, query):
    """Until Prometheus knows that."""

    def answer():
        try:
            found = requests.get(f"{stack.prometheus}/api/v1/query", {"query": query}, timeout=20).json()
        except requests.RequestException:
            return False
        return found.get("data", {}).get("result")

    wait_until(answer, PATIENCE, what=stack.logs)


def test_a_failed_backup_that_three_sources_see_is_one_message(stack: World, pve):
    stack.listen_to_proxmox()
    scraped(stack, "backup_failure_total == 0")
    pve.set_guest(300, lock="migrate")
    stack.ask_proxmox("/nodes/pve2/vzdump", vmid=300, storage="local")
    sources = "SELECT DISTINCT source FROM monitoring_alert WHERE condition = 'backup_failed' ORDER BY source"
    wait_until(lambda: len(stack.rows(sources)) == 3, PATIENCE, what=stack.logs)
    assert stack.rows(sources) == [("alertmanager",), ("portal",), ("proxmox",)]
    assert stack.one("SELECT count(*) FROM monitoring_incident WHERE condition = 'backup_failed'") == 1
    nothing_more(stack, 1, "failed")


def test_a_server_that_falls_again_and_again_is_said_to_flap_and_then_left_alone(world: World, pve):
    def fall_and_rise(number):
        for deed, ended in ((pve.stop_guest, "IS NULL"), (pve.start_guest, "IS NOT NULL")):
            deed(300)
            there = f"SELECT count(*) FROM monitoring_incident WHERE flaps = ? AND closed_at {ended}"
            wait_until(lambda there=there: world.one(there, number), 90, what=world.logs)

    fall_and_rise(0)
    wait_until(lambda: len(world.slack_titles()) == 2, 60)
    for number in (1, 2, 3):
        fall_and_rise(number)
    wait_until(lambda: len(world.slack_titles()) == 3, 60, what=world.logs)
    nothing_more(world, 3, "")
    assert "it flaps" in world.slack.requests[2].body.decode()
    world.write("UPDATE monitoring_incident SET tell_at = datetime('now', '-1 second')")
    wait_until(lambda: len(world.slack_titles()) == 4, 90, what=world.logs)
    assert world.one("SELECT count(*) FROM monitoring_incident") == 1
