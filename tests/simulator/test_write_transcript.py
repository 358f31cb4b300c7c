"""The writes of real servers, where the transcripts are at hand: the same steps get the same status, reason, complaints
by parameter and task end. Logs are not compared here: their numbers are the recording's own."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from simulator import Simulator
from simulator.model import GiB, MiB, Storage, Volume
from tests.simulator.conftest import Client
from tests.simulator.test_shapes import RECORDED, copy_guests, load

SECTIONS = ("create", "config", "snapshots", "hibernate", "clone", "containers", "backup", "cluster")
# what depends on how long something took there, on the hardware there, or on a person's second request
SKIPPED = re.compile(
    r"to be cancelled|cancel:|during|KVM|again, VM stopped|agent|prune|config in the backup|cloudinit dump|move disk"
    r"|included volumes|schedule-analyze|disk detached|unlinked with force|resize of a template disk|start of it"
    r"|backup: (?:protect|restore over a running|restore to a new id on an unknown|delete of it|what is left of the)"
    r"|backup: container: backup mode stop|disk too large|resize to the same size|right after the"
    r"|snapshot 33 s after|running, without RAM|delete snapshot s3|auto-removal|backup: delete$"
    r"|backup: delete again|read after"
    r"|restore again to the same id without force"
)


def steps(version: str) -> list[dict[str, Any]]:
    file = RECORDED / f"live-write-{version}.json"
    if not file.is_file():
        pytest.skip(f"{file.name}: the transcripts of real servers are not here")
    found = json.loads(file.read_text())["steps"]
    wanted = [step for step in found if step["step"].startswith(tuple(f"{name}:" for name in SECTIONS))]
    return [step for step in wanted if not SKIPPED.search(step["step"])]


def prepare(pve: Simulator, nodes: dict[str, str]) -> None:
    cluster = pve.cluster
    cluster.storages["local"] = Storage("local", "dir", "iso,vztmpl,backup,images,rootdir", 94 * GiB, 21 * GiB)
    cluster.storages["shared"] = Storage("shared", "dir", "images,backup", 94 * GiB, GiB, shared=True)
    template = "local:vztmpl/debian-12-standard_12_amd64.tar.zst"
    for node in nodes.values():
        cluster.volumes[node, template] = Volume(template, "local", "vztmpl", "tzst", 30 * MiB, 1, node)
    cluster.guests.pop(600, None)
    for guest in cluster.guests.values():
        form = "qcow2" if guest.template else "raw"
        guest.storage, word = "local", "base" if guest.template else "vm"
        if guest.is_vm:
            store = "shared" if guest.vmid == 301 else "local"
            guest.extra["scsi0"] = f"{store}:{guest.vmid}/{word}-{guest.vmid}-disk-0.{form},size=1G"


@pytest.mark.parametrize("version", ["8.4", "9.2"])
def test_the_same_writes_end_the_same_way(version: str) -> None:
    reads = load(version)
    names = sorted(row["node"] for row in next(i["body"]["data"] for i in reads if i["path"] == "/nodes"))
    nodes = {name: f"pve{number}" for number, name in enumerate(names, 1)}
    with Simulator(guests=0, nodes=len(nodes), version=version, task_seconds=0.02) as pve:
        copy_guests(pve, reads, nodes)
        prepare(pve, nodes)
        replay = Steps(pve)
        found = []
        for step in steps(version):
            if step["step"] == "config: config PUT with a Korean tag":
                pve.set_guest(600, status="stopped")
            if step["step"] == "snapshots: snapshot of a stopped VM":
                replay.snapshots_on(step["request"]["path"])
            text = re.sub("|".join(nodes), lambda name: nodes[name[0]], json.dumps(step))
            asked = json.loads(text.replace("root@pam!api", "root@pam!portal"))
            pve.cluster.book.lock_files.pop(620, None)  # the recording waited for it
            told = replay.differences(asked)
            if any("can't lock file" in words for words in told):  # the task before it took it after that
                pve.cluster.book.lock_files.pop(620, None)
                told = replay.differences(asked)
            found += told
    assert replay.tried > 150
    assert not found, "\n".join(found)


class Steps:
    """Sends the steps and remembers which of its own backups stands for which of theirs."""

    def __init__(self, pve: Simulator) -> None:
        self.client, self.tried = Client(pve), 0
        self.volumes: dict[str, str] = {}

    def differences(self, step: dict[str, Any]) -> list[str]:
        asked, said, name = step["request"], step["response"], step["step"]
        if asked.get("auth", "token") != "token" or said["status"] is None:
            return []
        asked = json.loads(self._ours(json.dumps(asked)))
        path, _, query = asked["path"].partition("?")
        place = "params" if asked["method"] in ("GET", "DELETE") else "data"
        answer = self.client.ask(asked["method"], f"{path}?{query}", **{place: asked.get("params")})
        self.tried += 1
        body = answer.json() if answer.content else {}
        self._remember_digest(said["body"], body)
        theirs, ours = self._judged(said), (answer.status_code, answer.reason, body.get("errors"))
        if ours != theirs:
            return [f"{name}: {ours}, not {theirs}"]
        task, data = step.get("task"), body.get("data")
        if not task or answer.status_code != 200:
            return []
        if not isinstance(data, str) or not data.startswith("UPID"):
            return [f"{name}: no task but {data!r}"]
        status, log = self.client.finish(data)
        self._remember(task["log"], log)
        if _bare(status) != _bare(task["exitstatus"] or ""):
            return [f"{name}: {status!r}, not {task['exitstatus']!r}"]
        return []

    def _remember_digest(self, theirs: Any, ours: dict[str, Any]) -> None:
        rows = [body.get("data") if isinstance(body, dict) else None for body in (theirs, ours)]
        digests = [row.get("digest") for row in rows if isinstance(row, dict)]
        if len(digests) == 2 and all(digests):
            self.volumes[digests[0]] = digests[1]

    def snapshots_on(self, path: str) -> None:
        """Make the guest that the recording made between two sections."""
        vmid, cluster = int(path.split("/")[4]), self.client.pve.cluster
        cluster.guests.pop(vmid, None)
        self.client.pve.add_guest(vmid, node="pve1", status="stopped", storage="local", maxdisk=GiB)
        cluster.guests[vmid].extra["scsi0"] = f"local:{vmid}/vm-{vmid}-disk-0.qcow2,size=1G"

    def _judged(self, said: dict[str, Any]) -> tuple[Any, ...]:
        body = said.get("body") if isinstance(said.get("body"), dict) else {}
        return said["status"], self._ours(said["reason"]), (body or {}).get("errors")

    def _ours(self, text: str) -> str:
        for theirs, ours in self.volumes.items():
            text = text.replace(theirs, ours)
        return text

    def _remember(self, theirs: list[str], ours: list[str]) -> None:
        pattern = re.compile(r"creating vzdump archive '[^']*/(vzdump-[^']*)'")
        pairs = zip(
            *([found[1] for line in log if (found := pattern.search(line))] for log in (theirs, ours)), strict=False
        )
        self.volumes |= dict(pairs)


def _bare(status: str) -> str:
    status = re.sub(r"vzdumptmp\d+|vzdump-\w+-\d+-[\d_-]+", "…", status)
    return re.sub(r"command '.*' failed", "command '…' failed", status)
