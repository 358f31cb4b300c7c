"""The answers of real servers, where they are at hand: ours to the same question have the same keys and types."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator import Simulator
from tests.simulator.conftest import Client

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "pve" / "recorded"
Shape = dict[str, dict[str, set[str]]]

# what is asked here; the recordings hold much more
PATHS = re.compile(
    r"/version|/access/permissions|/cluster/(status|resources|nextid|tasks|backup|backup-info/not-backed-up|ha/status/current)"
    r"|/nodes(/[^/]+(/(status|version|qemu|lxc|storage|tasks|rrddata|certificates/info))?)?"
    r"|/nodes/[^/]+/storage/[^/]+/(status|content|rrddata)"
    r"|/nodes/[^/]+/(qemu|lxc)/\d+/(config|pending|status/current|snapshot|rrddata|interfaces|agent/network-get-interfaces)"
)
# (path, key) -> why ours differs
DIFFERENCES = {
    (r"/cluster/backup", None): "which options a job has is up to its owner",
    (r"/nodes/[^/]+/[a-z]+/\d+/config", None): "a configuration says what its owner wrote",
    (r"/nodes/[^/]+/[a-z]+/\d+/pending", None): "the same",
    (r"/nodes/[^/]+/qemu(/\d+/status/current)?", "serial"): "a guest with a serial console",
    (r"/nodes/[^/]+/qemu/\d+/status/current", "freemem"): "told by a balloon driver that ours has not",
    (r"/nodes/[^/]+/qemu(/\d+/status/current)?", "balloon"): "set or not by the guest's owner",
    (r"/nodes/[^/]+/qemu(/\d+/status/current)?", "agent"): "set or not by the guest's owner",
    (r"/nodes/[^/]+/storage/[^/]+/content", "parent"): "of file images; ours are volumes of LVM",
    (r"/nodes/[^/]+/storage/[^/]+/content", "used"): "of file images; ours are volumes of LVM",
    (r"/nodes/[^/]+/tasks", "tokenid"): "who started the tasks in the list",
    (r"/cluster/tasks", "tokenid"): "the same",
    (r"/cluster/tasks", "pid"): "of tasks that run in this moment",
    (r"/nodes/[^/]+/status", "secureboot"): "ours boots by EFI",
}
OPTIONAL = {"tags", "lock", "pool", "hastate", "template", "parent", "notes", "protected", "verification", "encrypted"}


def kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return type(value).__name__


def rows_of(data: Any) -> list[dict[str, Any]]:
    if isinstance(data, dict):
        return [data]
    return [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []


def group_of(row: dict[str, Any]) -> str:
    """Rows are compared with those of their kind and state."""
    state = row.get("status") if row.get("status") in ("running", "stopped", "RUNNING") and "upid" not in row else ""
    return f"{row.get('type', row.get('content', ''))} {state} {'time only' if set(row) == {'time'} else ''}"


def compare(path: str, theirs: Any, ours: Any) -> list[str]:
    """Return what is different, in words."""
    if kind_of(theirs) != kind_of(ours):
        return [f"{path}: {kind_of(ours)} instead of {kind_of(theirs)}"]
    found = []
    for group in {group_of(row) for row in rows_of(theirs)}:
        real = [row for row in rows_of(theirs) if group_of(row) == group]
        made = [row for row in rows_of(ours) if group_of(row) == group]
        if not made:
            continue
        always = set.intersection(*(set(row) for row in real)) - OPTIONAL
        seen = set.union(*(set(row) for row in real)) | OPTIONAL
        found += [(key, f"lacks {key}") for key in always - set.intersection(*(set(row) for row in made))]
        found += [(key, f"has {key}, which no real one has") for key in set.union(*(set(row) for row in made)) - seen]
        for key in always & set(made[0]):
            wanted, given = {kind_of(row[key]) for row in real}, {kind_of(row[key]) for row in made if key in row}
            found += [(key, f"{key} is {given}, not {wanted}")] if given - wanted else []
    return [f"{path}: {text}" for key, text in found if not excused(path, key)]


def excused(path: str, key: str) -> bool:
    return any(re.fullmatch(pattern, path) and name in (None, key) for pattern, name in DIFFERENCES)


def load(version: str) -> list[dict[str, Any]]:
    file = RECORDED / f"live-get-{version}.json"
    if not file.is_file():
        pytest.skip(f"{file.name}: the recorded answers of real servers are not here")
    return json.loads(file.read_text())["interactions"]


def copy_guests(pve: Simulator, interactions: list[dict[str, Any]], nodes: dict[str, str]) -> None:
    """Give the simulator the guests of the recording, in their states."""
    configs = {}
    for entry in interactions:
        if re.fullmatch(r"/nodes/[^/]+/(qemu|lxc)/\d+/config", entry["path"]) and entry["status"] == 200:
            configs[int(entry["path"].split("/")[4])] = entry["body"]["data"]
    for row in next(entry["body"]["data"] for entry in interactions if entry["path"] == "/cluster/resources"):
        if row["type"] in ("qemu", "lxc"):
            config = configs.get(row["vmid"], {})
            on = int(str(config.get("agent", "0")).startswith(("1", "enabled=1")))
            pve.add_guest(
                row["vmid"], row["name"], nodes[row["node"]], row["type"], row["status"], bool(row["template"]),
                agent=on, agent_running=bool(on), ips=["192.0.2.50", "fe80::1"], created=time.time() - 7200,
                pool=row.get("pool", ""), extra={"agent": config["agent"]} if "agent" in config else {},
            )  # fmt: skip
            guest = pve.cluster.guests[row["vmid"]]
            guest.started -= 6000 if guest.running else 0


@pytest.fixture(scope="module", params=["8.4", "9.2"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[Client, list[tuple[str, dict[str, Any]]]]]:
    """A simulator with the recorded guests, and the recorded answers with their paths in its own names."""
    interactions = load(request.param)
    names = [row["node"] for row in next(i["body"]["data"] for i in interactions if i["path"] == "/nodes")]
    nodes = {name: f"pve{number}" for number, name in enumerate(sorted(names), 1)}
    with Simulator(guests=0, nodes=len(nodes), version=request.param) as pve:
        copy_guests(pve, interactions, nodes)
        for vmid in list(pve.cluster.guests)[:2]:
            pve.add_vzdump_task("pve1", vmid)
        questions = []
        for entry in interactions:
            if entry["method"] == "GET" and PATHS.fullmatch(entry["path"]):
                path = re.sub("|".join(nodes), lambda found: nodes[found[0]], entry["path"])
                questions.append((path.replace("/storage/shared/", "/storage/nfs-backup/"), entry))
        yield Client(pve), questions


def test_the_same_questions_get_answers_of_the_same_shape(
    pair: tuple[Client, list[tuple[str, dict[str, Any]]]],
) -> None:
    client, questions = pair
    assert len(questions) > 60
    found = []
    for path, entry in questions:
        answer = client.ask("GET", path, params=entry["query"])
        if answer.status_code == 501:
            continue
        if (answer.status_code, answer.reason) != (entry["status"], entry["reason"]):
            found.append(f"{path}: {answer.status_code} {answer.reason}, not {entry['status']} {entry['reason']}")
        elif answer.status_code == 200:
            found += compare(path, entry["body"]["data"], answer.json()["data"])
    assert not found, "\n".join(sorted(set(found)))


def test_every_question_is_one_the_simulator_knows(pair: tuple[Client, list[tuple[str, dict[str, Any]]]]) -> None:
    client, questions = pair
    unknown = {path for path, _ in questions if client.ask("GET", path).status_code == 501}
    assert unknown <= {"/nodes/pve1", "/nodes/pve2"}
