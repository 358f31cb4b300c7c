"""The transcripts of real servers, where they are at hand: the same steps get the same status, reason and task end."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from simulator import Simulator
from tests.simulator.conftest import Client
from tests.simulator.test_shapes import RECORDED, copy_guests, load

SECTIONS = ("errors", "rights", "power")
# steps that need what the simulator does not do, or what stands in the notes as the recording's own
SKIPPED = re.compile(
    r"rights: (give|ACL|one guest|token|create|use of|role|pool)|undo|json broken|content type json|expired"
    r"|broken signature|ticket|CSRF|delete|protection|protected|to disk|suspended|agent|with a body"
)


def steps(version: str) -> list[dict[str, Any]]:
    file = RECORDED / f"live-write-{version}.json"
    if not file.is_file():
        pytest.skip(f"{file.name}: the transcripts of real servers are not here")
    found = json.loads(file.read_text())["steps"]
    wanted = [step for step in found if step["step"].startswith(tuple(f"{name}:" for name in SECTIONS))]
    return [step for step in wanted if not SKIPPED.search(step["step"]) and "/api2" not in step["request"]["path"]]


@pytest.mark.parametrize("version", ["8.4", "9.2"])
def test_the_same_steps_end_the_same_way(version: str) -> None:
    reads = load(version)
    names = sorted(row["node"] for row in next(i["body"]["data"] for i in reads if i["path"] == "/nodes"))
    nodes = {name: f"pve{number}" for number, name in enumerate(names, 1)}
    with Simulator(guests=0, nodes=len(nodes), version=version) as pve:
        copy_guests(pve, reads, nodes)
        clients = Clients(pve)
        if 600 not in pve.cluster.guests:
            pve.add_guest(600, node="pve1")
        pve.set_guest(600, status="stopped", reacts=False)
        found, tried = [], 0
        for step in steps(version):
            text = re.sub("|".join(nodes), lambda name: nodes[name[0]], json.dumps(step))
            if outcome := clients.replay(json.loads(text.replace("root@pam!api", "root@pam!portal"))):
                tried += 1
                found += outcome[1:]
    assert tried > 60
    assert not found, "\n".join(found)


class Clients:
    """One client per kind of credentials in the transcript."""

    def __init__(self, pve: Simulator) -> None:
        secret = pve.add_token("auditor@pve!ro", "auditor")
        bare = pve.add_token("root@pam!sep", "none")
        self.pve = pve
        self.open: str | None = None
        self.by_name = {
            "token": Client(pve),
            "auditor": Client(pve, f"PVEAPIToken=auditor@pve!ro={secret}"),
            "separated token without ACL": Client(pve, f"PVEAPIToken=root@pam!sep={bare}"),
        }

    def replay(self, step: dict[str, Any]) -> list[str] | None:
        """Return [name, differences …] of a step, or None if the simulator does not know its path."""
        asked, said = step["request"], step["response"]
        client = self.by_name.get(asked.get("auth", "token"))
        path, _, query = asked["path"].partition("?")
        if client is None or said["status"] is None:
            return None
        place = "params" if asked["method"] in ("GET", "DELETE") else "data"
        answer = client.ask(asked["method"], f"{path}?{query}", **{place: asked.get("params")})
        if answer.status_code == 501 and said["status"] != 501:
            return None
        name, pid = step["step"], re.compile(r"tmp\.\d+|UPID:\S+")
        if (answer.status_code, answer.reason) != (said["status"], said["reason"]):
            return [name, f"{name}: {answer.status_code} {answer.reason}, not {said['status']} {said['reason']}"]
        task = step.get("task")
        if answer.status_code != 200 or not task or self._left_open(step, answer.json()["data"]):
            return [name]
        status, log = client.finish(answer.json()["data"])
        real = [pid.sub("", line) for line in task["log"]]
        if status != task["exitstatus"] or [pid.sub("", line) for line in log] != real:
            return [name, f"{name}: {status} {log}, not {task['exitstatus']} {real}"]
        return [name]

    def _left_open(self, step: dict[str, Any], upid: str) -> bool:
        """Whether the task of this step is not waited for, because the next steps happen while it runs."""
        return "not waited for" in step["step"]
