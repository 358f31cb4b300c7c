"""Several endpoints: one that is down costs little, and the cluster goes on."""

from datetime import timedelta
from pathlib import Path

import pytest

from portal.lib import clock
from servers.failover import Endpoints
from servers.models import Cluster
from servers.proxmox.errors import TokenRefused
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


@pytest.mark.django_db
def test_a_refused_token_is_tried_less_and_less_often_until_somebody_asks(cluster, pve, time_machine):
    Cluster.objects.update(token_secret="wrong")
    pauses = []
    for _ in range(9):
        moment = clock.now()
        time_machine.move_to(moment, tick=False)
        report = sync_cluster(cluster)
        cluster.refresh_from_db()
        pauses.append((cluster.due_at - moment).total_seconds())
        time_machine.move_to(cluster.due_at, tick=False)
    assert pauses == [15, 30, 60, 120, 240, 480, 900, 900, 900]
    assert "less and less often" in cluster.last_error
    assert "refused the API token" in report.error
    cluster.sync_soon()
    cluster.refresh_from_db()
    assert (cluster.due_at, cluster.refusals) == (clock.now(), 0)


@pytest.mark.django_db
def test_whoever_asks_for_a_sync_during_a_refused_one_is_not_put_off(cluster, pve, monkeypatch):
    def refused_while_somebody_asks(*_: object) -> None:
        Cluster.objects.update(due_at=asked, refusals=0)
        raise TokenRefused

    asked = clock.now()
    monkeypatch.setattr("servers.sync.ask", refused_while_somebody_asks)
    sync_cluster(cluster)
    cluster.refresh_from_db()
    assert (cluster.due_at, cluster.refusals) == (asked, 0)


@pytest.mark.django_db
def test_a_good_sync_ends_the_rest(cluster, pve):
    Cluster.objects.update(refusals=5)
    assert not sync_cluster(cluster).error
    cluster.refresh_from_db()
    assert (cluster.refusals, cluster.last_error) == (0, "")
