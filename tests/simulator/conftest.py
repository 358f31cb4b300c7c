"""A running simulator and a client that speaks to it as the portal would."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from simulator import Simulator


class Client:
    """Requests with the token; answers as they come."""

    def __init__(self, pve: Simulator, token: str | None = None) -> None:
        self.pve = pve
        self.session = requests.Session()
        self.session.headers["Authorization"] = token or f"PVEAPIToken={pve.token_id}={pve.token_secret}"

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        options.setdefault("timeout", 60)
        return self.session.request(method, f"{self.pve.url}/api2/json{path}", verify=self.pve.ca_path, **options)

    def get(self, path: str, **params: Any) -> Any:
        answer = self.ask("GET", path, params=params)
        assert answer.status_code == 200, (answer.status_code, answer.reason)
        return answer.json()["data"]

    def post(self, path: str, **data: Any) -> requests.Response:
        return self.ask("POST", path, data=data)

    def run(self, path: str, **data: Any) -> tuple[str, list[str]]:
        """Start a task, wait for its end, return its exit status and log."""
        answer = self.post(path, **data)
        assert answer.status_code == 200, (answer.status_code, answer.reason)
        return self.finish(answer.json()["data"])

    def finish(self, upid: str) -> tuple[str, list[str]]:
        base = f"/nodes/{upid.split(':')[1]}/tasks/{upid}"
        status = until(lambda: (row := self.get(base + "/status"))["status"] == "stopped" and row)
        return status["exitstatus"], [line["t"] for line in self.get(base + "/log", limit=0)]

    def rows(self, kind: str = "") -> dict[str, dict[str, Any]]:
        return {row["id"]: row for row in self.get("/cluster/resources", **({"type": kind} if kind else {}))}


def until(check: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Return the first true answer of a check; fail when it takes too long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := check():
            return found
        time.sleep(0.01)
    raise AssertionError("waited in vain")


@pytest.fixture(autouse=True)
def _cache_in_memory() -> None:
    """The simulator knows no Django: take the place of the fixture that sets its cache."""


@pytest.fixture(scope="module")
def pve() -> Iterator[Simulator]:
    with Simulator(guests=24, nodes=3, seed=1, task_seconds=0.05) as running:
        yield running


@pytest.fixture
def client(pve: Simulator) -> Iterator[Client]:
    """A client of a simulator that behaves, whose token may do everything."""
    yield Client(pve)
    pve.behave()
    pve.set_token_rights("all")
    pve.set_quorate(True)


@pytest.fixture
def slowly(pve: Simulator) -> Iterator[None]:
    """Make tasks last long enough to look at what happens meanwhile, on a busy machine too."""
    cluster = pve.cluster
    before = cluster.task_seconds, cluster.pace
    cluster.task_seconds, cluster.pace = 0.4, 0.2
    yield
    cluster.task_seconds, cluster.pace = before


@pytest.fixture
def vm(pve: Simulator) -> Iterator[int]:
    """A running virtual machine on pve1."""
    vmid = pve.add_guest(name="test-vm", node="pve1")
    yield vmid
    pve.cluster.guests.pop(vmid, None)


@pytest.fixture
def ct(pve: Simulator) -> Iterator[int]:
    """A running container on pve1."""
    vmid = pve.add_guest(name="test-ct", node="pve1", type="lxc")
    yield vmid
    pve.cluster.guests.pop(vmid, None)
