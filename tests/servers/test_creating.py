"""A new server, against a Proxmox that answers as real ones do: whole or not at all, and never twice."""

import pytest

from servers.models import Operation, OperationState, Server
from servers.operations import Refusal
from servers.requesting import submit, try_again
from servers.sync import sync_cluster
from tests.support.creating import ask_for, created, drive, of_ours, vm

pytestmark = pytest.mark.django_db
DONE = (OperationState.SUCCEEDED, OperationState.WARNINGS)


def test_a_server_is_cloned_configured_started_and_registers_itself(known, ada, pve):
    before = created(known)
    wanted = vm(
        known, "web-01", "pve3", disk_gib=60, memory=3072, register={"owner": "web team", "exporter_port": 9100}
    )
    (operation,) = drive(*ask_for(ada, known, wanted))
    guest = pve.cluster.guests[100_000]
    assert operation.state in DONE, operation.message
    assert (guest.name, guest.node, guest.status, guest.tags) == ("web-01", "pve3", "running", "web")
    assert "proxmox-manager" not in guest.description
    server = Server.objects.get(vmid=100_000)
    assert (operation.server, server.owner, server.exporter_port) == (server, "web team", 9100)
    assert (server.intended_state, server.max_memory) == ("running", 3072 * 1024**2)
    assert operation.kept["address"].startswith("10.77.")
    assert created(known) == before + 1


def test_one_that_fails_midway_leaves_nothing_and_counts_as_nothing(known, ada, pve):
    before = created(known)
    pve.fail_task("qmstart", error="start failed: no memory")
    (operation,) = drive(*ask_for(ada, known, vm(known, "web-01")))
    assert operation.state == OperationState.FAILED
    assert "no memory" in operation.message
    assert "was removed" in operation.message
    sync_cluster(known)
    assert (of_ours(pve), created(known)) == ({}, before)
    assert not Server.objects.filter(vmid=100_000).exists()


def test_what_failed_is_tried_again_as_a_whole(known, ada, pve):
    pve.fail_task("qmclone", error="No space left on device")
    (operation,) = drive(*ask_for(ada, known, vm(known, "web-01")))
    assert operation.state == OperationState.FAILED
    assert "Nothing of it is left" in operation.message
    (again,) = drive(try_again(operation, ada))
    assert (again.state in DONE, again.retry_of) == (True, operation)
    with pytest.raises(Refusal):
        try_again(operation, ada)


def test_a_taken_id_is_left_to_who_was_faster(known, ada, pve):
    pve.race_ids(3)
    (operation,) = drive(*ask_for(ada, known, vm(known, "web-01")))
    assert operation.state in DONE
    assert len(operation.kept["raced"]) == 3
    assert [guest.name for guest in of_ours(pve).values()].count("web-01") == 1


@pytest.mark.parametrize("arrived", [True, False])
def test_a_call_whose_answer_is_lost_is_neither_doubled_nor_forgotten(known, ada, pve, arrived):
    (operation,) = ask_for(ada, known, vm(known, "web-01"))
    drive(operation, until=lambda rows: rows[0].stage == 1)
    if arrived:
        drive(operation, until=lambda rows: rows[0].upid != "")
    # as a worker leaves it that dies between the call and the writing of its answer
    kept = {name: value for name, value in operation.kept.items() if name != "accepted"}
    Operation.objects.filter(pk=operation.pk).update(
        state="sending", upid="", sent_at=None, kept=kept, sending_at=operation.requested_at, claimed_until=None
    )
    drive(operation)
    assert operation.state in DONE, operation.message
    assert [guest.name for guest in of_ours(pve).values()] == ["web-01"]


def test_who_may_not_create_servers_is_told_so(known, ada):
    ada.groups.clear()
    with pytest.raises(Refusal):
        submit(type(ada).objects.get(pk=ada.pk), known, "x", [vm(known)])


def test_a_container_is_made_from_a_template(known, ada, pve):
    source = {"how": "template", "kind": "lxc", "volume": "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"}
    volumes = [volume.volid for storage in pve.cluster.storages.values() for volume in getattr(storage, "volumes", [])]
    source["volume"] = next((name for name in volumes if ":vztmpl/" in name), source["volume"])
    wanted = vm(known, "ct-01", kind="lxc", source=source, storage="local-lvm", disk_gib=8, memory=512)
    (operation,) = drive(*ask_for(ada, known, wanted, secrets={"password": "a-long-secret"}))
    assert operation.state in DONE, operation.message
    assert (pve.cluster.guests[100_000].name, pve.cluster.guests[100_000].type) == ("ct-01", "lxc")
    assert operation.secrets == ""
