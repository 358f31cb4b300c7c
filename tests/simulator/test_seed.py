"""The cluster that a number makes."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from simulator import Simulator
from simulator.cluster import Cluster
from simulator.model import find_release
from simulator.seed import seed_cluster
from simulator.seed_backups import ORPHAN, seed_backups
from tests.simulator.conftest import Client


def made(guests: int = 40, nodes: int = 3, seed: int = 1) -> Cluster:
    cluster = Cluster("demo", find_release("9.2"), 0.05)
    seed_cluster(cluster, guests, nodes, seed)
    seed_backups(cluster, seed)
    return cluster


def test_the_same_number_makes_the_same_cluster_and_another_one_another() -> None:
    def names(cluster: Cluster) -> list[tuple[object, ...]]:
        return [
            (guest.vmid, guest.name, guest.node, guest.type, guest.tags, guest.status)
            for guest in cluster.guests.values()
        ]

    assert names(made()) == names(made())
    assert names(made()) != names(made(seed=2))


def test_the_demo_has_the_variety_of_a_real_cluster() -> None:
    guests = list(made().guests.values())
    assert len(guests) == 40
    assert {guest.type for guest in guests} == {"qemu", "lxc"}
    assert {"running", "stopped", "paused"} <= {guest.status for guest in guests}
    assert any(guest.status == "stopped" and not guest.template for guest in guests)
    assert any(guest.template for guest in guests)
    assert any(guest.lock for guest in guests)
    assert sum(bool(guest.hastate) for guest in guests) == 1
    assert any(guest.tags.count(";") >= 3 for guest in guests)
    assert any("담당" in guest.description for guest in guests)
    assert any(guest.description.startswith("owner: ") for guest in guests)
    assert max(Counter(guest.name for guest in guests).values()) == 2
    assert {guest.agent for guest in guests if guest.is_vm} == {0, 1}
    assert any(guest.agent and not guest.agent_running for guest in guests)
    assert len({guest.pool for guest in guests}) == 3


def test_the_backups_have_the_variety_of_real_ones() -> None:
    cluster = made()
    backups = [volume for volume in cluster.volumes.values() if volume.content == "backup"]
    assert {volume.verification for volume in backups} >= {"ok", "failed", ""}
    assert any(volume.encrypted for volume in backups)
    assert any(volume.protected for volume in backups)
    assert any(volume.vmid == ORPHAN for volume in backups)
    assert ORPHAN not in cluster.guests
    assert min(volume.ctime for volume in backups) < time.time() - 100 * 86400
    assert time.time() - 32 * 3600 < max(volume.ctime for volume in backups) < time.time()
    saved = {volume.vmid for volume in backups}
    assert any(guest.vmid not in saved for guest in cluster.guests.values() if not guest.template)
    assert {volume.storage for volume in backups} == {"pbs", "nfs-backup", "local"}


@pytest.mark.parametrize("guests", [0, 1, 2, 3, 7, 12, 300])
@pytest.mark.parametrize("nodes", [1, 5])
def test_any_number_of_guests_makes_a_cluster(guests: int, nodes: int) -> None:
    cluster = made(guests, nodes)
    assert len(cluster.guests) == guests
    assert len(cluster.nodes) == nodes


def test_ten_thousand_guests_answer_well_under_a_second() -> None:
    with Simulator(guests=10000, nodes=20) as pve:
        client = Client(pve)
        client.get("/version")
        # processor time, so that a busy machine makes no difference
        begun = time.process_time()
        answer = client.ask("GET", "/cluster/resources")
        fresh = time.process_time() - begun
        begun = time.process_time()
        client.ask("GET", "/cluster/resources")
        assert time.process_time() - begun < fresh, "the second answer comes from the cache"
        assert len(answer.json()["data"]) > 10000


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one node"):
        Simulator(nodes=0)
    with pytest.raises(ValueError, match="no version"):
        Simulator(version="new")
