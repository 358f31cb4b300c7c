"""Trouble on Proxmox reaches people: once, and its end once, whatever breaks on the way."""

import shutil
import signal
import time

import pytest

from tests.support.processes import wait_until

pytestmark = pytest.mark.real


def settle(world, count, seconds=30):
    """Until Slack and the mailbox were told that often; then a little longer, in which nothing more may come."""
    wait_until(
        lambda: len(world.slack_titles()) >= count and len(world.mail_subjects()) >= count,
        seconds,
        what=lambda: f"{count} messages: {world.slack_titles()} {world.mail_subjects()}",
    )
    quiet_since = world.one("SELECT last_attempt_at FROM servers_cluster")
    wait_until(lambda: world.one("SELECT last_attempt_at FROM servers_cluster") != quiet_since, 20)
    time.sleep(1.5)  # not for something to happen: to see that nothing does
    assert len(world.slack_titles()) == len(world.mail_subjects()) == count


def test_an_outage_reaches_slack_and_a_mailbox_once_and_its_end_once(world, pve):
    pve.stop_guest(300)
    settle(world, 1)
    assert "db-main (300) is down" in world.slack_titles()[0]
    assert "db-main (300) is down" in world.mail_subjects()[0]
    pve.start_guest(300)
    settle(world, 2)
    assert "Resolved" in world.slack_titles()[1]


def test_a_node_with_twenty_guests_that_goes_offline_is_one_message(world, pve):
    pve.node_offline("pve1")
    settle(world, 1)
    assert "Node pve1 is offline" in world.slack_titles()[0]
    assert world.one("SELECT count(*) FROM servers_server WHERE status = 'unknown'") == 20


def test_an_unreachable_cluster_changes_nothing_and_says_so_once(world, pve):
    before = world.rows("SELECT vmid, status FROM servers_server ORDER BY vmid")
    pve.stop()
    settle(world, 1, seconds=45)
    assert "Cluster demo cannot be synced" in world.slack_titles()[0]
    assert world.rows("SELECT vmid, status FROM servers_server ORDER BY vmid") == before
    pve.start()
    settle(world, 2)


def test_redis_stopped_and_flushed_in_the_middle_delays_and_loses_nothing(world, pve):
    world.portal.kill("redis")
    shutil.rmtree(world.portal.data / "redis")
    (world.portal.data / "redis").mkdir()
    assert not world.portal.answers("/readyz")  # it says 503
    pve.stop_guest(300)
    world.portal.start("redis")
    settle(world, 1, seconds=60)
    assert "db-main" in world.slack_titles()[0]


def test_a_worker_killed_while_a_message_is_on_its_way_doubles_only_under_its_first_key(world, pve):
    """Slack has the request and has not answered when the worker dies: at least once, and with the same key."""
    world.slack.hold.clear()
    pve.stop_guest(300)
    wait_until(lambda: world.slack.requests, 20)
    world.portal.kill("worker", signal.SIGKILL)
    world.slack.hold.set()
    world.write(
        "UPDATE notifications_delivery SET claimed_until = datetime('now', '-1 second') WHERE state = 'sending'"
    )
    world.portal.start("worker")
    delivered = "SELECT count(*) FROM notifications_delivery WHERE state = 'delivered'"
    wait_until(lambda: world.one(delivered) == 2, 40)
    keys = {request.headers.get("Idempotency-Key") for request in world.slack.requests}
    assert len(keys) == 1
    assert len({str(mail.mail["Message-ID"]) for mail in world.mailbox.mails}) == 1
