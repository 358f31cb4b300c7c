"""Power: what is refused at once, what the task says, what the guest does."""

from __future__ import annotations

import pytest

from simulator import Simulator
from tests.simulator.conftest import Client, until


def status_of(client: Client, vmid: int, kind: str = "qemu", node: str = "pve1") -> str:
    row = client.get(f"/nodes/{node}/{kind}/{vmid}/status/current")
    return row.get("qmpstatus", row["status"])


def test_a_stopped_vm_starts_and_its_uptime_begins_anew(pve: Simulator, client: Client, vm: int) -> None:
    path = f"/nodes/pve1/qemu/{vm}/status"
    assert client.run(path + "/stop") == ("OK", ["TASK OK"])
    assert status_of(client, vm) == "stopped"
    assert client.rows()[f"qemu/{vm}"]["uptime"] == 0
    assert client.run(path + "/start") == ("OK", ["TASK OK"])
    row = client.rows()[f"qemu/{vm}"]
    assert row["status"] == "running"
    assert 0 <= row["uptime"] <= 5


def test_starting_a_running_vm_is_a_task_that_fails(client: Client, vm: int) -> None:
    text = f"VM {vm} already running"
    assert client.run(f"/nodes/pve1/qemu/{vm}/status/start") == (text, [f"TASK ERROR: {text}"])


def test_starting_a_running_container_is_refused_at_once(client: Client, ct: int) -> None:
    answer = client.post(f"/nodes/pve1/lxc/{ct}/status/start")
    assert (answer.status_code, answer.reason) == (500, f"CT {ct} already running")


@pytest.mark.parametrize(
    ("kind", "action", "text"),
    [
        ("qemu", "start", "Configuration file 'nodes/pve1/qemu-server/99999.conf' does not exist"),
        ("qemu", "stop", "unable to find configuration file for VM 99999 on node 'pve1'"),
        ("lxc", "start", "Configuration file 'nodes/pve1/lxc/99999.conf' does not exist"),
    ],
)
def test_an_unknown_guest_gets_a_task_that_fails(client: Client, kind: str, action: str, text: str) -> None:
    assert client.run(f"/nodes/pve1/{kind}/99999/status/{action}") == (text, [f"TASK ERROR: {text}"])


@pytest.mark.parametrize("action", ["stop", "shutdown"])
def test_stopping_a_stopped_vm_is_ok(pve: Simulator, client: Client, vm: int, action: str) -> None:
    pve.stop_guest(vm)
    assert client.run(f"/nodes/pve1/qemu/{vm}/status/{action}")[0] == "OK"


@pytest.mark.parametrize("action", ["reboot", "reset", "suspend", "resume"])
def test_a_stopped_vm_cannot_be_rebooted_reset_or_paused(pve: Simulator, client: Client, vm: int, action: str) -> None:
    pve.stop_guest(vm)
    answer = client.post(f"/nodes/pve1/qemu/{vm}/status/{action}")
    assert (answer.status_code, answer.reason) == (500, f"VM {vm} not running")


@pytest.mark.parametrize(("action", "word"), [("stop", "CT"), ("shutdown", "CT"), ("reboot", "VM")])
def test_a_stopped_container_refuses_at_once(pve: Simulator, client: Client, ct: int, action: str, word: str) -> None:
    pve.stop_guest(ct)
    assert client.post(f"/nodes/pve1/lxc/{ct}/status/{action}").reason == f"{word} {ct} not running"


@pytest.mark.parametrize("action", ["stop", "shutdown", "reset", "suspend"])
def test_a_locked_vm_lets_nothing_through(pve: Simulator, client: Client, vm: int, action: str) -> None:
    pve.set_guest(vm, lock="snapshot")
    status, log = client.run(f"/nodes/pve1/qemu/{vm}/status/{action}")
    assert status == "VM is locked (snapshot)"
    assert log == ["TASK ERROR: VM is locked (snapshot)"]
    assert status_of(client, vm) == "running"


def test_a_locked_container_says_so(pve: Simulator, client: Client, ct: int) -> None:
    pve.set_guest(ct, lock="backup")
    assert client.run(f"/nodes/pve1/lxc/{ct}/status/stop")[0] == "CT is locked (backup)"


def test_starting_a_running_vm_under_backup_is_ok(pve: Simulator, client: Client, vm: int) -> None:
    pve.set_guest(vm, lock="backup")
    assert client.run(f"/nodes/pve1/qemu/{vm}/status/start")[0] == "OK"


def test_a_template_cannot_start(pve: Simulator, client: Client) -> None:
    vmid = pve.add_guest(node="pve1", template=True)
    assert client.run(f"/nodes/pve1/qemu/{vmid}/status/start")[0] == "you can't start a vm if it's a template"
    pve.remove_guest(vmid)


def test_pausing_and_resuming(pve: Simulator, client: Client, vm: int) -> None:
    path = f"/nodes/pve1/qemu/{vm}/status"
    assert client.run(path + "/suspend")[0] == "OK"
    current = client.get(path + "/current")
    assert (current["status"], current["qmpstatus"]) == ("running", "paused")
    assert client.rows()[f"qemu/{vm}"]["status"] == "paused"
    assert client.run(path + "/start")[0] == f"VM {vm} already running"
    assert client.post(path + "/shutdown").reason == "VM is paused - cannot shutdown"
    assert client.run(path + "/resume")[0] == "OK"
    assert status_of(client, vm) == "running"


def test_suspending_to_disk_leaves_a_lock_that_a_start_takes_away(client: Client, vm: int) -> None:
    path = f"/nodes/pve1/qemu/{vm}"
    status, log = client.run(path + "/status/suspend", todisk=1)
    assert (status, log[-2]) == ("OK", "State saved, quitting")
    assert client.get(path + "/status/current")["lock"] == "suspended"
    assert status_of(client, vm) == "stopped"
    assert client.run(path + "/status/start")[1][0] == "Resuming suspended VM"
    assert "lock" not in client.get(path + "/config")


def test_a_shutdown_waits_for_the_guest_until_its_timeout(pve: Simulator, client: Client, vm: int) -> None:
    pve.set_guest(vm, reacts=False)
    path = f"/nodes/pve1/qemu/{vm}/status"
    text = "VM quit/powerdown failed - got timeout"
    assert client.run(path + "/shutdown", timeout=4) == (text, [f"TASK ERROR: {text}"])
    assert client.run(path + "/reboot", timeout=4)[0] == text
    assert status_of(client, vm) == "running"
    status, log = client.run(path + "/shutdown", timeout=4, forceStop=1)
    assert (status, log[0]) == ("OK", "VM still running - terminating now with SIGTERM")
    assert status_of(client, vm) == "stopped"


def test_a_reboot_is_done_when_the_vm_is_down_and_then_it_comes_back(client: Client, vm: int) -> None:
    assert client.run(f"/nodes/pve1/qemu/{vm}/status/reboot")[0] == "OK"
    until(lambda: status_of(client, vm) == "running")


def test_stopping_a_vm_that_shuts_down_waits_for_the_lock_file_in_vain(pve: Simulator, client: Client, vm: int) -> None:
    pve.set_guest(vm, reacts=False)
    path = f"/nodes/pve1/qemu/{vm}/status"
    shutdown = client.post(path + "/shutdown", timeout=100000).json()["data"]
    status, log = client.run(path + "/stop")
    assert status == f"can't lock file '/var/lock/qemu-server/lock-{vm}.conf' - got timeout"
    assert log == ["trying to acquire lock...", f"TASK ERROR: {status}"]
    status, log = client.run(path + "/stop", **{"overrule-shutdown": 1})
    assert (status, log[0]) == ("OK", f"overruled qmshutdown tasks: {shutdown}")
    assert client.finish(shutdown) == ("received interrupt", ["TASK ERROR: received interrupt"])


def test_containers_start_stop_and_reboot(client: Client, ct: int) -> None:
    path = f"/nodes/pve1/lxc/{ct}/status"
    for action, after in (("shutdown", "stopped"), ("start", "running"), ("reboot", "running"), ("stop", "stopped")):
        assert client.run(f"{path}/{action}")[0] == "OK"
        assert status_of(client, ct, "lxc") == after


def test_containers_cannot_be_suspended(client: Client, ct: int) -> None:
    status, _ = client.run(f"/nodes/pve1/lxc/{ct}/status/suspend")
    assert status == f"command 'lxc-checkpoint -n {ct} -s -D /var/lib/vz/dump' failed: exit code 1"


@pytest.mark.usefixtures("slowly")
def test_an_ha_guest_files_a_request_and_follows_later(pve: Simulator, client: Client, vm: int) -> None:
    pve.set_guest(vm, hastate="started")
    upid = client.post(f"/nodes/pve1/qemu/{vm}/status/shutdown").json()["data"]
    assert f":hastop:{vm}:" in upid
    assert client.finish(upid) == ("OK", [f"Requesting HA stop for VM {vm}", "TASK OK"])
    assert status_of(client, vm) == "running", "the request is filed, the guest has not followed yet"
    until(lambda: client.rows()[f"qemu/{vm}"].get("hastate") == "stopped")
    assert status_of(client, vm) == "stopped"
    upid = client.post(f"/nodes/pve1/qemu/{vm}/status/start").json()["data"]
    assert f":hastart:{vm}:" in upid
    until(lambda: status_of(client, vm) == "running")
    assert client.get(f"/nodes/pve1/qemu/{vm}/status/current")["ha"] == {"managed": 1, "state": "started"}
    services = [row for row in client.get("/cluster/ha/status/current") if row["type"] == "service"]
    assert f"vm:{vm}" in {row["sid"] for row in services}


def test_without_quorum_nothing_starts_but_running_guests_can_be_stopped(
    pve: Simulator, client: Client, vm: int
) -> None:
    pve.set_quorate(False)
    path = f"/nodes/pve1/qemu/{vm}/status"
    assert client.run(path + "/suspend")[0] == "OK"
    assert client.run(path + "/stop")[0] == "OK"
    refused = client.post(path + "/start")
    assert (refused.status_code, refused.reason) == (500, "cluster not ready - no quorum?")
    assert client.get("/cluster/status")[0]["quorate"] == 0


def test_the_resource_list_follows_a_task_late_when_told_to(vm: int) -> None:
    with Simulator(guests=4, nodes=1, resources_lag=1.5) as pve:
        client = Client(pve)
        vmid = pve.add_guest(node="pve1")
        client.run(f"/nodes/pve1/qemu/{vmid}/status/stop")
        assert status_of(client, vmid) == "stopped"
        assert client.rows()[f"qemu/{vmid}"]["status"] == "running"
        until(lambda: client.rows()[f"qemu/{vmid}"]["status"] == "stopped")


def test_unknown_parameters_of_an_action_are_refused(client: Client, vm: int) -> None:
    answer = client.post(f"/nodes/pve1/qemu/{vm}/status/start", foo=1)
    assert answer.status_code == 400
    assert "foo" in answer.json()["errors"]


def test_two_stops_at_once_both_end_well(client: Client, vm: int) -> None:
    path = f"/nodes/pve1/qemu/{vm}/status/stop"
    first, second = (client.post(path).json()["data"] for _ in range(2))
    assert client.finish(first)[0] == client.finish(second)[0] == "OK"
