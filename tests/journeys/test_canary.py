"""The canary travels from Prometheus to a channel; where it is missed, what still works says so."""

import pytest

from tests.journeys.conftest import World
from tests.support.processes import wait_until

pytestmark = pytest.mark.real
PATIENCE = 180
THRESHOLD = "UPDATE monitoring_alertthreshold SET value = ? WHERE alert = 'CanaryStale'"
DELIVERED = "SELECT count(*) FROM notifications_delivery WHERE kind = 'null' AND state = 'delivered'"


@pytest.fixture
def flying(stack: World):
    """It has arrived more than once."""
    first = "SELECT min(id) FROM notifications_delivery WHERE kind = 'null'"
    wait_until(lambda: (stack.one(first) or 0) > 1 and stack.one(DELIVERED), PATIENCE, what=stack.logs)
    return stack


def test_it_arrives_again_and_again_and_bothers_nobody(flying: World):
    assert flying.one("SELECT count(*) FROM monitoring_alert WHERE condition = 'canary'") == 0
    assert not [title for title in flying.slack_titles() if "anary" in title]
    assert flying.one("SELECT count(*) FROM notifications_delivery WHERE kind = 'null'") <= 6
    few = "SELECT count(*) <= 7 FROM monitoring_inbound WHERE canary AND processed_at IS NOT NULL"
    wait_until(lambda: flying.one(few), what="old ones are deleted")


def test_when_alertmanager_is_gone_the_portal_says_so_itself(flying: World):
    flying.portal.kill("alertmanager")
    flying.write(THRESHOLD, 15)
    wait_until(lambda: flying.one("SELECT count(*) FROM monitoring_suspicion WHERE condition = 'canary_stale'"), 120)
    flying.write("UPDATE monitoring_suspicion SET since = datetime('now', '-1 hour')")
    words = "Alerts of Prometheus do not arrive"
    wait_until(lambda: any(words in title for title in flying.slack_titles()), 120, what=flying.logs)


def test_when_no_worker_delivers_it_mail_goes_past_the_portal(flying: World):
    flying.portal.kill("worker")
    flying.write(THRESHOLD, 15)
    wait_until(
        lambda: any("CanaryStale" in subject for subject in flying.mail_subjects()), PATIENCE,
        what=lambda: flying.logs() + str(flying.mail_subjects()),
    )  # fmt: skip
    assert ["boss@example.org"] in [mail.to for mail in flying.mailbox.mails]
