"""What a page of six panels over 24 hours costs when the portal draws them, beside asking Prometheus the same directly.

bin/bench panels [ROUNDS]

A real portal (two web workers, SQLite, Redis), a real Prometheus with a day of samples every 15 seconds, and Chromium.
"Drawn" is from the click to the last of the six panels, in a browser that has the scripts already. "Cold" is with an
empty cache of answers, "warm" is the second look within a scrape. The floor is the same queries sent to Prometheus
itself, one after the other over one connection, and the bytes of its answers as they come.
"""

import json
import math
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import Page, sync_playwright

from tests.monitoring.test_stack_real import start_prometheus
from tests.support.components import need
from tests.support.processes import Portal, free_port, wait_until

ROUNDS = 7
HOURS, STEP = 25, 15
PERSON = (
    "from django.contrib.auth.models import User; User.objects.create_superuser('ada', password='pass-1-Word'); "
    "from tests.monitoring.inventory import seed_everything; seed_everything()"
)
QUERIES = (
    "from monitoring.panels import panels_of; import json; "
    "print(json.dumps([query for panel in panels_of('server') "
    "for query in panel.queries({'cluster': 'demo', 'server': '100'}, 180, 86400)]))"
)
FORGET = (
    "from django.core.cache import cache; client = cache._cache.get_client(None, write=True); "
    "[client.delete(key) for key in client.keys('*panel:*')]"
)
NAMES = {
    "proxmox_guest_cpu_ratio": 0.2, "proxmox_guest_memory_used_bytes": 4e9, "proxmox_guest_memory_size_bytes": 8e9,
    "proxmox_guest_network_receive_bytes_total": 0.0, "proxmox_guest_network_transmit_bytes_total": 0.0,
    "proxmox_guest_disk_read_bytes_total": 0.0, "proxmox_guest_disk_written_bytes_total": 0.0,
    "proxmox_backup_last_success_age_seconds": 4e4,
    "proxmox_guest_disk_used_bytes": 2e10, "proxmox_guest_disk_size_bytes": 4e10, "proxmox_guest_uptime_seconds": 1e6,
}  # fmt: skip
# Those of an exporter on the server: what a counter without a base grows by in a second is in RATES.
EXPORTED = {
    'node_cpu_seconds_total{cpu="0",mode="idle"}': 0.0, "node_memory_MemTotal_bytes": 8e9,
    "node_memory_MemAvailable_bytes": 3e9,
    'node_filesystem_avail_bytes{mountpoint="/",fstype="ext4"}': 2e10,
    'node_filesystem_size_bytes{mountpoint="/",fstype="ext4"}': 6e10,
}  # fmt: skip
RATES = {'node_cpu_seconds_total{cpu="0",mode="idle"}': 0.7}
OF_PORTAL = 'cluster="demo",vmid="100",name="web-100",node="pve1",job="proxmox-manager",instance="portal"'
OF_EXPORTER = 'cluster="demo",vmid="100",server="web-100",job="managed-servers",instance="10.0.0.1:9100"'
ADDRESS = "/admin/dashboards/server/?renderer=portal&var-cluster=demo&var-server=100&from=now-24h&refresh="
DRAWN = (
    "[...document.querySelectorAll('.pp-panel')].length === 6 && "
    "[...document.querySelectorAll('.pp-panel')].every((one) => ['drawn', 'empty'].includes(one.dataset.state))"
)


def history(path: Path) -> None:
    """A day of one server's samples in OpenMetrics."""
    end = int(time.time()) - 60
    moments = range(end - HOURS * 3600, end, STEP)
    with path.open("w") as file:
        for number, (name, base) in enumerate({**NAMES, **EXPORTED}.items()):
            family, _brace, own = name.removesuffix("}").partition("{")
            file.write(f"# TYPE {family} unknown\n")
            labels = ",".join(filter(None, (own, OF_PORTAL if name in NAMES else OF_EXPORTER)))
            for at in moments:
                wave = 1 + 0.4 * math.sin(at / 9000 + number)
                value = base * wave if base else (at - moments[0]) * RATES.get(name, 1e4) + wave
                file.write(f"{family}{{{labels}}} {value:.10g} {at}\n")
        file.write("# EOF\n")


def direct(url: str, queries: list[str]) -> tuple[float, int]:
    """Seconds and bytes of asking Prometheus itself."""
    end = int(time.time()) // 180 * 180
    started, size = time.perf_counter(), 0
    with requests.Session() as session:
        for query in queries:
            asked = {"query": query, "start": end - 86_400, "end": end, "step": 180}
            size += len(session.get(f"{url}/api/v1/query_range", params=asked, timeout=30).content)
    return time.perf_counter() - started, size


def page_of(player: Any, portal: Portal) -> Page:
    """A browser that is logged in and has the scripts."""
    browser = player.chromium.launch(executable_path=need("chromium"), args=["--no-sandbox", "--disable-gpu"])
    page = browser.new_page(viewport={"width": 1440, "height": 1400})
    page.set_default_timeout(60_000)
    page.goto(f"{portal.url}/admin/login/")
    page.fill("#id_username", "ada")
    page.fill("#id_password", "pass-1-Word")
    page.click("button[type=submit]")
    page.goto(portal.url + ADDRESS)
    page.wait_for_function(DRAWN)
    return page


def look(page: Page, portal: Portal, *, cold: bool) -> dict[str, float]:
    """Open the page once: seconds until it is drawn, of the server's answers together, and bytes on the wire."""
    if cold:
        portal.python(FORGET)
    started = time.perf_counter()
    page.goto(portal.url + ADDRESS, wait_until="commit")
    page.wait_for_function(DRAWN)
    drawn = time.perf_counter() - started
    entries = page.evaluate(
        "performance.getEntriesByType('resource').filter((one) => one.name.includes('/data?'))"
        ".map((one) => [one.responseStart - one.requestStart, one.encodedBodySize, one.decodedBodySize])"
    )
    whole = page.evaluate("performance.getEntriesByType('navigation')[0].encodedBodySize")
    return {
        "drawn": drawn, "server": sum(entry[0] for entry in entries) / 1000, "wire": sum(entry[1] for entry in entries),
        "plain": sum(entry[2] for entry in entries), "html": whole, "requests": len(entries),
    }  # fmt: skip


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    port = free_port()
    with Portal({"PORTAL_PROMETHEUS_URL": f"http://127.0.0.1:{port}"}) as portal, sync_playwright() as player:
        portal.start("redis")
        portal.python(PERSON)
        deploy, data = portal.data / "run" / "deploy", portal.data / "tsdb"
        portal.manage("render_deploy", str(deploy))
        history(portal.data / "history.txt")
        command = [
            need("promtool"),
            "tsdb",
            "create-blocks-from",
            "openmetrics",
            str(portal.data / "history.txt"),
            data,
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        server = start_prometheus(portal, deploy / "prometheus" / "prometheus.yml", data, port=port)
        portal.start("web")
        wait_until(lambda: server.ask("count_over_time(proxmox_guest_cpu_ratio[1d]) > 100"), 60)
        queries = json.loads(portal.python(QUERIES).splitlines()[-1])
        page = page_of(player, portal)
        floor = [direct(server.url, queries) for _round in range(rounds)]
        seconds, size = statistics.median(one for one, _size in floor), floor[0][1]
        print(f"{len(queries)} queries of six panels, 24 hours, {rounds} rounds, medians")
        print(f"{'floor: Prometheus itself':<28} {seconds:8.3f} s {size / 1e3:10.1f} kB")
        for kind in ("cold", "warm"):
            found = [look(page, portal, cold=kind == "cold") for _round in range(rounds)]
            middle = {name: statistics.median(one[name] for one in found) for name in found[0]}
            print(
                f"{kind + ': drawn after':<28} {middle['drawn']:8.3f} s; answers {middle['server']:.3f} s"
                f" ({middle['server'] / seconds:.1f} x floor), {middle['wire'] / 1e3:.1f} kB on the wire"
                f" ({middle['wire'] / size:.2f} x), {middle['plain'] / 1e3:.1f} kB unpacked,"
                f" page {middle['html'] / 1e3:.1f} kB, {middle['requests']:.0f} requests"
            )


if __name__ == "__main__":
    main()
