"""Every plan, with a worker that dies at each moment of it: nothing is lost, nothing is doubled.

One table, one body. A further plan is one more row of the table; a test says which plans have none.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from portal.lib import clock
from servers.models import Backup, Counter, Operation, Server, Storage
from servers.operations import request_operation
from servers.plans import PLANS
from servers.sync import sync_cluster
from simulator.model import Snapshot
from tests.support.killing import DONE, sent, survive

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Case:
    """What is asked of which guest, what Proxmox is sent for it (in order, each once), and what is so afterwards."""

    action: str
    sent: tuple[str, ...]
    parameters: dict = field(default_factory=dict)
    guest: dict = field(default_factory=dict)
    after: Callable = lambda there: True


def snapshots(there):
    """The names of the guest's snapshots."""
    return [one.name for one in there.guest.snapshots]


UP, DOWN, CT = {"status": "running"}, {"status": "stopped"}, {"status": "running", "type": "lxc", "node": "pve2"}
POWER = "POST /nodes/pve1/qemu/ID/status/"
CASES = {
    "start": Case("start", (POWER + "start",), guest=DOWN, after=lambda there: there.guest.running),
    "shutdown": Case("shutdown", (POWER + "shutdown",), after=lambda there: not there.guest.running),
    "stop": Case("stop", (POWER + "stop",), after=lambda there: not there.guest.running),
    "stop with HA": Case(
        "stop", (POWER + "stop",), guest={"hastate": "started"}, after=lambda there: not there.guest.running
    ),
    "reboot": Case("reboot", (POWER + "reboot",), after=lambda there: there.guest.running),
    "suspend": Case("suspend", (POWER + "suspend",), after=lambda there: there.guest.status == "paused"),
    "resume": Case(
        "resume", (POWER + "resume",), guest={"status": "paused"}, after=lambda there: there.guest.status == "running"
    ),
    "change": Case(
        "change", ("PUT /nodes/pve1/qemu/ID/config",), {"name": "renamed", "tags": ["a"], "protection": True},
        after=lambda there: (there.guest.name, there.guest.tags, there.guest.protection) == ("renamed", "a", True),
    ),
    "resize": Case(
        "resize", ("PUT /nodes/pve1/qemu/ID/config", "PUT /nodes/pve1/qemu/ID/resize"),
        {"cores": 3, "disk": "scsi0", "size": "80G"}, guest=DOWN,
        after=lambda there: (there.guest.cores, there.guest.maxdisk) == (3, 80 * 1024**3),
    ),
    "snapshot": Case(
        "snapshot", ("POST /nodes/pve1/qemu/ID/snapshot",), {"name": "good", "memory": True},
        after=lambda there: snapshots(there) == ["good"],
    ),
    "rollback": Case(
        "rollback", ("POST /nodes/pve1/qemu/ID/snapshot/kept/rollback",), {"name": "kept", "start": True},
        guest={"snapshots": "kept"}, after=lambda there: snapshots(there) == ["kept"] and there.guest.running,
    ),
    "delete a snapshot": Case(
        "delete_snapshot", ("DELETE /nodes/pve1/qemu/ID/snapshot/kept",), {"name": "kept"},
        guest={"snapshots": "kept"}, after=lambda there: snapshots(there) == [],
    ),
    "back up": Case(
        "back_up", ("POST /nodes/pve1/vzdump",), {"storage": "nfs-backup"}, after=lambda there: len(there.backups) == 1,
    ),
    "restore over itself": Case(
        "restore", (POWER + "stop", "POST /nodes/pve1/qemu", POWER + "start"), {"stop": True, "start": True},
        guest={"backup": True}, after=lambda there: there.guest.running and len(there.backups) == 1,
    ),
    "migrate": Case(
        "migrate", ("POST /nodes/pve1/qemu/ID/migrate",), {"target": "pve3", "local_disks": True},
        after=lambda there: (there.guest.node, there.guest.running) == ("pve3", True),
    ),
    "migrate a container": Case(
        "migrate", ("POST /nodes/pve2/lxc/ID/migrate",), {"target": "pve3", "restart": True}, guest=CT,
        after=lambda there: (there.guest.node, there.guest.running) == ("pve3", True),
    ),
    "delete": Case(
        "delete", (POWER + "stop", "DELETE /nodes/pve1/qemu/ID"), {"confirm": "victim", "stop": True},
        after=lambda there: there.guest is None and there.server.is_retired and there.deleted == 1,
    ),
}  # fmt: skip


@pytest.fixture
def person(ada):
    ada.is_superuser = True
    ada.save()
    return ada


def begin(pve, known, person, case):
    """A fresh guest of that kind, known here, and the operation."""
    given = dict(UP | {"node": "pve1"} | case.guest)
    saved, kept = given.pop("backup", False), given.pop("snapshots", "")
    vmid = pve.add_guest(500 + Operation.objects.count(), name="victim", cores=2, **given)  # never one a second time
    if kept:
        pve.cluster.guests[vmid].snapshots.append(Snapshot(kept, int(time.time())))
    sync_cluster(known)
    server, parameters = Server.objects.get(vmid=vmid, retired_at=None), dict(case.parameters)
    if saved:
        parameters["volume"] = pve.add_backup("nfs-backup", vmid)
        Backup.objects.create(
            cluster=known, storage=Storage.objects.filter(name="nfs-backup")[0], server=server, vmid=vmid,
            kind=server.kind, volid=parameters["volume"], created_at=clock.now(),
        )  # fmt: skip
    pve.requests.clear()
    Counter.objects.filter(name=Counter.DELETED).update(value=0)
    return vmid, request_operation(server, case.action, person, parameters)


def look(pve, vmid, operation):
    """What is there now."""
    backups = [one for one in pve.cluster.volumes.values() if one.content == "backup" and one.vmid == vmid]
    operation.server.refresh_from_db()
    deleted = sum(Counter.objects.filter(name=Counter.DELETED).values_list("value", flat=True))
    guest = pve.cluster.guests.get(vmid)
    return SimpleNamespace(guest=guest, backups=backups, server=operation.server, deleted=deleted)


def live(pve, known, person, case, moment):
    """One life of the plan with that death in it. The moments that were passed."""
    vmid, operation = begin(pve, known, person, case)
    operation, passed = survive(operation, moment)
    there = look(pve, vmid, operation)
    assert operation.state in DONE, (moment, operation.message)
    assert (sent(pve, vmid), bool(case.after(there))) == (list(case.sent), True), moment
    assert there.guest is None or there.guest.lock == "", moment
    pve.cluster.guests.pop(vmid, None)
    Server.objects.filter(vmid=vmid).update(retired_at=clock.now())
    return passed


@pytest.mark.parametrize("name", CASES)
def test_a_worker_that_dies_at_any_moment_of_a_plan_loses_and_doubles_nothing(pve, known, person, name):
    moments = live(pve, known, person, CASES[name], None)
    assert len(moments) > 3
    for moment in moments:
        live(pve, known, person, CASES[name], moment)


def test_every_plan_is_in_the_table():
    assert {case.action for case in CASES.values()} | {"create"} == set(PLANS)
