"""A cluster is known by what it is: under a second name it would count twice."""

import pytest
from django.core.management import CommandError, call_command

from portal.lib import clock
from servers.models import Cluster, Server
from servers.rotation import rotate
from servers.sync import sync_cluster
from simulator import Simulator
from tests.support import seed
from tests.support.proxmox import connect

pytestmark = pytest.mark.django_db
ADD = "/admin/servers/cluster/add/"


@pytest.fixture
def synced(cluster):
    sync_cluster(cluster)
    cluster.refresh_from_db()
    return cluster


def form(pve, **changes):
    return {
        "name": "again", "enabled": "on", "interval": "15", "endpoints": pve.url, "token_id": pve.token_id,
        "token_secret": pve.token_secret, "tls_mode": "fingerprint", "ca_certificate": "",
        "fingerprint": pve.fingerprint,
    } | changes  # fmt: skip


def test_the_form_refuses_the_same_cluster_and_keeps_what_was_typed(synced, pve):
    page = seed.browser("administrator").post(ADD, form(pve)).content.decode()
    assert "This is the cluster “demo”, which is here already" in page
    assert 'value="again"' in page
    assert Cluster.objects.count() == 1


def test_the_command_refuses_the_same_cluster(synced, pve, tmp_path):
    (tmp_path / "secret").write_text(pve.token_secret)
    with pytest.raises(CommandError, match="is here already: its servers would count twice"):
        call_command(
            "add_cluster", "again", "--endpoint", pve.url, "--token-id", pve.token_id,
            "--token-secret-file", str(tmp_path / "secret"), "--fingerprint", pve.fingerprint,
        )  # fmt: skip
    assert Cluster.objects.count() == 1


def test_the_first_sync_refuses_the_same_cluster_and_counts_nothing_twice(synced, pve):
    second, before = connect(pve, "again"), Server.objects.count()
    assert "is here already" in sync_cluster(second).error
    assert Server.objects.count() == before
    assert sync_cluster(synced).error == ""


def test_of_two_that_were_there_before_the_one_that_was_synced_later_says_so(synced, pve):
    second = connect(pve, "again", identity=synced.identity, first_complete_at=clock.now())
    assert "This is the cluster “demo”" in sync_cluster(second).error
    assert sync_cluster(synced).error == ""


def test_another_cluster_with_the_same_names_is_another_cluster(synced, pve):
    with Simulator(guests=2, nodes=3, seed=1) as other:
        assert sync_cluster(connect(other, "other")).error == ""


def test_a_saved_connection_of_the_same_row_is_no_second_cluster(synced, pve):
    address = f"/admin/servers/cluster/{synced.pk}/change/"
    page = seed.browser("administrator").post(address, form(pve, name="demo", token_secret=""), follow=True)
    assert page.redirect_chain
    sync_cluster(synced)
    synced.refresh_from_db()
    assert len(synced.identity) == 3


def test_a_renewed_certificate_is_learned(synced, pve):
    for node in pve.cluster.nodes.values():
        node.fingerprint = "AA:BB"
    rotate(synced, everything=True)
    synced.refresh_from_db()
    assert synced.identity == ["pve1 AA:BB", "pve2 AA:BB", "pve3 AA:BB"]


def test_a_connection_that_points_at_another_known_cluster_is_refused(synced, pve):
    with Simulator(guests=2, nodes=1, seed=1) as other:
        second = connect(other, "other")
        sync_cluster(second)
    page = seed.browser("administrator").post(f"/admin/servers/cluster/{second.pk}/change/", form(pve, name="other"))
    assert "This is the cluster “demo”" in page.content.decode()
