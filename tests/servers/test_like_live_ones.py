"""What real servers of Proxmox VE 8.4 and 9.2 were seen to do when writes meet locks, wrong nodes and lost tasks, and
what becomes of an operation that meets it. The words are held against the transcripts where they are at hand."""

import json
import re
from datetime import timedelta

import pytest

from portal.lib import clock
from servers.models import Operation, OperationState, Server
from servers.operations import request_operation
from servers.proxmox.answers import log_lines
from servers.proxmox.errors import Locked, ParametersRefused
from servers.proxmox.refusals import refusal
from servers.sync import sync_cluster
from tests.support.creating import ask_for, drive, of_ours, vm
from tests.support.killing import DONE, run
from tests.support.proxmox import SHARED

FILES = sorted((SHARED / "recorded").glob("live-write-*.json"))
recorded = pytest.mark.skipif(not FILES, reason="the transcripts of real servers are not beside this repository")
LOCK = re.compile(r"(?:VM|CT) is locked \((\S+)\)|can't lock file '\S+' - got timeout")
FILE = {"change": {"description": "x"}, "stop": {}}  # refused when it is sent; the end of its task


def steps():
    return [step for file in FILES for step in json.loads(file.read_text())["steps"]]


def words_of(step):
    """What Proxmox said no with: in its answer, or at the end of the task."""
    said, task = step["response"], step.get("task") or {}
    return said["reason"] if (said["status"] or 0) >= 400 else task.get("exitstatus") or ""


@recorded
def test_every_lock_that_was_met_live_is_known_as_one_and_named():
    met = [(words, LOCK.search(words)) for words in map(words_of, steps())]
    told = [(words, refusal(500, words)) for words, _lock in met]
    assert sum(isinstance(one, Locked) for _words, one in told) == sum(bool(lock) for _words, lock in met) > 30
    assert all(one.lock == (lock[1] or "") for (_w, one), (_words, lock) in zip(told, met, strict=True) if lock)


@recorded
def test_a_task_that_was_forgotten_live_is_told_by_a_400_and_an_odd_log():
    told = [one["response"] for one in steps() if "/tasks/UPID" in one["request"]["path"]]
    told = [said for said in told if said["status"] == 400]
    answers = [refusal(400, said["reason"], said["body"]["errors"]) for said in told]
    assert {(type(one), one.status) for one in answers} == {(ParametersRefused, 400)}
    assert log_lines({"n": 1, "t": "unable to open file - No such file or directory"}, 0) == []


@recorded
def test_a_backup_that_was_asked_at_the_wrong_node_live_answered_ok_and_no_task():
    (body,) = [one["response"]["body"] for one in steps() if "asked at a node the guest is not on" in one["step"]]
    assert body == {"data": "OK"}  # see test_a_backup_asked_at_a_node_that_lost_the_server_is_no_success


@pytest.fixture
def person(ada):
    ada.is_superuser = True
    ada.save()
    return ada


def server_of(pve, known, **more):
    """A guest and its row."""
    vmid = pve.add_guest(name="victim", node="pve1", **more)
    sync_cluster(known)
    return Server.objects.get(vmid=vmid)


def until(operation, condition):
    """Do its steps until that is so."""
    drive(operation, until=lambda rows: condition(rows[0]))
    return operation


@pytest.mark.django_db
@pytest.mark.parametrize("action", FILE)
def test_a_lock_file_is_waited_for_named_and_then_it_is_done(pve, known, person, action):
    server = server_of(pve, known)
    pve.hold_lock_file(server.vmid, 60)
    operation = until(request_operation(server, action, person, FILE[action]), lambda row: "can't" in row.waiting_for)
    assert f"can't lock file '/var/lock/qemu-server/lock-{server.vmid}.conf'" in operation.waiting_for
    pve.cluster.book.lock_files.clear()
    assert run(operation).state in DONE


@pytest.mark.django_db
@pytest.mark.parametrize("action", FILE)
def test_a_lock_file_that_stays_is_the_end_of_it_after_two_minutes(pve, known, person, action):
    server = server_of(pve, known)
    pve.hold_lock_file(server.vmid, 60)
    operation = request_operation(server, action, person, FILE[action])
    Operation.objects.update(stage_since=clock.now() - timedelta(minutes=2))
    operation = run(operation)
    assert operation.state == OperationState.FAILED
    assert "can't lock file" in operation.message


@pytest.mark.django_db
def test_the_empty_guest_that_a_failed_restore_leaves_is_removed(pve, known, person):
    volume = pve.add_backup("nfs-backup", 100, subtype="qemu")
    source = {"how": "restore", "kind": "qemu", "volume": volume}
    (operation,) = drive(*ask_for(person, known, vm(known, "copy", "pve1", source=source, storage="nosuch")))
    assert operation.state == OperationState.FAILED
    assert "storage 'nosuch' does not exist" in operation.message
    assert "(guest 100000) was removed" in operation.message
    assert not of_ours(pve)


@pytest.mark.django_db
def test_a_creation_whose_task_proxmox_forgot_is_no_success_and_leaves_nothing(pve, known, person):
    (operation,) = ask_for(person, known, vm(known, "web-01"))
    until(operation, lambda row: row.upid)
    Operation.objects.update(upid=operation.upid[:-1] + "x:")
    operation = drive(operation)[0]
    assert operation.state == OperationState.FAILED
    assert "no longer knows the task" in operation.message
    assert not of_ours(pve)


@pytest.mark.django_db
def test_an_ha_guest_is_followed_to_the_node_where_the_manager_puts_it(pve, known, person):
    server = server_of(pve, known, status="stopped", hastate="stopped")
    operation = until(request_operation(server, "start", person), lambda row: row.state == OperationState.SETTLING)
    pve.set_guest(server.vmid, node="pve3", status="stopped")
    until(operation, lambda row: "does not exist" in row.waiting_for or row.steps > 8)
    known.refresh_from_db()
    sync_cluster(known)
    pve.set_guest(server.vmid, status="running")
    assert run(operation).state in DONE
