"""The control door and the command."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from simulator import Simulator
from simulator.control import ControlDoor
from tests.simulator.conftest import Client, until

ROOT = Path(__file__).resolve().parents[2]


def act(pve: Simulator, where: str, **body: Any) -> requests.Response:
    return requests.post(pve.control_url + where, json=body, timeout=60)


def test_the_door_does_what_the_library_does(pve: Simulator, client: Client) -> None:
    vmid = act(pve, "/guests/add", name="door", node="pve2", cores=3).json()["vmid"]
    assert client.rows()[f"qemu/{vmid}"]["maxcpu"] == 3
    assert act(pve, f"/guests/{vmid}/stop").json() == {"ok": True}
    assert client.rows()[f"qemu/{vmid}"]["status"] == "stopped"
    act(pve, f"/guests/{vmid}/start")
    act(pve, f"/guests/{vmid}/set", lock="backup", status="paused")
    row = client.rows()[f"qemu/{vmid}"]
    assert (row["status"], row["lock"]) == ("paused", "backup")
    act(pve, "/nodes/pve2/offline")
    act(pve, "/nodes/pve2/age")
    assert client.rows()[f"qemu/{vmid}"]["status"] == "unknown"
    act(pve, "/nodes/pve2/online")
    act(pve, f"/guests/{vmid}/remove")
    assert f"qemu/{vmid}" not in client.rows()


def test_the_door_makes_backups_tasks_rights_quorum_and_oddities(pve: Simulator, client: Client) -> None:
    volid = act(pve, "/backups/add", storage="pbs", vmid=100, ctime=1700000000, verification="failed").json()["volid"]
    row = next(row for row in client.get("/nodes/pve1/storage/pbs/content", vmid=100) if row["volid"] == volid)
    assert (row["verification"]["state"], row["ctime"]) == ("failed", 1700000000)
    upid = act(pve, "/tasks/vzdump", node="pve1", vmid=100, status="job errors").json()["upid"]
    assert client.get(f"/nodes/pve1/tasks/{upid}/status")["exitstatus"] == "job errors"
    act(pve, "/rights", kind=["Sys.Audit"])
    assert client.get("/cluster/resources", type="vm") == []
    act(pve, "/rights", kind="all")
    act(pve, "/quorum", quorate=False)
    assert client.get("/cluster/status")[0]["quorate"] == 0
    act(pve, "/quorum", quorate=True)
    act(pve, "/misbehave", path="/version", kind="500")
    assert client.ask("GET", "/version").status_code == 500
    act(pve, "/behave")
    assert client.get("/version")


def test_the_state_is_a_summary(pve: Simulator) -> None:
    state = requests.get(pve.control_url + "/state", timeout=60).json()
    assert state["nodes"] == {"pve1": "online", "pve2": "online", "pve3": "online"}
    assert {guest["vmid"] for guest in state["guests"]} == set(pve.cluster.guests)


@pytest.mark.parametrize(
    ("path", "body", "status", "word"),
    [
        ("/guests/99999/stop", {}, 404, "99999"),
        ("/guests/abc/stop", {}, 400, "abc"),
        ("/guests/add", {"node": "nosuch"}, 400, "nosuch"),
        ("/guests/add", {"colour": "red"}, 400, "colour"),
        ("/guests/100/set", {"colour": "red"}, 400, "colour"),
        ("/nodes/nosuch/offline", {}, 404, "nosuch"),
        ("/nodes/pve1/age", {}, 400, "online"),
        ("/misbehave", {"kind": "explode"}, 400, "explode"),
        ("/nowhere", {}, 404, "nowhere"),
    ],
)
def test_nonsense_is_told(pve: Simulator, path: str, body: dict[str, Any], status: int, word: str) -> None:
    answer = act(pve, path, **body)
    assert answer.status_code == status
    assert word in answer.json()["error"]


def test_broken_json_is_told(pve: Simulator) -> None:
    assert requests.post(pve.control_url + "/behave", data="{", timeout=60).status_code == 400
    assert requests.post(pve.control_url + "/behave", data="[]", timeout=60).status_code == 400


def test_the_door_is_for_this_machine_only(pve: Simulator) -> None:
    for host in ("evil.example", "evil.example:80", "10.0.0.1"):
        assert requests.post(pve.control_url + "/behave", headers={"Host": host}, timeout=60).status_code == 403
    foreign = {"Origin": "https://evil.example"}
    assert requests.post(pve.control_url + "/behave", headers=foreign, timeout=60).status_code == 403
    assert requests.get(pve.control_url + "/state", headers={"Host": "localhost:1"}, timeout=60).ok
    assert requests.get(pve.control_url + "/state", headers={"Host": "[::1]:1"}, timeout=60).ok
    with pytest.raises(ValueError, match="loopback only"):
        ControlDoor("0.0.0.0", 0, pve)


@contextmanager
def command(folder: Path, *options: str) -> Iterator[dict[str, Any]]:
    """Run the command until it is ready, and end it."""
    folder.mkdir(exist_ok=True)
    (folder / "simulator.json").unlink(missing_ok=True)
    arguments = [
        "--state-dir",
        str(folder),
        "--port",
        "0",
        "--control-port",
        "0",
        "--guests",
        "12",
        "--task-seconds",
        "0.05",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", *arguments, *options], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        until((folder / "simulator.json").is_file)
        facts = json.loads((folder / "simulator.json").read_text())
        assert facts["pid"] == process.pid
        yield facts
    finally:
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert time.monotonic() - begun < 20
        assert output.count("\n") == 1, "it says one line"


def test_a_restart_brings_back_the_same_cluster(tmp_path: Path) -> None:
    folder = tmp_path / "state"

    def ask(facts: dict[str, Any], path: str) -> Any:
        secret = Path(facts["token_secret_file"]).read_text().strip()
        headers = {"Authorization": f"PVEAPIToken={facts['token_id']}={secret}"}
        return requests.get(f"{facts['url']}/api2/json{path}", headers=headers, verify=facts["ca"], timeout=60).json()[
            "data"
        ]

    with command(folder) as first:
        door = first["control_url"]
        before = {row["id"]: row for row in ask(first, "/cluster/resources?type=vm")}
        victim, fallen = sorted(key for key, row in before.items() if row["status"] == "running")[:2]
        requests.post(f"{door}/guests/{victim.split('/')[1]}/remove", timeout=60)
        requests.post(f"{door}/guests/{fallen.split('/')[1]}/stop", timeout=60)
        added = requests.post(f"{door}/guests/add", json={"name": "new-one"}, timeout=60).json()["vmid"]
        requests.post(f"{door}/nodes/pve3/offline", timeout=60)
        volid = requests.post(f"{door}/backups/add", json={"storage": "pbs", "vmid": 100}, timeout=60).json()["volid"]
    with command(folder) as second:
        after = {row["id"]: row for row in ask(second, "/cluster/resources?type=vm")}
        assert set(after) == set(before) - {victim} | {f"qemu/{added}"}
        assert after[fallen]["status"] == "stopped"
        assert {row["node"]: row["status"] for row in ask(second, "/nodes")}["pve3"] == "offline"
        assert volid in {row["volid"] for row in ask(second, "/nodes/pve1/storage/pbs/content?vmid=100")}
        assert second["fingerprint"] == first["fingerprint"]
    for name in ("key.pem", "token-secret", "password", "state.json"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_another_seed_starts_afresh_with_the_same_token(tmp_path: Path) -> None:
    with Simulator(guests=6, nodes=1, state_dir=tmp_path) as first:
        first.remove_guest(100)
    with Simulator(guests=6, nodes=1, state_dir=tmp_path) as again:
        assert 100 not in again.cluster.guests
        assert again.token_secret == first.token_secret
    with Simulator(guests=7, nodes=1, state_dir=tmp_path) as other:
        assert 100 in other.cluster.guests
        assert other.fingerprint == first.fingerprint


def test_a_broken_state_file_is_no_reason_not_to_start(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{")
    with Simulator(guests=3, nodes=1, state_dir=tmp_path) as pve:
        assert len(pve.cluster.guests) == 3


def test_a_taken_port_is_told_in_a_sentence(pve: Simulator, tmp_path: Path) -> None:
    options = ["--port", str(pve.port), "--control-port", "0", "--guests", "1", "--state-dir", str(tmp_path / "x")]
    done = subprocess.run(
        [sys.executable, "-m", "simulator", *options], cwd=ROOT, capture_output=True, text=True, check=False,
        timeout=120, env=os.environ,
    )  # fmt: skip
    assert done.returncode == 1
    assert f"cannot start on 127.0.0.1:{pve.port}" in done.stderr
    assert "Traceback" not in done.stderr
