"""Operations, against a Proxmox that answers as real ones do."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission, User

from portal.lib import clock
from servers.models import Operation, OperationState, Server
from servers.operations import Refusal, possible_actions, request_operation, step
from servers.sync import sync_cluster
from tests.support.processes import wait_until

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator():
    user = User.objects.create_user("김철수", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_server", "operate_server"]))
    return user


@pytest.fixture
def servers(cluster, pve):
    """One of each sort, by name."""
    pve.add_guest(vmid=901, name="vm", node="pve1", status="stopped")
    pve.add_guest(vmid=902, name="vm-up", node="pve1", status="running")
    pve.add_guest(vmid=903, name="ct-up", node="pve2", type="lxc", status="running")
    pve.add_guest(vmid=904, name="ha-up", node="pve2", status="running", hastate="started")
    pve.add_guest(vmid=905, name="a-template", node="pve2", status="stopped", template=True)
    sync_cluster(cluster)
    return {server.name: server for server in Server.objects.filter(vmid__gte=901)}


def drive(operation, seconds=15.0, until=None):
    """Do its steps until it is over."""

    def over():
        fresh = Operation.objects.select_related("server__node", "cluster").get(pk=operation.pk)
        if (until and fresh.state == until) or not fresh.is_active:
            return True
        Operation.objects.filter(pk=operation.pk).update(due_at=clock.now())
        fresh.refresh_from_db()
        step(fresh)
        return False

    wait_until(over, timeout=seconds)
    operation.refresh_from_db()
    return operation


def posts(pve):
    return [request.path for request in pve.requests if request.method == "POST"]


def test_a_server_is_started_and_proxmoxs_words_are_kept(servers, operator, pve):
    operation = drive(request_operation(servers["vm"], "start", operator))
    assert (operation.state, operation.message) == (OperationState.SUCCEEDED, "OK")
    assert operation.upid.startswith("UPID:pve1:")
    assert "TASK OK" in operation.log
    assert operation.requester == "김철수"
    servers["vm"].refresh_from_db()
    assert servers["vm"].intended_state == "running"


@pytest.mark.parametrize(
    ("name", "action", "after"),
    [
        ("vm-up", "shutdown", "stopped"),
        ("vm-up", "stop", "stopped"),
        ("vm-up", "reboot", "running"),
        ("vm-up", "suspend", "paused"),
        ("ct-up", "stop", "stopped"),
        ("ct-up", "reboot", "running"),
        ("ha-up", "stop", "stopped"),
    ],
)
def test_each_action_ends_with_the_server_in_its_state(servers, operator, cluster, name, action, after):
    operation = drive(request_operation(servers[name], action, operator))
    assert operation.state == OperationState.SUCCEEDED
    cluster.refresh_from_db()
    sync_cluster(cluster)
    servers[name].refresh_from_db()
    assert servers[name].status == after
    assert servers[name].intended_state == after


def test_a_paused_server_is_resumed(servers, operator, pve, cluster):
    drive(request_operation(servers["vm-up"], "suspend", operator))
    assert drive(request_operation(servers["vm-up"], "resume", operator)).state == OperationState.SUCCEEDED


def test_the_start_of_a_running_vm_fails_in_proxmoxs_words(servers, operator):
    operation = drive(request_operation(servers["vm-up"], "start", operator))
    assert (operation.state, operation.message) == (OperationState.FAILED, "VM 902 already running")


def test_the_start_of_a_running_container_is_refused_at_once(servers, operator):
    operation = drive(request_operation(servers["ct-up"], "start", operator))
    assert operation.state == OperationState.FAILED
    assert "CT 903 already running" in operation.message
    assert operation.upid == ""


def test_a_server_that_somebody_deleted_meanwhile_fails_with_a_sentence(servers, operator, pve):
    pve.remove_guest(901)
    operation = drive(request_operation(servers["vm"], "start", operator))
    assert operation.state == OperationState.FAILED
    assert "does not exist" in operation.message


def test_a_server_retired_between_request_and_step_is_not_touched(servers, operator, pve):
    operation = request_operation(servers["vm"], "start", operator)
    Server.objects.filter(pk=servers["vm"].pk).update(retired_at=clock.now())
    pve.requests.clear()
    drive(operation)
    assert operation.state == OperationState.FAILED
    assert "deleted meanwhile" in operation.message
    assert not posts(pve)


def test_a_locked_server_is_waited_for_and_then_done(servers, operator, pve):
    pve.set_guest(902, lock="backup")
    operation = drive(request_operation(servers["vm-up"], "shutdown", operator), until=OperationState.QUEUED)
    drive_once = Operation.objects.select_related("server__node", "cluster").get(pk=operation.pk)
    wait_until(lambda: (_nudge(drive_once), _fresh(operation).waiting_for != "")[1], timeout=10)
    assert "VM is locked (backup)" in _fresh(operation).waiting_for
    pve.set_guest(902, lock="")
    assert drive(operation).state == OperationState.SUCCEEDED


def test_a_lock_that_stays_is_named_when_patience_ends(servers, operator, pve):
    pve.set_guest(902, lock="backup")
    operation = request_operation(servers["vm-up"], "shutdown", operator)
    Operation.objects.filter(pk=operation.pk).update(stage_since=clock.now() - timedelta(minutes=3))
    assert drive(operation).state == OperationState.FAILED
    assert operation.message == "VM is locked (backup)"


def test_an_offline_node_fails_the_request_with_a_sentence(servers, operator, pve):
    pve.node_offline("pve1")
    operation = drive(request_operation(servers["vm"], "start", operator))
    assert operation.state == OperationState.FAILED
    assert "595" in operation.message


def test_a_missing_privilege_is_told_in_proxmoxs_words(servers, operator, pve):
    pve.set_token_rights("auditor")
    operation = drive(request_operation(servers["vm"], "start", operator))
    assert operation.state == OperationState.FAILED
    assert "VM.PowerMgmt" in operation.message


def test_two_people_pressing_stop_at_once_make_one_operation(servers, operator):
    request_operation(servers["vm-up"], "stop", operator)
    with pytest.raises(Refusal, match="김철수 asked for “Stop”"):
        request_operation(servers["vm-up"], "stop", operator)
    assert Operation.objects.count() == 1


@pytest.mark.parametrize("name", ["vm", "a-template"])
def test_a_person_without_the_right_queues_nothing(servers, name):
    viewer = User.objects.create_user("viewer", is_staff=True)
    with pytest.raises(Refusal, match="may not operate|is a template"):
        request_operation(servers[name], "start", viewer)
    assert not Operation.objects.exists()


def test_a_template_is_never_operated(servers, operator):
    with pytest.raises(Refusal, match="is a template"):
        request_operation(servers["a-template"], "start", operator)


def test_the_audit_trail_names_the_operation(servers, operator):
    from auditlog.models import LogEntry

    operation = request_operation(servers["vm"], "start", operator)
    entry = LogEntry.objects.get_for_object(servers["vm"]).first()
    assert entry.changes["operation"] == ["", f"start #{operation.pk}"]


def test_an_answer_that_broke_off_is_looked_up_and_not_sent_again(servers, operator, pve):
    """The call arrived, its answer did not: the task on the node is found, and there is one POST."""
    operation = request_operation(servers["vm"], "start", operator)
    pve.misbehave("/nodes/*/qemu/901/status/start", "truncated", times=1)
    pve.requests.clear()
    drive(operation)
    assert operation.state == OperationState.SUCCEEDED
    assert len(posts(pve)) == 1


def test_a_call_that_never_arrived_is_sent_again(servers, operator, pve):
    operation = request_operation(servers["vm"], "start", operator)
    Operation.objects.filter(pk=operation.pk).update(
        state=OperationState.SENDING, node_name="pve1", sending_at=clock.now() - timedelta(seconds=30)
    )
    drive(operation)
    assert operation.state == OperationState.SUCCEEDED
    assert len(posts(pve)) == 1


def test_a_claim_keeps_a_second_worker_out(servers, operator):
    operation = request_operation(servers["vm"], "start", operator)
    first = Operation.objects.get(pk=operation.pk)
    assert first.claim(clock.now())
    assert not step(operation)


def test_a_worker_that_slept_past_its_claim_writes_nothing(servers, operator):
    operation = request_operation(servers["vm"], "start", operator)
    slow = Operation.objects.get(pk=operation.pk)
    assert slow.claim(clock.now())
    with time_machine.travel(clock.now() + timedelta(minutes=5)):
        assert Operation.objects.get(pk=operation.pk).claim(clock.now())
    slow.release(clock.now(), message="too late")
    operation.refresh_from_db()
    assert operation.message == ""


def test_a_task_that_proxmox_forgot_ends_as_lost_and_never_as_success(servers, operator, pve):
    operation = drive(request_operation(servers["vm"], "start", operator), until=OperationState.RUNNING)
    forgotten = operation.upid[:-1] + "x:"
    Operation.objects.filter(pk=operation.pk).update(upid=forgotten)
    assert drive(operation).state == OperationState.LOST
    assert "no longer knows the task" in operation.message


def test_proxmox_out_of_reach_is_waited_for_and_then_lost(servers, operator, pve):
    operation = drive(request_operation(servers["vm"], "start", operator), until=OperationState.RUNNING)
    pve.misbehave("/nodes/*/tasks/*", "reset")
    Operation.objects.filter(pk=operation.pk).update(steps=0)
    step(Operation.objects.select_related("server__node", "cluster").get(pk=operation.pk))
    operation.refresh_from_db()
    assert operation.is_active
    assert "cannot be reached" in operation.waiting_for
    Operation.objects.filter(pk=operation.pk).update(trouble_since=clock.now() - timedelta(minutes=11))
    assert drive(operation).state == OperationState.LOST


@pytest.mark.parametrize(
    ("status", "actions"),
    [
        ("stopped", ["start"]),
        ("running", ["shutdown", "reboot", "stop", "suspend"]),
        ("paused", ["resume", "stop"]),
        ("unknown", []),
    ],
)
def test_what_is_offered_fits_the_state(status, actions):
    assert possible_actions(Server(status=status)) == actions


def _fresh(operation):
    operation.refresh_from_db()
    return operation


def _nudge(operation):
    Operation.objects.filter(pk=operation.pk).update(due_at=clock.now())
    operation.refresh_from_db()
    step(operation)


def test_the_end_and_the_intent_are_written_together(servers, operator, monkeypatch):
    """A worker that dies right after an operation ended must not leave a server that "should run" stopped."""
    operation = request_operation(servers["vm-up"], "stop", operator)
    monkeypatch.setattr("servers.operations._finished", lambda operation: None)
    drive(operation)
    servers["vm-up"].refresh_from_db()
    assert servers["vm-up"].intended_state == "stopped"


def test_a_sync_leaves_the_intent_that_an_operation_wrote_meanwhile(servers, cluster, pve, monkeypatch):
    from servers import reconcile

    pve.set_guest(902, tags="changed")
    write = reconcile._Servers.write

    def late(self):
        Server.objects.filter(vmid=902).update(intended_state="stopped")
        write(self)

    monkeypatch.setattr(reconcile._Servers, "write", late)
    cluster.refresh_from_db()
    sync_cluster(cluster)
    assert Server.objects.get(vmid=902).intended_state == "stopped"
