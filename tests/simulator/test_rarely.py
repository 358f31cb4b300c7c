"""Subscriptions, replication and the external vote, as the API tells them."""

from __future__ import annotations

from simulator import Simulator
from tests.simulator.conftest import Client

JOB = {"source": "pve1", "target": "pve2", "guest": 101, "vmtype": "qemu", "fail_count": 0, "last_sync": 1_790_000_000}


def test_most_nodes_have_no_subscription(client: Client) -> None:
    row = client.get("/nodes/pve1/subscription")
    assert row["status"] == "notfound"
    assert "level" not in row
    assert len(row["serverid"]) == 32


def test_a_subscriptions_numbers_are_for_auditors(pve: Simulator, client: Client) -> None:
    pve.cluster.subscriptions["pve1"] = {"status": "active", "level": "c", "key": "pve2c-1", "serverid": "AB"}
    assert client.get("/nodes/pve1/subscription")["key"] == "pve2c-1"
    pve.set_token_rights({"/vms": ["VM.Audit"]})
    assert client.get("/nodes/pve1/subscription") == {"status": "active", "level": "c"}


def test_a_job_is_told_by_its_source(pve: Simulator, client: Client) -> None:
    pve.cluster.replications["101-0"] = JOB
    (row,) = client.get("/nodes/pve1/replication")
    assert (row["id"], row["type"], row["jobnum"], row["guest"]) == ("101-0", "local", 0, 101)
    assert client.get("/nodes/pve2/replication") == client.get("/nodes/pve1/replication", guest=102) == []
    assert client.get("/nodes/pve1/replication/101-0/status") == row
    answer = client.ask("GET", "/nodes/pve1/replication/109-0/status")
    assert (answer.status_code, answer.reason) == (500, "no such replication job '109-0'")


def test_without_an_external_vote_the_answer_is_empty(pve: Simulator, client: Client) -> None:
    assert client.get("/cluster/config/qdevice") == {}
    pve.cluster.qdevice = {"State": "Connected"}
    assert client.get("/cluster/config/qdevice")["State"] == "Connected"
