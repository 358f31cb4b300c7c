"""Several endpoints: one that is down costs little, and the cluster goes on."""

from datetime import timedelta
from pathlib import Path

import pytest

from portal.lib import clock
from servers.failover import Endpoints
from servers.sync import sync_cluster

DEAD = "https://127.0.0.1:1"


@pytest.mark.django_db
def test_the_second_endpoint_serves_when_the_first_is_down(cluster, pve):
    cluster.endpoints = [DEAD, pve.url]
    cluster.save()
    assert not sync_cluster(cluster).error
    cluster.refresh_from_db()
    assert cluster.endpoint_state[DEAD]["failures"] == 1
    assert "nothing listens" in cluster.endpoint_state[DEAD]["error"]


@pytest.mark.django_db
def test_an_odd_answer_of_the_first_endpoint_is_not_the_last_word(cluster, pve):
    from simulator import Simulator

    with Simulator(guests=3, nodes=1, state_dir=Path(pve.ca_path).parent) as odd:
        odd.misbehave("/cluster/resources", "html")
        cluster.endpoints = [odd.url, pve.url]
        cluster.save()
        report = sync_cluster(cluster)
    assert not report.error


@pytest.mark.django_db
def test_when_all_are_down_the_first_ones_trouble_is_told(cluster):
    cluster.endpoints = [DEAD, "https://no-such-host.invalid:8006"]
    cluster.save()
    assert DEAD in sync_cluster(cluster).error


def test_an_endpoint_that_failed_rests_twice_as_long_each_time_and_is_the_last_resort():
    moment = clock.now()
    endpoints = Endpoints(["a", "b"])
    endpoints.failed("a", moment, "down")
    assert endpoints.by_hope(moment) == ["b", "a"]
    assert endpoints.by_hope(moment + timedelta(seconds=16)) == ["a", "b"]
    endpoints.failed("a", moment, "down")
    assert endpoints.by_hope(moment + timedelta(seconds=16)) == ["b", "a"]
    endpoints.answered("a")
    assert endpoints.by_hope(moment) == ["a", "b"]


def test_an_endpoint_that_left_the_settings_is_forgotten():
    endpoints = Endpoints(["b"], {"a": {"failures": 3, "until": 0, "error": ""}})
    endpoints.answered("b")
    assert endpoints.state == {}
