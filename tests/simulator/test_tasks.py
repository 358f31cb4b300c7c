"""Tasks and backups."""

from __future__ import annotations

import re
import time

import pytest

from simulator import Simulator
from tests.simulator.conftest import Client, until

UPID = re.compile(r"UPID:pve1:[0-9A-F]{8}:[0-9A-F]{8}:[0-9A-F]{8}:qmstop:\d+:root@pam!portal:")


def test_a_upid_names_node_type_guest_and_user(client: Client, vm: int) -> None:
    upid = client.post(f"/nodes/pve1/qemu/{vm}/status/stop").json()["data"]
    assert UPID.fullmatch(upid)
    client.finish(upid)
    row = client.get(f"/nodes/pve1/tasks/{upid}/status")
    assert (row["user"], row["tokenid"], row["id"], row["node"]) == ("root@pam", "portal", str(vm), "pve1")
    assert "endtime" not in row
    listed = client.get("/nodes/pve1/tasks", vmid=vm, limit=1)[0]
    assert listed["endtime"] >= listed["starttime"]
    assert listed["status"] == "OK"


def test_running_tasks_look_different_in_each_list(pve: Simulator, client: Client, vm: int) -> None:
    pve.set_guest(vm, reacts=False)
    upid = client.post(f"/nodes/pve1/qemu/{vm}/status/shutdown", timeout=100000).json()["data"]
    active = client.get("/nodes/pve1/tasks", source="active")[0]
    assert (active["status"], active["user"]) == ("RUNNING", "root@pam!portal")
    everywhere = next(row for row in client.get("/cluster/tasks") if row["upid"] == upid)
    assert {"status", "endtime"}.isdisjoint(everywhere)
    assert client.get(f"/nodes/pve1/tasks/{upid}/log") == [{"n": 1, "t": "no content"}]
    assert client.ask("DELETE", f"/nodes/pve1/tasks/{upid}").json() == {"data": None}
    assert client.finish(upid)[0] == "received interrupt"


def test_an_unknown_task_has_no_status_and_an_odd_log(client: Client) -> None:
    path = "/nodes/pve1/tasks/UPID:pve1:00000001:00000002:6A000000:qmstart:401:root@pam:"
    assert client.ask("GET", path + "/status").json()["errors"] == {"upid": "no such task"}
    assert client.get(path + "/log") == {"n": 1, "t": "unable to open file - No such file or directory"}


def test_logs_come_in_pieces_with_a_total(pve: Simulator, client: Client) -> None:
    upid = pve.add_vzdump_task("pve1", 100)
    whole = client.ask("GET", f"/nodes/pve1/tasks/{upid}/log", params={"limit": 0}).json()
    part = client.ask("GET", f"/nodes/pve1/tasks/{upid}/log", params={"start": 2, "limit": 3}).json()
    assert part["total"] == whole["total"] == len(whole["data"])
    assert part["data"] == whole["data"][2:5]


def test_the_clusters_list_has_25_finished_tasks_per_node(pve: Simulator, client: Client) -> None:
    for _ in range(30):
        pve.add_vzdump_task("pve2", 101)
    rows = [row for row in client.get("/cluster/tasks") if row["node"] == "pve2"]
    assert len(rows) == 25
    assert all(row["saved"] == "1" for row in rows)
    assert len(client.get("/nodes/pve2/tasks", limit=500, typefilter="vzdump")) > 30


def test_failed_tasks_can_be_asked_for_alone(pve: Simulator, client: Client) -> None:
    upid = pve.add_vzdump_task("pve1", 103, status="job errors", error="no space left")
    rows = client.get("/nodes/pve1/tasks", errors=1)
    assert upid in {row["upid"] for row in rows}
    assert all(row["status"] != "OK" for row in rows)
    log = [line["t"] for line in client.get(f"/nodes/pve1/tasks/{upid}/log", limit=0)]
    assert "ERROR: Backup of VM 103 failed - no space left" in log
    assert log[-1] == "TASK ERROR: job errors"


def test_the_seeded_backup_tasks_match_the_seeded_backups(client: Client) -> None:
    tasks = [row for row in client.get("/nodes/pve1/tasks", typefilter="vzdump", limit=500) if row["id"] == ""]
    assert {row["status"] for row in tasks} == {"OK", "job errors"}
    backups = {row["volid"] for row in client.get("/nodes/pve1/storage/pbs/content", content="backup")}
    for task in tasks:
        log = "\n".join(line["t"] for line in client.get(f"/nodes/pve1/tasks/{task['upid']}/log", limit=0))
        made = re.findall(r"creating Proxmox Backup Server archive '(.+)'", log)
        assert made
        assert {f"pbs:backup/{name}" for name in made} <= backups


@pytest.mark.usefixtures("slowly")
@pytest.mark.parametrize(("storage", "form"), [("local", "vma.zst"), ("pbs", "pbs-vm")])
def test_a_backup_locks_its_guest_and_appears_when_it_is_done(client: Client, vm: int, storage: str, form: str) -> None:
    path = f"/nodes/pve1/storage/{storage}/content"
    options = {"compress": "zstd", "notes-template": "{{guestname}} 백업", "protected": 1}
    upid = client.post("/nodes/pve1/vzdump", vmid=vm, storage=storage, **options).json()["data"]
    assert f":vzdump:{vm}:" in upid
    assert client.get(path, content="backup", vmid=vm) == []
    until(lambda: client.get(f"/nodes/pve1/qemu/{vm}/config").get("lock") == "backup")
    status, log = client.finish(upid)
    assert any(line.startswith("INFO:  27% (") for line in log)
    assert (status, log[-2:]) == ("OK", ["INFO: Backup job finished successfully", "TASK OK"])
    assert "lock" not in client.get(f"/nodes/pve1/qemu/{vm}/config")
    row = client.get(path, content="backup", vmid=vm)[0]
    assert (row["format"], row["notes"], row["protected"], row["subtype"]) == (form, "test-vm 백업", 1, "qemu")


@pytest.mark.usefixtures("slowly")
def test_a_stopped_vm_runs_as_prelaunch_while_it_is_backed_up(pve: Simulator, client: Client, vm: int) -> None:
    pve.stop_guest(vm)
    upid = client.post("/nodes/pve1/vzdump", vmid=vm, storage="pbs").json()["data"]
    until(lambda: client.rows()[f"qemu/{vm}"]["status"] == "prelaunch")
    assert client.finish(upid)[0] == "OK"
    assert client.rows()[f"qemu/{vm}"]["status"] == "stopped"


def test_backups_that_cannot_be_made(pve: Simulator, client: Client, vm: int) -> None:
    status, log = client.run("/nodes/pve1/vzdump", vmid=99999, storage="local")
    assert status == "job errors"
    assert "ERROR: Backup of VM 99999 failed - unable to find VM '99999'" in log
    assert client.run("/nodes/pve1/vzdump", vmid=vm, storage="nosuch")[0].startswith(
        "could not activate storage 'nosuch'"
    )
    assert client.post("/nodes/pve2/vzdump", vmid=vm, storage="pbs").json() == {"data": "OK"}, "it is on pve1"
    missing = client.post("/nodes/pve1/vzdump", storage="local")
    assert missing.json()["errors"] == {"vmid": "property is missing"}
    unknown = client.post("/nodes/pve1/vzdump", vmid=vm, storage="local", **{"notes-template": "{{nosuch}}"})
    assert unknown.json()["errors"] == {"notes-template": "found unknown: variable 'nosuch' at char 4\n"}
    pve.set_guest(vm, lock="snapshot")
    assert client.run("/nodes/pve1/vzdump", vmid=vm, storage="local")[0] == "job errors"


@pytest.mark.usefixtures("slowly")
def test_one_backup_per_node_at_a_time_and_a_cancelled_one_takes_its_lock_away(client: Client, vm: int) -> None:
    first = client.post("/nodes/pve1/vzdump", vmid=vm, storage="pbs").json()["data"]
    second = client.post("/nodes/pve1/vzdump", vmid=vm, storage="local").json()["data"]
    until(lambda: client.get(f"/nodes/pve1/qemu/{vm}/config").get("lock") == "backup")
    client.ask("DELETE", f"/nodes/pve1/tasks/{first}")
    assert client.finish(first)[0] == "interrupted by signal"
    status, log = client.finish(second)
    assert status == "OK"
    assert "INFO: trying to get global lock - waiting..." in log


def test_a_backup_job_backs_up_its_guests_and_forgets_the_oldest(pve: Simulator, client: Client) -> None:
    volumes = "/nodes/pve1/storage/pbs/content"
    for days in range(100, 110):
        pve.add_backup("pbs", 100, ctime=time.time() - days * 86400)
    before = {row["volid"] for row in client.get(volumes, content="backup", vmid=100)}
    for _ in range(2):
        upids = pve.run_job("nightly")
        assert {upid.split(":")[1] for upid in upids} == {"pve1", "pve2", "pve3"}
    assert all(":vzdump::root@pam:" in upid for upid in upids)
    client.ask("DELETE", f"/nodes/{upids[0].split(':')[1]}/tasks/{upids[0]}")
    until(lambda: {row["volid"] for row in client.get(volumes, content="backup", vmid=100)} - before)
    for task in pve.cluster.book.running():
        client.finish(task.upid)
    assert 7 <= len(client.get(volumes, content="backup", vmid=100)) <= 9
    with pytest.raises(KeyError):
        pve.run_job("nosuch")


def test_the_nightly_run_waits_for_the_night(pve: Simulator) -> None:
    from simulator.jobs import every_night

    assert 0 < next(every_night(pve.cluster)) <= 600
