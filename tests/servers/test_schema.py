"""Every request that the portal sends is one that Proxmox VE 8.4 and 9.1 accept."""

import pytest

from servers.connection import check_connection
from servers.rotation import rotate
from servers.sync import sync_cluster
from tests.support.proxmox import SHARED
from tests.support.schema import VERSIONS, complaints

pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="Proxmox's API schema is not beside this repository")


@pytest.mark.django_db
@pytest.mark.parametrize("version", VERSIONS)
def test_the_reads_of_a_sync_a_rotation_and_a_check_are_in_the_schema(cluster, pve, version):
    check_connection(cluster)
    sync_cluster(cluster)
    rotate(cluster, everything=True)
    assert len(pve.requests) > 8
    found = [
        text for request in pve.requests for text in complaints(version, request.method, request.path, request.params)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("method", "path", "params", "words"),
    [
        ("GET", "/cluster/nonsense", {}, "no such method"),
        ("DELETE", "/version", {}, "no such method"),
        ("GET", "/cluster/resources", {"type": "lxc"}, "not one of"),
        ("GET", "/cluster/resources", {"limit": 3}, "unknown parameter"),
        ("POST", "/nodes/pve1/qemu/100/clone", {}, "newid is missing"),
        ("POST", "/nodes/pve1/qemu/100/clone", {"newid": 101, "full": True}, "no boolean"),
        ("POST", "/nodes/pve1/qemu/100/clone", {"newid": 99}, "below 100"),
        ("POST", "/nodes/pve1/qemu/100/clone", {"newid": 101, "name": "web_1"}, "is no dns-name"),
        ("PUT", "/nodes/pve1/qemu/100/config", {"net0": "virtio,bridge=vmbr0,colour=red"}, "unknown key"),
        ("PUT", "/nodes/pve1/qemu/100/config", {"net0": "virtio,bridge=vmbr0,tag=5000"}, "above 4094"),
        ("PUT", "/nodes/pve1/qemu/100/config", {"ipconfig0": "ip=10.0.0.5"}, "is no pve-qm-ipconfig"),
        ("PUT", "/nodes/pve1/qemu/100/config", {"tags": "größe"}, "is no pve-tag"),
        ("PUT", "/nodes/pve1/qemu/100/config", {"sshkeys": "ssh-ed25519 AAAA"}, "is no urlencoded"),
        ("PUT", "/nodes/pve1/qemu/100/resize", {"disk": "scsi0", "size": "much"}, "does not match"),
        ("POST", "/nodes/pve1/qemu/100/snapshot", {"snapname": "../config"}, "is no pve-configid"),
    ],
)
def test_the_check_itself_can_fail(method, path, params, words):
    assert any(words in text for text in complaints("9.1", method, path, params))
