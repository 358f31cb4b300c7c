"""What Proxmox itself keeps of a server: asked over HTTPS, judged, kept, and drawn like everything else."""

import pytest

from servers.models import Server
from servers.proxmox import rare_answers
from servers.proxmox.errors import OddAnswer
from servers.sync import sync_cluster
from tests.support import seed
from tests.support.processes import free_port

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(cluster):
    assert not sync_cluster(cluster).error
    return Server.objects.filter(status="running", kind="qemu", template=False).select_related("cluster", "node")[0]


def drawn(server, number=1, **asked):
    return seed.browser("viewer").get(f"/admin/panels/proxmox/{server.pk}/{number}/data", asked).json()


@pytest.mark.parametrize("timeframe", ["hour", "day", "week", "month", "year"])
def test_proxmox_tells_every_timeframe(server, timeframe):
    found = server.history(timeframe)
    assert found.trouble == ""
    assert {"time", "cpu", "mem", "netin", "diskwrite"} <= set(found.rows[-1])


def test_it_is_asked_once_for_everybody(server):
    assert server.history("day").rows
    server.cluster.endpoints = [f"https://127.0.0.1:{free_port()}"]
    assert server.history("day").rows
    assert "cannot be reached" in server.history("hour").trouble


@pytest.mark.parametrize(("start", "points"), [("now-1h", 50), ("now-24h", 480), ("now-7d", 300), ("now-1y", 450)])
def test_its_curves_have_the_range_of_the_page(server, start, points):
    found = drawn(server, **{"from": start})
    values = found["series"][0]["values"]
    assert points <= len(values) <= 730
    assert any(0 < value < 1 for value in values if value is not None)


def test_where_proxmox_kept_nothing_that_is_said_and_nothing_of_scraping(server):
    found = drawn(server, **{"from": "2001-01-01", "to": "2001-01-02"})
    assert "Proxmox has kept nothing for this range" in found["hint"]
    assert "hint" not in drawn(server)


def test_the_size_of_the_memory_is_a_limit_and_not_a_curve(server):
    assert [one["dashed"] for one in drawn(server, 2)["series"]] == [False, True]


def test_how_full_a_disk_is_proxmox_knows_of_containers_alone(server):
    assert seed.browser("viewer").get(f"/admin/panels/proxmox/{server.pk}/5/data").status_code == 404
    box = Server.objects.filter(kind="lxc", template=False)[0]
    assert drawn(box, 5)["series"][0]["name"] == "Used"


def test_a_proxmox_that_is_away_is_told_and_not_waited_for(server, pve):
    server.cluster.failures, server.cluster.last_error = 2, "It cannot be reached."
    server.cluster.save()
    found = drawn(server)["trouble"]
    assert "It cannot be reached." in found["sentence"]


def test_a_guest_without_a_history_is_told_in_proxmoxs_words(server):
    Server.objects.filter(pk=server.pk).update(vmid=99_999)
    assert "RRD error" in drawn(server)["trouble"]["sentence"]


def test_a_retired_server_has_no_curves_any_more(server):
    server.retired_at = server.first_seen
    server.save()
    assert "gone from Proxmox" in drawn(server)["trouble"]["sentence"]


@pytest.mark.parametrize("answer", [None, {}, "rrd", [{"time": 1}] * 5001, [1, 2]])
def test_an_odd_history_is_not_believed(answer):
    with pytest.raises(OddAnswer):
        rare_answers.history(answer)


def test_of_a_row_only_numbers_are_taken():
    odd = [{"time": 2, "cpu": "0.5", "mem": float("nan"), "disk": True, "netin": 3}, {"cpu": 1}, {"time": 1}]
    assert rare_answers.history(odd) == [{"time": 1.0}, {"time": 2.0, "netin": 3.0}]


def test_the_page_of_a_server_without_an_exporter_shows_them_and_says_how_to_get_more(server):
    page = seed.browser("viewer").get(f"/admin/servers/server/{server.pk}/change/").content.decode()
    assert "data-panels-instead open" in page
    assert "prometheus-node-exporter" in page
    Server.objects.filter(pk=server.pk).update(exporter_port=9100)
    page = seed.browser("viewer").get(f"/admin/servers/server/{server.pk}/change/").content.decode()
    assert "data-panels-instead>" in page
