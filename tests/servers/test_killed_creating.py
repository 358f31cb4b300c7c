"""A new server, with a worker that dies at each moment of its making: in the end there is one, asked for once."""

import pytest

from portal.lib import clock
from servers.models import Operation, OperationState, Server
from servers.plans.create import STAGES
from servers.plans.creating.fitting import FirstStart
from tests.support.creating import ask_for, created, of_ours, vm
from tests.support.killing import DONE, sent, survive

FIRST_START = next(number for number, stage in enumerate(STAGES) if isinstance(stage, FirstStart))
CLEAN_UP = len(STAGES)
pytestmark = pytest.mark.django_db
IMAGE = "cephfs:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
# What is wished for beside the usual, and what Proxmox is sent for it.
NEW: dict[str, tuple[dict, tuple[str, ...]]] = {
    "clone": (
        {"disk_gib": 200, "node": "pve1", "second_disk_gib": 5, "second_disk_storage": "ceph-vm"},
        ("POST /nodes/pve3/qemu/9000/clone", "PUT /nodes/pve1/qemu/ID/config", "PUT /nodes/pve1/qemu/ID/resize",
         "POST /nodes/pve1/qemu/ID/status/start"),
    ),
    "container": (
        {"kind": "lxc", "source": {"how": "template", "kind": "lxc", "volume": IMAGE}, "storage": "local-lvm",
         "disk_gib": 8, "memory": 512, "second_disk_gib": 5, "second_disk_storage": "local-lvm",
         "second_disk_path": "/srv/data"},
        ("POST /nodes/pve3/lxc", "PUT /nodes/pve3/lxc/ID/config", "POST /nodes/pve3/lxc/ID/status/start"),
    ),
    "restore as new": (
        {"source": {"how": "restore", "kind": "qemu", "volume": ""}, "cloud_init": False, "bridge": "", "wait": False},
        ("POST /nodes/pve3/qemu", "PUT /nodes/pve3/qemu/ID/config", "POST /nodes/pve3/qemu/ID/status/start"),
    ),
}  # fmt: skip


def make(pve, known, ada, name, moment):
    """One new server with that death in its making. The moments that were passed."""
    given, steps = NEW[name]
    wanted, before = vm(known, f"new-{Operation.objects.count()}", "pve3") | given, created(known)
    if name == "restore as new":
        wanted["source"] = given["source"] | {"volume": pve.add_backup("nfs-backup", 100, subtype="qemu")}
    pve.requests.clear()
    (operation,) = ask_for(ada, known, wanted)
    operation, passed = survive(operation, moment)
    assert operation.state in DONE, (moment, operation.message, operation.stages_done)
    (found,) = of_ours(pve).items()
    assert (sent(pve, found[0]), created(known)) == (list(steps), before + 1), moment
    assert (found[1].name, found[1].status, found[1].lock) == (wanted["name"], "running", ""), moment
    assert "proxmox-manager" not in found[1].description, moment
    extra = found[1].extra  # what a second call for a disk pushes out is "unused"
    assert not [key for key in extra if key.startswith("unused")], (moment, extra)
    assert ("size=5G" in str(extra)) == bool(given.get("second_disk_gib")), (moment, extra)
    pve.cluster.guests.pop(found[0])
    Server.objects.filter(vmid=found[0]).update(retired_at=clock.now())
    return passed


@pytest.mark.parametrize("name", NEW)
def test_a_worker_that_dies_at_any_moment_of_a_creation_leaves_one_server(pve, known, ada, name):
    for moment in make(pve, known, ada, name, None):
        make(pve, known, ada, name, moment)


def fail(pve, known, ada, moment):
    """A new server whose first start fails, with that death in it. The moments that were passed."""
    pve.mend_tasks()
    pve.fail_task("qmstart", error="start failed: no memory")
    before = created(known)
    operation, passed = survive(*ask_for(ada, known, vm(known, f"new-{Operation.objects.count()}", "pve1")), moment)
    assert operation.state == OperationState.FAILED, (moment, operation.message)
    assert "no memory" in operation.message, (moment, operation.message)
    assert "was removed" in operation.message, (moment, operation.message)
    assert (of_ours(pve), created(known)) == ({}, before), moment
    return passed


def test_a_worker_that_dies_at_any_moment_of_a_failure_leaves_nothing_and_says_so(pve, known, ada):
    moments = [one for one in fail(pve, known, ada, None) if one.stage >= FIRST_START]
    assert {one.stage for one in moments} >= {FIRST_START, CLEAN_UP + 1}
    for moment in moments:
        fail(pve, known, ada, moment)
