"""A rule fires in a real Prometheus, travels through a real Alertmanager and arrives once; and its end arrives once."""

import pytest

from tests.support.processes import wait_until

pytestmark = pytest.mark.real
THRESHOLD = "UPDATE monitoring_alertthreshold SET value = ? WHERE alert = 'HighMemoryUsage'"


def about_memory(world):
    return [title for title in world.slack_titles() if "memory" in title.lower()]


def test_a_rule_fires_arrives_once_and_resolves_once(stack):
    stack.write(THRESHOLD, 0.1)
    wait_until(lambda: about_memory(stack), 60, what=stack.logs)
    assert stack.one("SELECT source FROM monitoring_alert WHERE condition = 'memory_high'") == "alertmanager"
    stack.write(THRESHOLD, 100)
    closed = "SELECT closed_at FROM monitoring_incident WHERE condition = 'memory_high'"
    wait_until(lambda: stack.one(closed), 60, what=stack.logs)
    wait_until(lambda: len(about_memory(stack)) == 2, 30)
    assert "Resolved" in about_memory(stack)[1]


def test_a_node_that_goes_is_one_incident_whoever_sees_it(stack, pve):
    pve.node_offline("pve1")
    sources = "SELECT count(DISTINCT source) FROM monitoring_alert WHERE condition = 'node_offline'"
    wait_until(lambda: stack.one(sources) == 2, 60, what=stack.logs)
    assert stack.one("SELECT count(*) FROM monitoring_incident WHERE condition = 'node_offline'") == 1
    wait_until(lambda: any("pve1" in title for title in stack.slack_titles()), 20)
    assert len([title for title in stack.slack_titles() if "pve1" in title]) == 1
