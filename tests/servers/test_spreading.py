"""Where the servers of one request go."""

from collections import Counter

import pytest

from portal.lib import clock
from servers import offers, snapshot
from servers.proxmox.types import NodeFacts
from tests.support import seed

pytestmark = pytest.mark.django_db
GIB = 1024**3


def facts(name, free, load=0.0):
    known = {"name": name, "status": "online", "max_memory": 512 * GIB, "memory": (512 - free) * GIB, "cpu": load}
    return NodeFacts(**{**dict.fromkeys(NodeFacts._fields), **known})


@pytest.fixture
def cluster():
    return seed.make_cluster()


def place(cluster, count, memory, *nodes):
    snapshot.save(cluster.pk, snapshot.Snapshot(clock.now(), list(nodes), [], []))
    return Counter(offers.spread(cluster, [node.name for node in nodes], count, memory * GIB))


def test_each_node_has_a_part_as_large_as_its_share_of_free_memory(cluster):
    nodes = [facts("pve1", 250), facts("pve2", 110), facts("pve3", 160)]
    assert place(cluster, 10, 2, *nodes) == {"pve1": 5, "pve2": 2, "pve3": 3}


def test_a_busy_node_has_a_smaller_part(cluster):
    assert place(cluster, 6, 2, facts("pve1", 100, load=0.5), facts("pve2", 100)) == {"pve1": 2, "pve2": 4}


def test_a_node_without_room_has_none(cluster):
    assert place(cluster, 3, 4, facts("pve1", 3), facts("pve2", 100)) == {"pve2": 3}
    assert place(cluster, 30, 4, facts("pve1", 3), facts("pve2", 100)) == {}


def test_where_nobody_knows_the_figures_they_take_turns(cluster):
    assert Counter(offers.spread(cluster, ["b", "a"], 4, GIB)) == {"a": 2, "b": 2}
