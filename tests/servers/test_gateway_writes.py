"""The gateway's writes against the simulator: what they do, how they fail, and that both schemas know every request."""

import time

import pytest

from servers.proxmox import refusals
from servers.proxmox.config_answers import saved_config
from servers.proxmox.errors import (
    AlreadyThere,
    GuestMissing,
    Invalid,
    Locked,
    NoQuorum,
    NothingStarted,
    OddAnswer,
    ParametersRefused,
    Refused,
)
from servers.proxmox.gateway import Credentials, Gateway
from servers.proxmox.moves import BackupOrder, JobOrder, MigrateOrder, RestoreOrder
from servers.proxmox.orders import Changes, CloneOrder, ContainerOrder, VmOrder
from servers.proxmox.parts import DHCP, Address, Card, CloudInit
from simulator import Simulator
from tests.support.schema import unknown

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFbm5PEMqcLAeUnZXIdKA8xZ0bvmKkEQ8jqLhXcLQmZK me@home"
TEMPLATE = "cephfs:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"


def open_gateway(pve):
    return Gateway(Credentials(pve.token_id, pve.token_secret, "fingerprint", "", pve.fingerprint), pve.url)


@pytest.fixture(scope="module", params=["8.4", "9.2"])
def pve(request):
    with Simulator(guests=12, nodes=3, seed=1, task_seconds=0.05, version=request.param) as running:
        yield running


@pytest.fixture
def gateway(pve):
    with open_gateway(pve) as opened:
        yield opened
    pve.mend_tasks()
    pve.set_quorate(True)
    assert unknown((one.method, one.path, one.params) for one in list(pve.requests) if one.method == "GET") == []
    pve.requests.clear()


def finish(gateway, upid):
    """How a task ended, and its log."""
    deadline = time.monotonic() + 30
    while (row := gateway.task_status(upid))["status"] != "stopped":
        assert time.monotonic() < deadline, "the task did not end"
        time.sleep(0.01)
    return row["exitstatus"], gateway.task_log(upid, 0)


def done(gateway, upid):
    assert upid.startswith("UPID:")
    ended, log = finish(gateway, upid)
    assert ended == "OK", log


def template(pve):
    return next(guest for guest in pve.cluster.guests.values() if guest.template and guest.is_vm)


def make(gateway, pve, **options):
    """A clone of the template. Returns its id."""
    source, vmid = template(pve), gateway.next_id()
    order = CloneOrder(new_id=vmid, name=f"made-{vmid}", **options)
    done(gateway, gateway.clone(source.node, "qemu", source.vmid, order))
    return vmid


def test_a_vm_is_cloned_configured_grown_and_started_and_tells_its_address(gateway, pve):
    vmid, node = make(gateway, pve, full=True, target="pve3", storage="ceph-vm"), "pve3"
    card, address = Card(bridge="vmbr0", vlan=7), Address(ip="10.9.8.7/24", gateway="10.9.8.1")
    init = CloudInit(
        user="admin", password="secret12", ssh_keys=(KEY,), addresses=(address,), nameservers=("10.9.8.1",)
    )
    changes = Changes(cores=3, memory=3072, tags=("Web", "prod"), description="웹", cards={0: card}, cloud_init=init)
    gateway.change(node, "qemu", vmid, changes)
    size = gateway.config(node, "qemu", vmid).disks["scsi0"].size
    done(gateway, gateway.resize(node, "qemu", vmid, "scsi0", "+10G"))
    done(gateway, gateway.power(node, "qemu", vmid, "start"))
    config = gateway.config(node, "qemu", vmid)
    assert (config.name, config.cores, config.memory, config.tags) == (f"made-{vmid}", 3, 3072, ("prod", "web"))
    assert config.disks["scsi0"].size == size + 10 * 1024**3
    assert (config.cards["net0"].vlan, config.values["cipassword"]) == (7, "**********")
    assert "10.9.8.7" in {ip for card in wait_for_addresses(gateway, node, "qemu", vmid) for ip in card.addresses}


def wait_for_addresses(gateway, node, kind, vmid):
    deadline = time.monotonic() + 30
    while True:
        try:
            if found := gateway.interfaces(node, kind, vmid):
                return found
        except Refused:
            assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_container_is_made_from_a_template_and_started(gateway, pve):
    vmid = gateway.next_id()
    order = ContainerOrder(
        vmid=vmid, name="ct-new", template=TEMPLATE, storage="local-lvm", disk=8, cores=2, memory=1024, ssh_keys=(KEY,),
        cards=(Card(bridge="vmbr1"),), addresses=(DHCP,), tags=("ct",), start=True, password="secret12",
    )  # fmt: skip
    done(gateway, gateway.create_container("pve2", order))
    wait_for_addresses(gateway, "pve2", "lxc", vmid)
    config = gateway.config("pve2", "lxc", vmid)
    card = config.cards["net0"]
    assert (config.name, config.memory, card.bridge, card.ip) == ("ct-new", 1024, "vmbr1", "dhcp")
    assert f"lxc/{vmid}" in {f"{guest.kind}/{guest.vmid}" for guest in gateway.resources().guests}


def test_an_empty_vm_is_made_and_turned_into_a_template(gateway):
    vmid = gateway.next_id()
    order = VmOrder(
        vmid=vmid, name="blank", storage="local-lvm", disk=4, cards=(Card(bridge="vmbr0"),), tags=("a", "b")
    )
    done(gateway, gateway.create_vm("pve1", order))
    done(gateway, gateway.make_template("pve1", "qemu", vmid))
    assert gateway.config("pve1", "qemu", vmid).template


def test_a_change_of_a_running_vm_waits_and_can_be_taken_back(gateway, pve):
    vmid = pve.add_guest(name="busy", node="pve1", cores=2)
    gateway.change("pve1", "qemu", vmid, Changes(cores=4, description="now"))
    assert [(row.key, row.value, row.pending) for row in gateway.pending("pve1", "qemu", vmid)] == [("cores", "2", "4")]
    assert gateway.config("pve1", "qemu", vmid, current=True).cores == 2
    assert gateway.config("pve1", "qemu", vmid).cores == 4
    gateway.change("pve1", "qemu", vmid, Changes(revert=("cores",)))
    assert gateway.pending("pve1", "qemu", vmid) == []
    with pytest.raises(Refused, match="checksum mismatch"):
        gateway.change("pve1", "qemu", vmid, Changes(cores=1, digest="0" * 40))


def test_snapshots_are_taken_rolled_back_and_removed(gateway, pve):
    vmid = pve.add_guest(name="snappy", node="pve1", cores=2)
    done(gateway, gateway.snapshot("pve1", "qemu", vmid, "before", description="먼저", memory=True))
    gateway.describe_snapshot("pve1", "qemu", vmid, "before", "later")
    gateway.change("pve1", "qemu", vmid, Changes(name="renamed"))
    found = gateway.snapshots("pve1", "qemu", vmid)
    assert [(row.name, row.description, row.memory) for row in found] == [("before", "later", True)]
    done(gateway, gateway.power("pve1", "qemu", vmid, "stop"))
    done(gateway, gateway.rollback("pve1", "qemu", vmid, "before"))
    assert gateway.config("pve1", "qemu", vmid).name == "snappy"
    done(gateway, gateway.delete_snapshot("pve1", "qemu", vmid, "before"))
    assert gateway.snapshots("pve1", "qemu", vmid) == []


def test_a_guest_moves_and_its_old_node_does_not_know_it(gateway, pve):
    vmid = pve.add_guest(name="nomad", node="pve1")
    check = gateway.migration_check("pve1", "qemu", vmid)
    assert (check.running, check.nodes, len(check.local_disks)) == (True, ("pve2", "pve3"), 1)
    with pytest.raises(Refused, match="without --online"):
        gateway.migrate("pve1", "qemu", vmid, MigrateOrder(target="pve2"))
    assert finish(gateway, gateway.migrate("pve1", "qemu", vmid, MigrateOrder(target="pve2", online=True)))[0] != "OK"
    done(gateway, gateway.migrate("pve1", "qemu", vmid, MigrateOrder(target="pve2", online=True, local_disks=True)))
    assert gateway.guest_state("pve2", "qemu", vmid).status == "running"
    with pytest.raises(GuestMissing):
        gateway.guest_state("pve1", "qemu", vmid)


def test_a_running_container_moves_with_a_restart(gateway, pve):
    vmid = pve.add_guest(name="box", node="pve1", type="lxc")
    assert gateway.migration_check("pve1", "lxc", vmid).asked == (pve.cluster.release.major >= 9)
    done(gateway, gateway.migrate("pve1", "lxc", vmid, MigrateOrder(target="pve3", restart=True)))
    assert gateway.guest_state("pve3", "lxc", vmid).status == "running"


def test_a_backup_is_made_protected_restored_and_removed(gateway, pve):
    vmid, copy = pve.add_guest(name="saved", node="pve1", status="stopped"), None
    order = BackupOrder(vmids=(vmid,), storage="nfs-backup", notes="{{guestname}}")
    done(gateway, gateway.back_up("pve1", order))
    volume = gateway.volumes("pve1", "nfs-backup", "backup", vmid)[-1].volume
    gateway.edit_volume("pve1", volume, notes="keep", protected=True)
    assert "cannot remove protected" in finish(gateway, gateway.delete_volume("pve1", volume))[0]
    copy = gateway.next_id()
    done(
        gateway,
        gateway.restore("pve2", "qemu", RestoreOrder(vmid=copy, volume=volume, storage="local-lvm", unique=True)),
    )
    assert gateway.config("pve2", "qemu", copy).name == "saved"
    with pytest.raises(AlreadyThere):
        gateway.restore("pve1", "qemu", RestoreOrder(vmid=vmid, volume=volume))
    done(gateway, gateway.restore("pve1", "qemu", RestoreOrder(vmid=vmid, volume=volume, overwrite=True)))
    gateway.edit_volume("pve1", volume, protected=False)
    done(gateway, gateway.delete_volume("pve1", volume))


def test_a_backup_asked_for_at_the_wrong_node_is_no_success(gateway, pve):
    vmid = pve.add_guest(name="elsewhere", node="pve2")
    with pytest.raises(NothingStarted, match="not on node pve1"):
        gateway.back_up("pve1", BackupOrder(vmids=(vmid,), storage="pbs"))


def test_a_restore_that_fails_leaves_an_empty_guest_that_can_be_deleted(gateway, pve):
    vmid, volume = gateway.next_id(), pve.add_backup("nfs-backup", 100)
    upid = gateway.restore("pve1", "qemu", RestoreOrder(vmid=vmid, volume=volume, storage="nosuch"))
    assert "storage 'nosuch' does not exist" in finish(gateway, upid)[0]
    assert gateway.config("pve1", "qemu", vmid).empty
    done(gateway, gateway.delete_guest("pve1", "qemu", vmid))
    assert vmid not in pve.cluster.guests


def test_a_guest_that_runs_or_is_protected_is_not_deleted(gateway, pve):
    vmid = pve.add_guest(name="precious", node="pve1")
    with pytest.raises(Refused, match="is running"):
        gateway.delete_guest("pve1", "qemu", vmid)
    pve.stop_guest(vmid)
    gateway.change("pve1", "qemu", vmid, Changes(protection=True))
    with pytest.raises(Refused, match="protection mode"):
        gateway.delete_guest("pve1", "qemu", vmid)
    gateway.change("pve1", "qemu", vmid, Changes(protection=False))
    done(gateway, gateway.delete_guest("pve1", "qemu", vmid))


def test_jobs_and_high_availability_are_edited(gateway, pve):
    vmid, name = pve.add_guest(name="held", node="pve1"), "portal-job"
    gateway.create_backup_job(name, JobOrder(schedule="02:30", storage="pbs", vmids=(vmid,), keep={"keep-last": 3}))
    gateway.change_backup_job(name, JobOrder(enabled=False))
    job = next(job for job in gateway.backup_jobs() if job.id == name)
    assert (job.enabled, job.vmids, job.keep) == (False, (vmid,), {"keep-last": "3"})
    with pytest.raises(AlreadyThere):
        gateway.create_backup_job(name, JobOrder(schedule="02:30", vmids=(vmid,)))
    gateway.delete_backup_job(name)
    gateway.add_ha_resource("qemu", vmid)
    assert f"vm:{vmid}" in {row.sid for row in gateway.ha_resources()}
    with pytest.raises(AlreadyThere):
        gateway.add_ha_resource("qemu", vmid)
    gateway.remove_ha_resource("qemu", vmid)


def test_the_body_tells_what_the_reason_phrase_leaves_out(gateway):
    with pytest.raises(ParametersRefused) as caught:
        gateway.create_backup_job("nobody", JobOrder(schedule="02:30", storage="pbs"))
    assert caught.value.fields == {"vmid": "property is missing"}


def test_pickers_get_what_the_node_has(gateway):
    assert {"ceph-vm", "local-lvm"} == {storage.name for storage in gateway.storages("pve1", "images")}
    assert TEMPLATE in {row.volume for row in gateway.volumes("pve1", "cephfs", "vztmpl")}
    assert [(bridge.name, bridge.vlan_aware) for bridge in gateway.bridges("pve1")] == [
        ("vmbr0", False),
        ("vmbr1", True),
    ]
    appliance = gateway.appliances("pve1")[0].template
    done(gateway, gateway.download_appliance("pve1", "local", appliance))
    assert gateway.can_snapshot("pve1", "qemu", 100) in (True, False)


def test_complaints_of_proxmox_name_the_parameter(gateway, pve, changes_asked):
    vmid = pve.add_guest(name="picky", node="pve1")
    with pytest.raises(ParametersRefused) as caught:
        gateway.put(f"nodes/pve1/qemu/{vmid}/config", name="web_1", cores="many")
    assert caught.value.fields == {
        "name": "invalid format - value does not look like a valid DNS name",
        "cores": "type check ('integer') failed - got 'many'",
    }
    changes_asked.clear()


def test_a_lock_is_named(gateway, pve):
    vmid = pve.add_guest(name="locked", node="pve1", lock="backup")
    with pytest.raises(Locked) as caught:
        gateway.change("pve1", "qemu", vmid, Changes(description="x"))
    assert (caught.value.lock, caught.value.kind) == ("backup", "locked")
    free = pve.add_guest(name="held", node="pve1")
    pve.hold_lock_file(free, 5)
    with pytest.raises(Locked) as caught:
        gateway.change("pve1", "qemu", free, Changes(description="x"))
    assert caught.value.lock == ""


def test_what_lies_in_a_backup_is_read_without_restoring_it(gateway, pve):
    pve.add_guest(vmid=970, name="kept", node="pve1", cores=3, tags="a;b", description="two\nlines: 100 %")
    pve.add_backup("pbs", 970)
    volume = next(row.volume for row in gateway.volumes("pve1", "pbs", "backup", 970))
    config = gateway.saved_config("pve1", volume)
    assert (config.name, config.cores, config.tags) == ("kept", 3, ("a", "b"))
    assert config.description == "two\nlines: 100 %"
    with pytest.raises(Refused):
        gateway.saved_config("pve1", "pbs:backup/vm/971/2026-01-01T00:00:00Z")
    with pytest.raises(Invalid):
        gateway.saved_config("pve1", "pbs:../../etc/passwd")


def test_the_saved_file_ends_at_its_first_snapshot_and_what_vzdump_added_is_no_note():
    text = "#the%3A notes\n#qmdump#map:scsi0:drive-scsi0:local-lvm:raw:\nname: web\nmemory: 512\n\n[old]\nmemory: 64\n"
    config = saved_config(text)
    assert (config.name, config.memory, config.description) == ("web", 512, "the: notes")
    for odd in (None, {}, "", "<html></html>"):
        with pytest.raises(OddAnswer):
            saved_config(odd)


def test_an_id_that_another_client_takes_first_is_said_to_be_taken(gateway, pve):
    pve.race_ids(1)
    source, vmid = template(pve), gateway.next_id()
    with pytest.raises(AlreadyThere):
        gateway.clone(source.node, "qemu", source.vmid, CloneOrder(new_id=vmid, name="late"))
    with pytest.raises(ParametersRefused):
        gateway.next_id(vmid)


def test_without_quorum_nothing_is_made(gateway, pve):
    pve.set_quorate(False)
    source = template(pve)
    with pytest.raises(NoQuorum):
        gateway.clone(source.node, "qemu", source.vmid, CloneOrder(new_id=4711, name="late"))


@pytest.mark.parametrize(("how", "left"), [("fail", False), ("cut", True)], ids=["cleans up", "leaves a locked guest"])
def test_a_clone_that_fails_midway(gateway, pve, how, left):
    pve.fail_task("qmclone", how, error="No space left on device")
    source, vmid = template(pve), gateway.next_id()
    ended, _ = finish(gateway, gateway.clone(source.node, "qemu", source.vmid, CloneOrder(new_id=vmid, full=True)))
    assert "No space left on device" in ended
    assert (vmid in pve.cluster.guests) == left
    if left:
        ended, _ = finish(gateway, gateway.delete_guest(source.node, "qemu", vmid))
        assert refusals.of_task(ended).lock == "clone"
        pve.remove_guest(vmid)


def test_a_task_that_was_cancelled_leaves_nothing(gateway, pve):
    pve.slow_tasks(100, "qmclone")
    source, vmid = template(pve), gateway.next_id()
    upid = gateway.clone(source.node, "qemu", source.vmid, CloneOrder(new_id=vmid, full=True))
    gateway.cancel_task(upid)
    assert "interrupted" in finish(gateway, upid)[0]
    assert vmid not in pve.cluster.guests


@pytest.mark.parametrize(
    ("order", "field"),
    [
        (lambda: CloneOrder(new_id=50), "newid"),
        (lambda: CloneOrder(new_id=500, name="web_1"), "name"),
        (lambda: CloneOrder(new_id=500, name="웹서버"), "name"),
        (lambda: CloneOrder(new_id=500, target="../pve"), "target"),
        (lambda: CloneOrder(new_id=500, full=False, storage="x1"), "storage"),
        (lambda: Changes(tags=("bad tag!",)), "tags"),
        (lambda: Changes(name=""), "name"),
        (lambda: CloudInit(ssh_keys=("no key",)), "sshkeys"),
        (lambda: CloudInit(nameservers=("300.1.1.1",)), "nameserver"),
        (lambda: Address(ip="10.0.0.5"), "ipconfig0"),
        (lambda: Address(ip="dhcp", gateway="10.0.0.1"), "ipconfig0"),
        (lambda: Card(bridge="vmbr0,firewall=0"), "net0"),
        (lambda: RestoreOrder(vmid=500, volume="local:../../etc/passwd"), "archive"),
        (lambda: BackupOrder(vmids=(), storage="pbs"), "vmid"),
        (lambda: ContainerOrder(vmid=500, name="a", template="local:iso/x.iso", storage="s1", disk=1), "ostemplate"),
        (
            lambda: ContainerOrder(vmid=500, name="a", template=TEMPLATE, storage="s1", disk=1, password="abc"),
            "password",
        ),
    ],
)
def test_what_proxmox_could_not_take_is_said_before_anything_is_sent(order, field):
    with pytest.raises(Invalid) as caught:
        order()
    assert set(caught.value.fields) == {field}


def test_no_order_shows_a_password():
    order = ContainerOrder(vmid=500, name="a", template=TEMPLATE, storage="s1", disk=1, password="secret12")
    assert "secret12" not in repr(order) + repr(CloudInit(password="secret12"))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("VM is locked (backup)", Locked),
        ("can't lock file '/var/lock/qemu-server/lock-104.conf' - got timeout", Locked),
        ("unable to create VM 401: config file already exists", AlreadyThere),
        ("close (rename) atomic file '/etc/pve/nodes/a/qemu-server/101.conf' failed: File exists", AlreadyThere),
        ("Configuration file 'nodes/a/qemu-server/1.conf' does not exist", GuestMissing),
        ("unable to open file '/etc/pve/nodes/a/qemu-server/1.conf.tmp.9' - Permission denied", NoQuorum),
        ("shrinking disks is not supported", Refused),
    ],
)
def test_the_end_of_a_task_is_judged_like_a_refusal(text, kind):
    assert type(refusals.of_task(text)) is kind
