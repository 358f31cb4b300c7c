"""Answers of real Proxmox VE servers, 7.4 to 9.2, go through the gateway and the sync without a complaint."""

import json

import pytest

from servers.failover import credentials_of
from servers.models import Backup, BackupRun, Cluster, Node, Server, Storage, TlsMode
from servers.proxmox.gateway import Gateway
from servers.rotation import rotate
from servers.sync import sync_cluster
from tests.support.proxmox import SHARED
from tests.support.replay import Replay

RECORDED = SHARED / "recorded"
FILES = ["live-get-9.2.json", "live-get-8.4.json", "pve7.4-goproxmox.json"]
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not RECORDED.exists(), reason="the recorded answers are not beside this repository"),
]


@pytest.fixture
def recording(request):
    data = json.loads((RECORDED / request.param).read_text())
    with Replay(data["interactions"]) as replay:
        replay.raw = {item["path"]: item["body"]["data"] for item in data["interactions"] if _whole(item)}
        replay.cluster = Cluster.objects.create(
            name="real", endpoints=[replay.url], token_id="root@pam!api", token_secret="x", tls_mode=TlsMode.CA,
            ca_certificate=replay.ca,
        )  # fmt: skip
        yield replay


def _whole(item):
    return item["status"] == 200 and not item.get("query") and isinstance(item.get("body"), dict)


@pytest.mark.parametrize("recording", FILES, indirect=True)
def test_a_sync_of_a_real_cluster_has_no_complaint_and_loses_no_row(recording):
    report = sync_cluster(recording.cluster)
    assert not report.error
    recording.cluster.refresh_from_db()
    rows = recording.raw["/cluster/resources"]
    assert recording.cluster.last_warning in {"", _QUORUM_UNKNOWN}
    assert Server.objects.count() == sum(row["type"] in {"qemu", "lxc"} for row in rows)
    assert Node.objects.count() == sum(row["type"] == "node" for row in rows)
    names = {
        row["storage"] if row.get("shared") else (row["node"], row["storage"])
        for row in rows
        if row["type"] == "storage"
    }
    assert Storage.objects.count() == len(names)


_QUORUM_UNKNOWN = "The token may not see the quorum (Sys.Audit on /): servers that vanish are not retired."


@pytest.mark.parametrize("recording", FILES[:2], indirect=True)
def test_real_backups_tasks_and_versions_are_understood(recording):
    sync_cluster(recording.cluster)
    assert rotate(recording.cluster, everything=True) == []
    recording.cluster.refresh_from_db()
    assert recording.cluster.version == recording.raw["/version"]["version"]
    assert Backup.objects.filter(size__gt=0).exists()
    tasks = recording.raw["/cluster/tasks"]
    assert BackupRun.objects.count() == sum(task["type"] == "vzdump" for task in tasks)


@pytest.mark.parametrize("recording", FILES[:2], indirect=True)
def test_a_real_list_of_permissions_allows_everything_to_root(recording):
    from servers.connection import judge

    with Gateway(credentials_of(recording.cluster), recording.cluster.endpoints[0]) as gateway:
        assert all(feature.allowed for feature in judge(gateway.permissions(), "root@pam!api"))


@pytest.mark.parametrize("name", ["pve8-hacs.json", "pve8.4-datadog.json", "pve9.2-single.json"])
def test_resources_that_others_published_are_understood(name):
    from servers.proxmox.answers import resources

    for item in json.loads((RECORDED / name).read_text())["interactions"]:
        if item["path"] == "/cluster/resources" and any(row["type"] == "node" for row in item["body"]["data"]):
            assert resources(item["body"]["data"]).complaints == []


def test_rows_of_dead_nodes_and_their_guests_are_understood():
    from servers.proxmox.answers import resources

    items = json.loads((RECORDED / "offline-rows.json").read_text())["interactions"]
    found = resources([row for item in items for row in item["body"]["data"]])
    assert found.complaints == []
    assert {guest.status for guest in found.guests} == {"unknown"}
