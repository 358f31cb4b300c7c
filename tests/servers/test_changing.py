"""Changing, saving, moving and deleting servers, against a Proxmox that answers as real ones do."""

from datetime import timedelta
from fnmatch import fnmatch

import pytest
from django.contrib.auth.models import Permission, User

from portal.lib import clock
from servers.models import Backup, ChangeKind, Counter, Operation, OperationState, Server, StateChange
from servers.operations import Refusal, request_operation, step, try_again
from servers.proxmox.errors import Invalid
from servers.rotation import rotate
from servers.sync import sync_cluster
from tests.servers.test_operations import drive

pytestmark = pytest.mark.django_db

RIGHTS = ["view_server", "operate_server", "configure_server", "destroy_server"]


@pytest.fixture
def person():
    user = User.objects.create_user("박영희", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=RIGHTS))
    return user


@pytest.fixture
def servers(cluster, pve):
    """One of each sort, by name."""
    pve.add_guest(vmid=901, name="vm", node="pve1", status="stopped", cores=2)
    pve.add_guest(vmid=902, name="vm-up", node="pve1", status="running", cores=2)
    pve.add_guest(vmid=903, name="ct-up", node="pve2", type="lxc", status="running")
    pve.add_guest(vmid=904, name="ha-up", node="pve2", status="running", hastate="started")
    sync(cluster)
    return {server.name: server for server in Server.objects.filter(vmid__gte=901)}


def sync(cluster):
    cluster.refresh_from_db()
    return sync_cluster(cluster)


def do(server, action, person, **parameters):
    return drive(request_operation(server, action, person, parameters))


def writes(pve):
    return [(r.method, r.path) for r in pve.requests if r.method != "GET"]


def test_name_tags_description_and_protection_are_changed(servers, person, cluster, pve):
    wanted = {"name": "renamed", "tags": ["prod", "web"], "description": "설명", "protection": True}
    operation = do(servers["vm-up"], "change", person, **wanted)
    assert (operation.state, operation.message) == (OperationState.SUCCEEDED, "OK")
    sync(cluster)
    server = Server.objects.get(vmid=902)
    assert (server.name, server.tag_list) == ("renamed", ["prod", "web"])
    assert pve.cluster.guests[902].extra["protection"] == 1


def test_a_resize_of_a_running_vm_says_what_waits_for_a_restart(servers, person, pve):
    operation = do(servers["vm-up"], "resize", person, cores=4, disk="scsi0", size="80G")
    assert operation.state == OperationState.SUCCEEDED
    assert "cores: 2 until the next restart, then 4." in operation.log
    assert [record["title"] for record in operation.stages_done] == ["Change CPU and memory", "Grow the disk"]
    assert [path.rpartition("/")[2] for _method, path in writes(pve)] == ["config", "resize"]


@pytest.mark.parametrize(
    ("name", "action", "parameters", "field"),
    [
        ("vm", "change", {"name": "under_score"}, "name"),
        ("vm", "change", {"tags": ["größe"]}, "tags"),
        ("vm", "change", {}, "__all__"),
        ("vm", "resize", {"cores": 0}, "cores"),
        ("vm", "resize", {"disk": "../config", "size": "80G"}, "disk"),
        ("vm", "resize", {"disk": "scsi0", "size": "+10G"}, "size"),
        ("ct-up", "resize", {"sockets": 2}, "sockets"),
        ("vm", "snapshot", {"name": "../config"}, "name"),
        ("vm", "snapshot", {"name": "current"}, "name"),
        ("vm", "snapshot", {"name": "good", "memory": True}, "memory"),
        ("vm", "rollback", {"name": "100?x"}, "name"),
        ("vm", "back_up", {}, "storage"),
        ("vm", "back_up", {"storage": "pbs", "mode": "gently"}, "mode"),
        ("vm", "migrate", {"target": "pve1"}, "target"),
        ("vm", "migrate", {"target": "nowhere"}, "target"),
        ("ct-up", "migrate", {"target": "pve3"}, "restart"),
        ("vm", "restore", {"volume": "pbs:backup/gone"}, "volume"),
        ("vm", "delete", {"confirm": "VM"}, "confirm"),
        ("vm-up", "delete", {"confirm": "vm-up"}, "stop"),
    ],
)
def test_bad_input_is_said_at_its_field_before_anything_is_queued(
    servers, person, pve, name, action, parameters, field
):
    with pytest.raises(Invalid) as caught:
        request_operation(servers[name], action, person, parameters)
    assert field in caught.value.fields
    assert not Operation.objects.exists()
    assert writes(pve) == []


@pytest.mark.parametrize("action", ["change", "resize", "rollback", "migrate", "restore", "delete"])
def test_who_may_only_operate_changes_nothing(servers, action):
    user = User.objects.create_user("operator", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="operate_server"))
    with pytest.raises(Refusal, match="You may not"):
        request_operation(servers["vm"], action, user, {})


def test_a_snapshot_is_taken_gone_back_to_and_removed(servers, person, pve):
    assert do(servers["vm-up"], "snapshot", person, name="before", description="먼저").state == "succeeded"
    do(servers["vm-up"], "change", person, name="later")
    back = do(servers["vm-up"], "rollback", person, name="before", start=True)
    assert (back.state, pve.cluster.guests[902].name) == (OperationState.SUCCEEDED, "vm-up")
    assert do(servers["vm-up"], "delete_snapshot", person, name="before").state == OperationState.SUCCEEDED
    assert pve.cluster.guests[902].snapshots == []


@pytest.mark.parametrize(
    ("more", "intended"), [({}, "stopped"), ({"start": True}, "running"), ({"memory": True}, "running")]
)
def test_after_a_rollback_the_server_should_be_what_it_is_then(servers, person, more, intended):
    do(servers["vm-up"], "snapshot", person, name="before", memory=bool(more.get("memory")))
    do(servers["vm-up"], "rollback", person, name="before", **more)
    assert Server.objects.get(vmid=902).intended_state == intended


def test_a_backup_is_made_and_restored_over_its_running_server(servers, person, cluster, pve):
    made = do(servers["vm-up"], "back_up", person, storage="nfs-backup", mode="snapshot", notes="{{guestname}}")
    assert made.state == OperationState.SUCCEEDED
    cluster.refresh_from_db()
    rotate(cluster, everything=True)
    backup = Backup.objects.get(server=servers["vm-up"])
    do(servers["vm-up"], "change", person, name="broken")
    back = do(servers["vm-up"], "restore", person, volume=backup.volid, stop=True, start=True)
    assert (back.state, back.message) == (OperationState.SUCCEEDED, "OK")
    assert len(back.stages_done) == 3
    assert (pve.cluster.guests[902].name, pve.cluster.guests[902].running) == ("vm-up", True)


def test_a_backup_asked_at_a_node_that_lost_the_server_is_no_success(servers, person, pve):
    pve.cluster.guests[901].node = "pve3"
    operation = do(servers["vm"], "back_up", person, storage="nfs-backup")
    assert operation.state == OperationState.FAILED
    assert "made no backup" in operation.message


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("vm", {}), ("vm-up", {"local_disks": True}), ("ct-up", {"restart": True}), ("ha-up", {"local_disks": True})],
)
def test_a_server_moves_and_the_next_operation_finds_it(servers, person, cluster, pve, name, parameters):
    moved = do(servers[name], "migrate", person, target="pve3", **parameters)
    assert (moved.state, pve.cluster.guests[servers[name].vmid].node) == (OperationState.SUCCEEDED, "pve3")
    operation = request_operation(servers[name], "snapshot", person, {"name": "after"})
    step(Operation.objects.select_related("server__node", "cluster").get(pk=operation.pk))
    operation.refresh_from_db()
    assert "where it is now is asked" in operation.waiting_for
    sync(cluster)
    assert drive(operation).state == OperationState.SUCCEEDED


def test_a_move_that_is_refused_is_told_in_proxmoxs_words(servers, person):
    operation = do(servers["vm-up"], "migrate", person, target="pve2")
    assert operation.state == OperationState.FAILED
    assert operation.message == "migration aborted"
    assert "without with-local-disks option" in operation.log


def test_a_deleted_server_is_history_at_once_and_stays_it(servers, person, cluster, pve):
    Counter.add(Counter.DELETED, cluster.name, 0)
    gone, listed = servers["vm-up"], list(pve.cluster.guests)
    row = pve.cluster.guests[902]
    operation = do(gone, "delete", person, confirm="vm-up", stop=True)
    gone.refresh_from_db()
    assert (operation.state, gone.is_retired) == (OperationState.SUCCEEDED, True)
    assert Counter.objects.get(name=Counter.DELETED).value == 1
    assert StateChange.objects.filter(server=gone, kind=ChangeKind.RETIRED).count() == 1
    pve.cluster.guests[902] = row  # the list of Proxmox is some seconds old
    sync(cluster)
    assert 902 in listed
    assert list(Server.objects.filter(vmid=902)) == [gone]
    Operation.objects.update(finished_at=clock.now() - timedelta(minutes=1))
    sync(cluster)  # still there: somebody made it anew, and that is another server
    assert Server.objects.filter(vmid=902, retired_at=None).count() == 1
    assert Counter.objects.get(name=Counter.DELETED).value == 1


def test_another_guest_that_gets_the_id_of_a_deleted_one_is_seen_at_once(servers, person, cluster, pve):
    do(servers["vm"], "delete", person, confirm="vm")
    pve.add_guest(vmid=901, name="successor", node="pve1", status="stopped")
    sync(cluster)
    assert Server.objects.get(vmid=901, retired_at=None).name == "successor"


def test_a_protected_server_is_not_deleted(servers, person):
    do(servers["vm"], "change", person, protection=True)
    operation = do(servers["vm"], "delete", person, confirm="vm")
    servers["vm"].refresh_from_db()
    assert (operation.state, servers["vm"].is_retired) == (OperationState.FAILED, False)
    assert "protection mode" in operation.message


def test_an_ha_guest_is_stopped_and_deleted_with_its_entry(servers, person, pve):
    operation = do(servers["ha-up"], "delete", person, confirm="ha-up", stop=True, purge=True)
    assert operation.state == OperationState.SUCCEEDED
    assert 904 not in pve.cluster.guests


def test_what_proxmox_says_of_a_parameter_is_kept_by_its_name(servers, person, pve):
    pve.set_guest(901, lock="backup")
    operation = request_operation(servers["vm"], "resize", person, {"disk": "scsi9", "size": "80G"})
    pve.set_guest(901, lock="")
    drive(operation)
    assert operation.state == OperationState.FAILED
    assert "scsi9" in operation.message


def test_another_try_goes_on_where_it_failed(servers, person, pve):
    pve.fail_task("resize", times=1)
    failed = do(servers["vm"], "resize", person, cores=4, disk="scsi0", size="80G")
    assert failed.state == OperationState.FAILED
    pve.requests.clear()
    again = drive(try_again(failed, person))
    assert (again.state, again.retry_of) == (OperationState.SUCCEEDED, failed)
    assert [path.rpartition("/")[2] for _method, path in writes(pve)] == ["resize"]


CASES = [
    ("vm", "resize", {"cores": 4, "disk": "scsi0", "size": "80G"}, "*/resize"),
    ("vm-up", "snapshot", {"name": "before"}, "*/snapshot"),
    ("ct-up", "snapshot", {"name": "before"}, "*/snapshot"),
    ("vm-up", "back_up", {"storage": "nfs-backup"}, "*/vzdump"),
    ("vm", "migrate", {"target": "pve2"}, "*/migrate"),
    ("ct-up", "migrate", {"target": "pve3", "restart": True}, "*/migrate"),
    ("vm-up", "delete", {"confirm": "vm-up", "stop": True}, "*/qemu/902"),
    ("ct-up", "delete", {"confirm": "ct-up", "stop": True}, "*/lxc/903"),
]


@pytest.mark.parametrize(("name", "action", "parameters", "path"), CASES)
def test_an_answer_that_broke_off_is_looked_up_and_not_sent_again(servers, person, pve, name, action, parameters, path):
    """Each plan's task is found again by its type: the call arrived, its answer did not."""
    operation = request_operation(servers[name], action, person, parameters)
    pve.misbehave(f"/nodes/{path}", "truncated", times=1)
    pve.requests.clear()
    assert drive(operation, seconds=40).state == OperationState.SUCCEEDED
    sent = [each for each in writes(pve) if fnmatch(each[1], f"/nodes/{path}")]
    assert len(sent) == 1
