"""What a scrape costs, beside prometheus-pve-exporter that looks at the same simulated cluster in the same run.

bin/bench scrape [GUESTS …]

Both are real programs behind HTTP: the portal's web server (one worker, SQLite, Redis) and the exporter. Seconds are
the middle of several scrapes, bytes are those on the wire, and memory is the most that the answering process held
during a scrape. A sync is asked for before each scrape of the kind "after a sync"; it is not part of the figure, for
it happens once per interval, however many scrape. The floor is the time that deflating the same page once takes.
"""

import json
import statistics
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.support.processes import BASE, PYTHON, Portal, wait_until
from tests.support.pve_peer import Exporter, PeerMissing

SIZES = (10, 1_000, 10_000)
ROUNDS, PEER_ROUNDS = 7, 3
PEER_PATIENCE = 900.0  # seconds: it asks for each guest's configuration, one after the other
SYNCER = """
import sys
from servers.models import Cluster
from servers.rotation import rotate
from servers.sync import sync_cluster
rotate(Cluster.objects.get(), everything=True) if not sync_cluster(Cluster.objects.get()).error else None
for line in sys.stdin:
    print(sync_cluster(Cluster.objects.get()).error or "ok", flush=True)
"""


@dataclass(frozen=True)
class Cost:
    """What a scrape of one kind takes."""

    what: str
    seconds: float
    size: int
    memory: float

    def line(self, peer: "Cost | None", floor: float) -> str:
        """A row of the table; with the exporter's figures divided by these."""
        text = f"{self.what:<41} {self.seconds:9.4f} s {self.size / 1e6:8.3f} MB {self.memory:6.0f} MB"
        if peer and peer is not self:
            faster, smaller, leaner = peer.seconds / self.seconds, peer.size / self.size, peer.memory / self.memory
            text += f"   {faster:9.1f} x {smaller:6.1f} x {leaner:5.1f} x"
        return text + (f"   {self.seconds / floor:6.1f} x floor" if not peer else "")


def scrape(session: requests.Session, url: str, *, gzip: bool) -> bytes:
    """The bytes of one answer, as they came. Raises where it is none."""
    headers = {"Accept-Encoding": "gzip" if gzip else "identity"}
    with session.get(url, headers=headers, stream=True, timeout=PEER_PATIENCE) as answer:
        answer.raise_for_status()
        return answer.raw.read()


def family(leader: int) -> list[int]:
    """A process and its children: who of them answers is their own affair."""
    children = Path(f"/proc/{leader}/task/{leader}/children").read_text().split()
    return [leader, *(int(child) for child in children)]


def forget_peak(leader: int) -> None:
    """Let the kernel count the most memory anew."""
    for pid in family(leader):
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak(leader: int) -> float:
    """The most memory that one of these processes held since, in MB."""
    found = []
    for pid in family(leader):
        lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        found.append(int(lines["VmHWM"].split()[0]) / 1024)
    return max(found)


def cost(  # noqa: PLR0913  (what, of whom, where, how often)
    what: str,
    url: str,
    leader: int,
    before: Callable[[], object] = lambda: None,
    *,
    gzip: bool = False,
    rounds: int = ROUNDS,
) -> Cost:
    """Measure one kind of scrape."""
    times, size = [], 0
    with requests.Session() as session:
        before()
        forget_peak(leader)
        for _ in range(rounds):
            before()
            started = time.perf_counter()
            size = len(scrape(session, url, gzip=gzip))
            times.append(time.perf_counter() - started)
    return Cost(what, statistics.median(times), size, peak(leader))


@contextmanager
def simulated(guests: int, folder: Path) -> Iterator[dict[str, Any]]:
    """The cluster, in a process of its own."""
    command = [PYTHON, "-m", "simulator", "--guests", str(guests), "--nodes", str(max(2, guests // 500)), "--port", "0",
               "--control-port", "0", "--state-dir", str(folder)]  # fmt: skip
    process = subprocess.Popen(command, cwd=BASE, stdout=subprocess.DEVNULL)
    try:
        file = folder / "simulator.json"
        wait_until(file.exists, 120, what="the simulator is ready")
        yield json.loads(file.read_text())
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def synced(portal: Portal, pve: dict[str, Any]) -> Iterator[Callable[[], None]]:
    """The cluster in the portal, and a function that syncs it."""
    portal.manage("add_cluster", "bench", "--endpoint", pve["url"], "--token-id", pve["token_id"],
                  "--token-secret-file", pve["token_secret_file"], "--fingerprint", pve["fingerprint"])  # fmt: skip
    command = [PYTHON, "manage.py", "shell", "--no-imports", "-c", SYNCER]
    process = subprocess.Popen(
        command, cwd=BASE, env=portal.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def sync() -> None:
        process.stdin.write("sync\n")
        process.stdin.flush()
        said = process.stdout.readline().strip()
        if said != "ok":
            raise SystemExit(f"the sync failed: {said}")

    try:
        yield sync
    finally:
        process.stdin.close()
        process.wait(60)


def of_portal(portal: Portal, sync: Callable[[], None]) -> Iterator[Cost]:
    """Each kind of scrape of the portal."""
    web = portal.processes["web"].pid
    for path in ("/metrics", "/pve"):
        for name, before in (("after a sync", sync), ("otherwise", lambda: None)):
            for gzip in (False, True):
                kind = f"{path} {name}, {'gzip' if gzip else 'plain'}"
                scrape(requests.Session(), portal.url + path, gzip=gzip)  # what is loaded once
                yield cost(kind, portal.url + path, web, before, gzip=gzip)


def of_peer(pve: dict[str, Any], guests: int) -> Iterator[Cost]:
    """The exporter: as it comes, and without the question per guest that only its pve_onboot_status needs."""
    secret = Path(pve["token_secret_file"]).read_text().strip()
    target = pve["url"].removeprefix("https://")
    for name, options in (("as it comes", ()), ("--no-collector.config", ("--no-collector.config",))):
        with Exporter(pve["token_id"], secret, *options) as exporter:
            rounds = 1 if guests > 1_000 and not options else PEER_ROUNDS
            url = f"{exporter.url}/pve?target={target}"
            yield cost(f"pve-exporter 3.10, {name}", url, exporter.process.pid, rounds=rounds)


def peers(pve: dict[str, Any], guests: int) -> list[Cost]:
    """The exporter's figures; none where it cannot be had, and a line that says so."""
    try:
        return list(of_peer(pve, guests))
    except PeerMissing as missing:
        print(missing)
        return []


def measure(guests: int) -> None:
    """The table of one size."""
    with Portal(web_workers=1) as portal, simulated(guests, portal.data / "simulator") as pve:
        portal.start("redis", "web")
        with synced(portal, pve) as sync:
            sync()
            at_rest = peak(portal.processes["web"].pid)
            ours = list(of_portal(portal, sync))
        page = requests.get(f"{portal.url}/metrics", timeout=60).content
        started = time.perf_counter()
        zlib.compress(page, 1)
        floor = time.perf_counter() - started
        theirs = peers(pve, guests)
    print(
        f"\n{guests:,} guests; floor (deflating /metrics once) {floor:.4f} s; the web worker at rest {at_rest:.0f} MB"
    )
    print(f"{'':<41} {'seconds':>11} {'bytes':>11} {'memory':>9}   the exporter's (quickest), divided by ours")
    quickest = min(theirs, key=lambda one: one.seconds, default=None)
    for one in theirs:
        print(one.line(one, floor))
    for one in ours:
        print(one.line(quickest, floor))


def main() -> None:
    """Measure for each number of guests on the command line, or 10, 1,000 and 10,000."""
    for guests in [int(word) for word in sys.argv[1:]] or SIZES:
        measure(guests)


if __name__ == "__main__":
    main()
