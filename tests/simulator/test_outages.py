"""Nodes that go, servers that go, answers that are none."""

from __future__ import annotations

import pytest
import requests

from simulator import Simulator
from simulator.misbehaviour import KINDS
from tests.simulator.conftest import Client, until


def test_a_node_that_goes_keeps_its_guests_listed_for_five_minutes(pve: Simulator, client: Client) -> None:
    vmid = pve.add_guest(node="pve3", tags="x")
    pve.node_offline("pve3")
    rows = client.rows()
    node = rows["node/pve3"]
    assert (node["status"], node["hastate"], "maxcpu" in node, "cpu" in node) == ("offline", "online", True, False)
    assert rows[f"qemu/{vmid}"]["status"] == "running"
    assert rows["storage/pve3/local"]["status"] == "available"
    pve.age_offline("pve3")
    rows = client.rows()
    assert set(rows["node/pve3"]) == {"id", "node", "type", "status", "hastate", "cgroup-mode"}
    unknown = {"id": f"qemu/{vmid}", "vmid": vmid, "node": "pve3", "type": "qemu", "status": "unknown", "tags": "x"}
    assert rows[f"qemu/{vmid}"] == unknown
    assert rows["storage/pve3/local"]["status"] == "unknown"
    assert rows["network/pve3/zone/localnetwork"]["status"] == "ok"
    pve.node_online("pve3")
    assert client.rows()[f"qemu/{vmid}"]["status"] == "stopped", "without onboot it stays down"
    pve.remove_guest(vmid)


def test_calls_to_a_dead_node_are_595_but_charts_go_on(pve: Simulator, client: Client) -> None:
    pve.node_offline("pve2")
    for path in ("/nodes/pve2/status", "/nodes/pve2/qemu", "/nodes/pve2/tasks", "/nodes/pve2/qemu/101/config"):
        answer = client.ask("GET", path)
        assert (answer.status_code, answer.reason, answer.content) == (595, "No route to host", b"")
    assert client.post("/nodes/pve2/qemu/101/status/start").status_code == 595
    assert client.get("/nodes/pve2/rrddata", timeframe="hour")
    online = {row["name"]: row["online"] for row in client.get("/cluster/status") if row["type"] == "node"}
    assert online == {"pve1": 1, "pve2": 0, "pve3": 1}
    pve.node_online("pve2")
    assert client.get("/nodes/pve2/status")["uptime"] < 60


def test_a_task_on_a_node_that_goes_down_ends_with_an_unexpected_status(pve: Simulator, client: Client) -> None:
    vmid = pve.add_guest(node="pve2", reacts=False)
    upid = client.post(f"/nodes/pve2/qemu/{vmid}/status/shutdown", timeout=100000).json()["data"]
    until(lambda: pve.cluster.book.lock_files)
    pve.node_offline("pve2")
    pve.node_online("pve2")
    assert client.finish(upid) == ("unexpected status", ["no content"])
    pve.remove_guest(vmid)


def test_an_outage_of_the_server_keeps_ports_and_state(pve: Simulator, client: Client, vm: int) -> None:
    assert client.get("/version")
    ports = (pve.port, pve.control_port)
    pve.stop()
    with pytest.raises(requests.ConnectionError):
        client.ask("GET", "/version")
    pve.start()
    assert (pve.port, pve.control_port) == ports
    assert f"qemu/{vm}" in client.rows()
    assert client.run(f"/nodes/pve1/qemu/{vm}/status/stop")[0] == "OK"


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        ("401", 401, "Authentication failed!"),
        ("403", 403, "Permission check failed (/, Sys.Audit)"),
        ("500", 500, "got no worker upid - start worker failed"),
        ("595", 595, "No route to host"),
        ("596", 596, "Connection timed out"),
    ],
)
def test_statuses_on_demand(pve: Simulator, client: Client, kind: str, status: int, reason: str) -> None:
    pve.misbehave("/cluster/resources", kind)
    answer = client.ask("GET", "/cluster/resources")
    assert (answer.status_code, answer.reason) == (status, reason)
    assert client.get("/version"), "only that path is ill"


def test_odd_bodies_on_demand(pve: Simulator, client: Client) -> None:
    def body(kind: str) -> str:
        pve.misbehave("/cluster/resources", kind, times=1)
        answer = client.ask("GET", "/cluster/resources")
        assert answer.status_code == 200
        return answer.text

    assert body("html").startswith("<!DOCTYPE html>")
    assert body("null") == '{"data": null}'
    assert body("empty") == '{"data": []}'
    assert '"errors"' in body("errors_dict")
    assert body("empty_body") == ""
    assert body("bad_json").startswith('{"data"')
    assert not body("bad_json").endswith("}")
    assert '"qemu/' not in body("no_guests")
    assert '"n/a"' in body("wrong_types")
    assert len(client.get("/cluster/resources")) > 20


def test_connections_that_break(pve: Simulator, client: Client) -> None:
    for kind in ("truncated", "reset"):
        pve.misbehave("/cluster/resources", kind, times=1)
        with pytest.raises(requests.RequestException):
            client.ask("GET", "/cluster/resources")
    assert client.get("/cluster/resources")


def test_redirects_lead_to_a_web_page(pve: Simulator, client: Client) -> None:
    pve.misbehave("*", "redirect", times=1)
    answer = client.ask("GET", "/version")
    assert [step.status_code for step in answer.history] == [301]
    assert "<html>" in answer.text


def test_slow_answers_come_late(pve: Simulator, client: Client) -> None:
    pve.misbehave("/cluster/*", "slow", seconds=20)
    with pytest.raises(requests.ReadTimeout):
        client.ask("GET", "/cluster/resources", timeout=0.2)
    pve.behave()
    pve.misbehave("/version", "slow", seconds=0.2)
    assert client.ask("GET", "/version").elapsed.total_seconds() >= 0.2


def test_misbehaviour_can_be_limited_in_times_seconds_and_to_a_node(pve: Simulator, client: Client) -> None:
    pve.misbehave("/version", "500", times=2)
    assert [client.ask("GET", "/version").status_code for _ in range(3)] == [500, 500, 200]
    pve.misbehave("/version", "500", seconds=0.1)
    assert client.ask("GET", "/version").status_code == 500
    until(lambda: client.ask("GET", "/version").status_code == 200)
    pve.misbehave("/nodes/*", "595", node="pve2")
    assert client.ask("GET", "/nodes/pve2/status").status_code == 595
    assert client.ask("GET", "/nodes/pve1/status").status_code == 200


def test_unknown_kinds_are_refused_by_name(pve: Simulator) -> None:
    with pytest.raises(ValueError, match="truncated"):
        pve.misbehave("*", "explode")
    assert len(KINDS) == 17
