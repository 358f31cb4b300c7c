"""A small cluster over real HTTPS, fresh for each test; started once per module, since keys take time to make."""

import pytest

from servers.sync import sync_cluster
from simulator import Simulator
from tests.support.creating import administrator
from tests.support.proxmox import connect
from tests.support.schema import changes_asked  # noqa: F401


@pytest.fixture(scope="session")
def _folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pve")


@pytest.fixture
def pve():
    with Simulator(guests=12, nodes=3, seed=1, task_seconds=0.05, auth_failure_delay=0.0) as simulator:
        yield simulator


@pytest.fixture
def cluster(db, pve):
    return connect(pve)


@pytest.fixture
def known(cluster):
    """The cluster, synced."""
    sync_cluster(cluster)
    cluster.refresh_from_db()
    return cluster


@pytest.fixture
def ada(db):
    """Somebody who may create servers."""
    return administrator()
