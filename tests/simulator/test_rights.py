"""Who may see and do what."""

from __future__ import annotations

import pytest
import requests

from simulator import Simulator
from tests.simulator.conftest import Client


def log_in(pve: Simulator, password: str) -> requests.Response:
    data = {"username": "root@pam", "password": password}
    return requests.post(pve.url + "/api2/json/access/ticket", data=data, verify=pve.ca_path, timeout=60)


def test_a_token_without_rights_gets_empty_lists_and_nodes_without_figures(pve: Simulator, client: Client) -> None:
    pve.set_token_rights("none")
    assert client.get("/access/permissions") == {}
    rows = client.get("/cluster/resources")
    assert {row["type"] for row in rows} == {"node"}
    assert set(rows[0]) == {"id", "node", "type", "status", "level", "hastate", "cgroup-mode"}
    assert set(client.get("/nodes")[0]) == {"id", "node", "type", "status", "level", "ssl_fingerprint"}
    assert client.get("/nodes/pve1/qemu") == client.get("/nodes/pve1/storage") == client.get("/cluster/tasks") == []
    assert client.get("/cluster/nextid")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/cluster/status", "Permission check failed (/, Sys.Audit)"),
        ("/cluster/backup", "Permission check failed (/, Sys.Audit)"),
        ("/cluster/ha/status/current", "Permission check failed (/, Sys.Audit)"),
        ("/cluster/backup-info/not-backed-up", "Permission check failed (/, Sys.Audit)"),
        ("/nodes/pve1/status", "Permission check failed (/nodes/pve1, Sys.Audit)"),
        ("/nodes/nosuch/status", "Permission check failed (/nodes/nosuch, Sys.Audit)"),
        ("/nodes/pve1/qemu/99999/config", "Permission check failed (/vms/99999, VM.Audit)"),
        (
            "/nodes/pve1/storage/local/content",
            "Permission check failed (/storage/local, Datastore.Audit|Datastore.AllocateSpace)",
        ),
    ],
)  # fmt: skip
def test_a_token_without_rights_is_refused_single_reads(pve: Simulator, client: Client, path: str, reason: str) -> None:
    pve.set_token_rights("none")
    answer = client.ask("GET", path)
    assert (answer.status_code, answer.reason) == (403, reason)
    assert answer.json()["data"] is None


def test_an_auditor_sees_everything_but_backups_and_may_change_nothing(pve: Simulator, client: Client, vm: int) -> None:
    pve.set_token_rights("auditor")
    assert client.get("/access/permissions")["/"]["VM.Audit"] == 1
    assert f"qemu/{vm}" in client.rows()
    assert client.get("/nodes/pve1/storage/pbs/content", content="backup") == []
    assert {row["content"] for row in client.get("/nodes/pve1/storage/local/content")} == {"iso", "vztmpl"}
    answer = client.post(f"/nodes/pve1/qemu/{vm}/status/start")
    assert (answer.status_code, answer.reason) == (403, f"Permission check failed (/vms/{vm}, VM.PowerMgmt)")
    assert client.post("/nodes/pve1/vzdump", vmid=vm, storage="local").status_code == 403


def test_backups_are_listed_with_the_rights_to_make_them(pve: Simulator, client: Client) -> None:
    pve.set_token_rights(["Datastore.AllocateSpace", "VM.Backup"])
    assert client.get("/nodes/pve1/storage/pbs/content", content="backup")


def test_rights_on_one_guest_show_that_guest(pve: Simulator, client: Client, vm: int) -> None:
    pve.set_token_rights({f"/vms/{vm}": ["VM.Audit", "VM.PowerMgmt"]})
    assert client.get("/access/permissions") == {f"/vms/{vm}": {"VM.Audit": 1, "VM.PowerMgmt": 1}}
    assert [row["vmid"] for row in client.get("/cluster/resources", type="vm")] == [vm]
    assert client.run(f"/nodes/pve1/qemu/{vm}/status/stop")[0] == "OK"


def test_a_pool_shows_its_guests_to_those_who_may_audit_it(pve: Simulator, client: Client) -> None:
    pve.set_token_rights({"/pool/production": ["VM.Audit"]})
    rows = client.get("/cluster/resources", type="vm")
    assert rows
    assert {row["pool"] for row in rows} == {"production"}


def test_unknown_rights_are_refused(pve: Simulator) -> None:
    with pytest.raises(ValueError, match="VM.Nonsense"):
        pve.set_token_rights(["VM.Nonsense"])
    with pytest.raises(ValueError, match="auditor"):
        pve.set_token_rights("everything")


def test_a_further_token_has_rights_of_its_own(pve: Simulator) -> None:
    secret = pve.add_token("monitor@pve!ro", "auditor")
    reader = Client(pve, f"PVEAPIToken=monitor@pve!ro={secret}")
    assert reader.get("/cluster/status")
    assert "VM.PowerMgmt" not in reader.get("/access/permissions")["/"]


def test_a_password_gives_a_ticket_that_reads_and_with_the_csrf_token_writes(pve: Simulator, vm: int) -> None:
    given = log_in(pve, pve.password).json()["data"]
    assert given["username"] == "root@pam"
    cookies = {"PVEAuthCookie": given["ticket"]}
    base = pve.url + "/api2/json"
    assert requests.get(base + "/version", cookies=cookies, verify=pve.ca_path, timeout=60).ok
    stop = f"{base}/nodes/pve1/qemu/{vm}/status/stop"
    refused = requests.post(stop, cookies=cookies, verify=pve.ca_path, timeout=60)
    assert (refused.status_code, refused.reason) == (401, "Permission denied - invalid csrf token")
    headers = {"CSRFPreventionToken": given["CSRFPreventionToken"]}
    upid = requests.post(stop, cookies=cookies, headers=headers, verify=pve.ca_path, timeout=60).json()["data"]
    assert upid.endswith(":root@pam:")
    assert log_in(pve, given["ticket"]).ok, "a ticket is renewed with itself as password"


def test_a_wrong_password_and_a_broken_ticket_are_401(pve: Simulator) -> None:
    refused = log_in(pve, "wrong")
    assert (refused.status_code, refused.reason) == (401, "authentication failure")
    assert refused.json() == {"data": None, "message": "authentication failure\n"}
    ticket = log_in(pve, pve.password).json()["data"]["ticket"]
    broken = requests.get(
        pve.url + "/api2/json/version", cookies={"PVEAuthCookie": ticket[:-2] + "xx"}, verify=pve.ca_path, timeout=60
    )
    assert (broken.status_code, broken.reason) == (401, "Authentication failed!")


def test_a_token_cannot_ask_for_a_ticket(client: Client, pve: Simulator) -> None:
    answer = client.post("/access/ticket", username="root@pam", password=pve.password)
    assert answer.status_code == 403
    assert "not available with API token" in answer.reason
