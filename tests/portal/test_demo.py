"""Whether ``bin/up`` runs a simulator: with the demo's cluster, or while there is no other."""

from types import SimpleNamespace

import pytest

from portal.up import demo
from tests.support import seed

pytestmark = pytest.mark.django_db
HERE, AWAY = "https://127.0.0.1:8106", "https://pve1.example.org:8006"


@pytest.fixture
def layout(tmp_path):
    return SimpleNamespace(data=tmp_path)


@pytest.mark.parametrize(
    ("clusters", "simulator", "wanted"),
    [
        ({}, False, True),
        ({"berlin": AWAY}, False, False),
        ({"berlin": AWAY}, True, False),
        ({"demo": HERE}, True, True),
        # Restored from a backup, which has no simulator: a new one takes its place.
        ({"demo": HERE, "berlin": AWAY}, False, True),
        # Somebody's own cluster of that name is left as it is.
        ({"demo": AWAY}, False, False),
    ],
)
def test_there_is_a_simulator_for_the_demo_and_for_an_empty_portal(layout, clusters, simulator, wanted):
    for name, endpoint in clusters.items():
        seed.make_cluster(name, endpoints=[endpoint])
    if simulator:
        (layout.data / "simulator").mkdir()
    assert demo.wanted(layout, allowed=True) is wanted
    assert demo.wanted(layout, allowed=False) is False
