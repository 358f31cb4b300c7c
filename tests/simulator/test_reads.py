"""Lists and single reads."""

from __future__ import annotations

import time
from itertools import pairwise

from simulator import Simulator
from simulator.model import Guest
from tests.simulator.conftest import Client, until


def test_the_resource_list_has_every_kind_of_row(client: Client) -> None:
    rows = client.get("/cluster/resources")
    assert {row["type"] for row in rows} == {"qemu", "lxc", "node", "storage", "pool", "network"}
    kinds = {
        kind: {row["type"] for row in client.get("/cluster/resources", type=kind)}
        for kind in ("vm", "storage", "node", "sdn")
    }
    assert kinds == {"vm": {"qemu", "lxc"}, "storage": {"storage"}, "node": {"node"}, "sdn": {"network"}}


def test_shared_storages_are_listed_once_per_node(client: Client) -> None:
    rows = client.get("/cluster/resources", type="storage")
    assert len(rows) == 3 * 6
    pbs = [row for row in rows if row["storage"] == "pbs"]
    assert [row["shared"] for row in pbs] == [1, 1, 1]
    assert len({row["disk"] for row in pbs}) == 1, "it is the same storage seen three times"


def test_a_vm_has_no_disk_figure_and_a_running_container_has(client: Client, vm: int, ct: int) -> None:
    rows = client.rows()
    assert rows[f"qemu/{vm}"]["disk"] == 0
    assert rows[f"lxc/{ct}"]["disk"] > 0
    assert rows[f"qemu/{vm}"]["memhost"] > 0
    assert rows[f"lxc/{ct}"]["memhost"] == 0


def test_optional_keys_appear_only_when_set(pve: Simulator, client: Client, vm: int) -> None:
    assert {"tags", "pool", "lock", "hastate"}.isdisjoint(client.rows()[f"qemu/{vm}"])
    pve.set_guest(vm, tags="a;b", pool="lab", lock="migrate", hastate="started")
    row = client.rows()[f"qemu/{vm}"]
    assert (row["tags"], row["pool"], row["lock"], row["hastate"]) == ("a;b", "lab", "migrate", "started")


def test_types_are_as_odd_as_on_real_servers(client: Client, vm: int, ct: int) -> None:
    assert isinstance(client.get("/cluster/nextid"), str)
    listed = {row["vmid"]: row for row in client.get("/nodes/pve1/lxc")}
    assert isinstance(listed[ct]["pressurecpusome"], str)
    assert isinstance(client.get(f"/nodes/pve1/qemu/{vm}/config")["memory"], str)
    assert isinstance(client.get(f"/nodes/pve1/lxc/{ct}/config")["memory"], int)
    status = client.get("/nodes/pve1/status")
    assert all(isinstance(value, str) for value in [*status["loadavg"], status["cpuinfo"]["mhz"]])


def test_older_versions_differ(vm: int) -> None:
    with Simulator(guests=8, nodes=1, version="7.4") as old:
        client = Client(old)
        ct = old.add_guest(type="lxc", node="pve1")
        vmid = old.add_guest(node="pve1")
        assert str(ct) in {row["vmid"] for row in client.get("/nodes/pve1/lxc")}
        assert "memhost" not in client.rows()[f"qemu/{vmid}"]
        assert isinstance(client.get(f"/nodes/pve1/qemu/{vmid}/config")["memory"], int)
        assert "sdn/pve1/localnetwork" in client.rows()
        assert client.get("/version")["version"] == "7.4-16"
        assert "VM.Monitor" in client.get("/access/permissions")["/"]
        assert [row["type"] for row in client.get("/cluster/status")] == ["node"], "a single node is no cluster"


def test_templates_say_1_or_nothing(pve: Simulator, client: Client, vm: int) -> None:
    template = pve.add_guest(node="pve1", template=True)
    assert (client.rows()[f"qemu/{template}"]["template"], client.rows()[f"qemu/{vm}"]["template"]) == (1, 0)
    listed = {row["vmid"]: row for row in client.get("/nodes/pve1/qemu")}
    assert listed[template]["template"] == 1
    assert "template" not in listed[vm]
    pve.remove_guest(template)


def test_counters_never_go_back_and_loads_stay_in_bounds(client: Client) -> None:
    before = client.rows("vm")
    time.sleep(0.01)
    until(lambda: client.rows("vm")["qemu/100"]["cpu"] != before["qemu/100"]["cpu"])
    for name, row in client.rows("vm").items():
        if row["status"] == "running":
            assert all(row[key] >= before[name][key] for key in ("netin", "netout", "diskread", "diskwrite", "uptime"))
            assert 0 < row["cpu"] < 1
            assert 0 < row["mem"] <= row["maxmem"]


def test_counters_grow_as_the_charts_say() -> None:
    from simulator import load

    guest = Guest(100, "qemu", "pve1", "x", status="running", started=1_000_000.0)
    grown = load.counter(guest, 0, 1_003_600.0) - load.counter(guest, 0, 1_000_000.0)
    summed = sum(load.rate(guest.salt, 0, 1_000_000.0 + second) for second in range(3600))
    assert abs(grown - summed) / summed < 0.01


def test_charts_have_the_right_steps_and_stop_at_the_creation(pve: Simulator, client: Client, vm: int) -> None:
    hour = client.get(f"/nodes/pve1/qemu/{vm}/rrddata", timeframe="hour")
    assert {later["time"] - row["time"] for row, later in pairwise(hour)} == {60}
    assert set(hour[0]) == {"time"}, "it did not exist an hour ago"
    old = next(guest for guest in pve.cluster.guests.values() if guest.is_vm and guest.status == "running")
    week = client.get(f"/nodes/{old.node}/qemu/{old.vmid}/rrddata", timeframe="week", cf="MAX")
    assert len(week) == 336
    assert {"cpu", "mem", "netin", "pressurecpusome"} <= set(week[-1])
    assert {"loadavg", "memtotal", "roottotal", "iowait"} <= set(
        client.get("/nodes/pve1/rrddata", timeframe="year")[-1]
    )
    assert client.get("/nodes/pve1/storage/pbs/rrddata", timeframe="month")[-1]["total"] > 0
    gone = client.ask("GET", "/nodes/pve1/qemu/99999/rrddata", params={"timeframe": "hour"})
    assert gone.reason.startswith("RRD error: ")


def test_the_next_id_is_free(pve: Simulator, client: Client, vm: int) -> None:
    assert int(client.get("/cluster/nextid")) not in pve.cluster.guests
    taken = client.ask("GET", "/cluster/nextid", params={"vmid": vm})
    assert taken.json()["errors"] == {"vmid": f"VM {vm} already exists"}
    assert client.get("/cluster/nextid", vmid=77777) == "77777"


def test_snapshots_end_with_where_you_are(pve: Simulator, client: Client) -> None:
    guest = next(guest for guest in pve.cluster.guests.values() if guest.is_vm)
    names = [row["name"] for row in client.get(f"/nodes/{guest.node}/qemu/{guest.vmid}/snapshot")]
    assert names == [snapshot.name for snapshot in guest.snapshots] + ["current"]


def test_the_guest_agent_answers_or_says_why_not(pve: Simulator, client: Client, vm: int) -> None:
    path = f"/nodes/pve1/qemu/{vm}/agent/network-get-interfaces"
    assert client.ask("GET", path).reason == "No QEMU guest agent configured"
    pve.set_guest(vm, agent=1, agent_running=False)
    assert client.ask("GET", path).reason == "QEMU guest agent is not running"
    pve.set_guest(vm, agent_running=True, ips=["10.1.2.3", "2001:db8::1"], started=time.time() - 100)
    card = client.get(path)["result"][1]
    assert [entry["ip-address"] for entry in card["ip-addresses"]] == ["10.1.2.3", "2001:db8::1"]
    pve.stop_guest(vm)
    assert client.ask("GET", path).reason == f"VM {vm} is not running"


def test_a_containers_addresses(pve: Simulator, client: Client, ct: int) -> None:
    pve.set_guest(ct, ips=["10.1.2.4"])
    path = f"/nodes/pve1/lxc/{ct}/interfaces"
    assert client.get(path)[1]["inet"] == "10.1.2.4/24"
    pve.stop_guest(ct)
    assert client.get(path) is None


def test_guests_asked_at_the_wrong_node_or_as_the_wrong_kind_are_not_there(client: Client, vm: int) -> None:
    for path, folder in ((f"/nodes/pve2/qemu/{vm}", "pve2/qemu-server"), (f"/nodes/pve1/lxc/{vm}", "pve1/lxc")):
        answer = client.ask("GET", path + "/config")
        assert answer.reason == f"Configuration file 'nodes/{folder}/{vm}.conf' does not exist"


def test_unknown_nodes_and_storages(client: Client) -> None:
    assert client.ask("GET", "/nodes/nosuch/status").reason.startswith("hostname lookup 'nosuch' failed")
    assert client.ask("GET", "/nodes/pve1/storage/nosuch/content").reason == "storage 'nosuch' does not exist"


def test_an_unreachable_storage_is_inactive_and_unknown(pve: Simulator, client: Client) -> None:
    pve.cluster.storages["cephfs"].active = False
    pve.cluster.touch()
    row = next(row for row in client.get("/nodes/pve1/storage") if row["storage"] == "cephfs")
    assert (row["active"], row["enabled"]) == (0, 1)
    assert "maxdisk" not in client.rows()["storage/pve1/cephfs"]
    pve.cluster.storages["cephfs"].active = True


def test_the_certificate_can_be_read(pve: Simulator, client: Client) -> None:
    rows = {row["filename"]: row for row in client.get("/nodes/pve1/certificates/info")}
    assert rows["pve-ssl.pem"]["fingerprint"] == pve.fingerprint
    assert {row["ssl_fingerprint"] for row in client.get("/nodes")} == {pve.fingerprint}


def test_guests_in_no_job_are_named(pve: Simulator, client: Client) -> None:
    jobs = {row["id"]: row for row in client.get("/cluster/backup")}
    excluded = {int(vmid) for vmid in jobs["nightly"]["exclude"].split(",")}
    missing = {row["vmid"] for row in client.get("/cluster/backup-info/not-backed-up")}
    assert missing
    assert missing <= excluded
    assert jobs["lab"]["enabled"] == 0
    assert "next-run" not in jobs["lab"]
