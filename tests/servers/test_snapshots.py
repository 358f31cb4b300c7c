"""Which snapshots servers have: collected in turn, and at once after something was done."""

from datetime import timedelta

import pytest

from portal.lib import clock
from servers import snapshots
from servers.failover import Endpoints
from servers.models import GuestSnapshot, Server
from servers.rotation import rotate
from servers.sync import sync_cluster
from servers.tasks import look_at_snapshots
from tests.support import seed

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(cluster, pve):
    pve.add_guest(vmid=901, name="vm-up", node="pve1", status="running")
    sync_cluster(cluster)
    cluster.refresh_from_db()
    return Server.objects.get(vmid=901)


def take(pve, name, vmid=901):
    from simulator.model import Snapshot

    taken = int((clock.now() - timedelta(days=40)).timestamp())
    pve.cluster.guests[vmid].snapshots.append(Snapshot(name, taken, "왜", "", 0, {}))


def test_a_rotation_brings_the_snapshots_of_each_server(server, cluster, pve):
    take(pve, "old")
    rotate(cluster, everything=True)
    Server.objects.exclude(pk=server.pk).update(snapshots_due_at=clock.now() + timedelta(hours=1))
    Server.objects.filter(pk=server.pk).update(snapshots_due_at=None)
    snapshots.collect(cluster, Endpoints(list(cluster.endpoints)))
    row = GuestSnapshot.objects.get(server=server)
    assert (row.name, row.description, (clock.now() - row.taken_at).days) == ("old", "왜", 40)


def test_a_turn_asks_a_bounded_number_and_the_next_one_goes_on(server, cluster, pve):
    endpoints = Endpoints(list(cluster.endpoints))
    assert snapshots.collect(cluster, endpoints) == snapshots.GUESTS_PER_TURN
    rest = Server.objects.filter(retired_at=None, template=False, snapshots_due_at=None).count()
    assert rest > 0
    while snapshots.collect(cluster, endpoints):
        pass
    assert not Server.objects.filter(retired_at=None, template=False, snapshots_due_at=None).exists()


def test_what_is_gone_goes_and_what_could_not_be_asked_stays(server, pve):
    take(pve, "old")
    take(pve, "older")
    look_at_snapshots(server.pk)
    pve.cluster.guests[901].snapshots.pop(0)
    pve.misbehave("*/snapshot", "500", times=1)
    look_at_snapshots(server.pk)
    assert GuestSnapshot.objects.count() == 2
    look_at_snapshots(server.pk)
    assert [row.name for row in GuestSnapshot.objects.all()] == ["older"]


def test_the_page_of_a_server_lists_them(server, pve):
    page = f"/admin/servers/server/{server.pk}/change/"
    browser = seed.browser("operator")
    assert "has not been asked yet which snapshots" in browser.get(page).content.decode()
    take(pve, "before-upgrade")
    look_at_snapshots(server.pk)
    assert "before-upgrade" in browser.get(page).content.decode()
