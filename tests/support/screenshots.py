"""The pictures of README and docs: a portal with two simulated clusters to which something happens, in a real browser.

``bin/screenshots`` runs it. Whoever changes a page takes them anew, looks at them, and commits them with the change.
"""

import argparse
import contextlib
import secrets
import sqlite3
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from portal.up.ports import Ports
from portal.up.programs import Program
from simulator import Simulator
from tests.support.components import find
from tests.support.processes import BASE, BROWSER_PATIENCE, Portal, free_port, wait_until
from tests.support.receivers import HttpReceiver

IMAGES = BASE / "docs" / "images"
MOST_BYTES = 300_000  # of one picture: they stay in the repository's history for good
# The end of the file's name, the size of the window, light or dark.
LOOKS = {
    "": ({"width": 1440, "height": 1000}, "light"),
    "-dark": ({"width": 1440, "height": 1000}, "dark"),
    "-phone": ({"width": 390, "height": 844}, "light"),
    "-phone-dark": ({"width": 390, "height": 844}, "dark"),
}
# What is kept in docs/images; the other pages and looks are for whoever has a look at everything (--all).
KEPT = {"front": ("", "-dark", "-phone"), "servers": ("", "-dark", "-phone"), "server": ("", "-dark", "-phone")}
KEPT |= {"operation": ("",), "incident": ("",), "cluster": ("",)}
KEPT |= {"dashboard-system": ("", "-dark"), "dashboard-infrastructure": ("", "-dark"), "server-panels": ("", "-dark")}
# What Prometheus has seen of the stage, and how often it looks, before pictures of it are worth taking.
SAMPLES, SCRAPES = 60, "3s"
SINCE = "renderer=portal&from=now-3m&refresh="
# Pages that are scrolled to something before they are taken.
SCROLLED = {"server-panels": ".pm-card:has(.pp-grid)"}
PANELS = """[...document.querySelectorAll(".pp-panel")].filter((one) => {
    const box = one.getBoundingClientRect();
    return one.offsetParent && box.top < innerHeight && box.bottom > 0;
}).every((one) => ["drawn", "empty"].includes(one.dataset.state))"""
LISTS = (
    *("servers/node", "servers/storage", "servers/cluster", "servers/backup", "servers/backuprun", "servers/operation"),
    *(
        "servers/statechange",
        "servers/serverrequest",
        "servers/blueprint",
        "monitoring/incident",
        "notifications/alertchannel",
        "notifications/notification",
    ),
    *("notifications/delivery", "auth/user"),
)
HIDE_CARET = "*, *::before, *::after { caret-color: transparent !important; animation: none !important; }"

PEOPLE = """
from django.contrib.auth.models import Group, User
User.objects.create_superuser("jihye", "jihye@example.org", {password!r})
marco = User.objects.create_user("marco", "marco@example.org", is_staff=True)
marco.groups.add(Group.objects.get(name="operator"))
from notifications.models import AlertChannel
channel = AlertChannel(kind="slack", name="On call")
channel.keep({{"url": {slack!r}}})
channel.save()
"""
OWNERS = """
from servers.models import Server
owners = {"db": "data", "web": "shop", "app": "shop", "api": "shop", "ml": "data", "ci": "platform"}
for server in Server.objects.filter(template=False):
    server.owner = owners.get(server.name.partition("-")[0], "platform")
    server.environment = "production" if "prod" in server.tags else "internal"
    server.save(update_fields=["owner", "environment"])
"""
OPERATIONS = """
from django.contrib.auth.models import User
from servers.models import Server
from servers.operations import request_operation
for who, vmid, action in {wanted!r}:
    server = Server.objects.get(cluster__name="seoul", vmid=vmid, retired_at=None)
    request_operation(server, action, User.objects.get(username=who))
"""
ACKNOWLEDGE = """
from django.contrib.auth.models import User
from monitoring.models import Incident
from portal.lib import clock
marco = User.objects.get(username="marco")
Incident.objects.filter(node__isnull=False, server=None).update(acknowledged_by=marco, acknowledged_at=clock.now())
"""


@dataclass
class Stage:
    """The portal, what it watches, and who may log in."""

    portal: Portal
    seoul: Simulator
    lab: Simulator
    password: str
    watcher: int  # Prometheus's port

    def count(self, query: str) -> int:
        """What the database answers, as a number."""
        with contextlib.closing(sqlite3.connect(self.portal.data / "portal.sqlite3", timeout=20)) as database:
            return int(database.execute(query).fetchone()[0])

    def wait_for(self, query: str, number: int = 1, seconds: float = 60) -> None:
        """Until a count has got that far."""
        wait_until(lambda: self.count(query) >= number, seconds, what=query)

    def add(self, name: str, pve: Simulator) -> None:
        """Tell the portal of a cluster."""
        secret = self.portal.data / f"{name}-secret"
        secret.write_text(pve.token_secret)
        self.portal.manage(
            "add_cluster", name, "--endpoint", pve.url, "--token-id", pve.token_id,
            "--token-secret-file", str(secret), "--fingerprint", pve.fingerprint, "--interval", "5",
        )  # fmt: skip

    def watch(self) -> None:
        """Let a Prometheus and a node exporter look at it from now on."""
        ports, deploy = Ports(self.portal.data / "run" / "ports.json"), self.portal.data / "run" / "deploy"
        exporter, prometheus = ports.set("node-exporter", free_port()), ports.set("prometheus", self.watcher)
        self.portal.manage("render_deploy", str(deploy), "--interval", SCRAPES)
        self.portal.spawn(
            Program("node-exporter", (find("prometheus-node-exporter"), f"--web.listen-address=127.0.0.1:{exporter}"))
        )
        config, data = deploy / "prometheus" / "prometheus.yml", self.portal.data / "tsdb"
        listens = f"--web.listen-address=127.0.0.1:{prometheus}"
        command = (find("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={data}", listens)
        self.portal.spawn(Program("prometheus", command))

    def scraped(self) -> int:
        """How many samples it has of what was looked at least."""
        asked = {"query": "min(count_over_time(up{job=~'node-exporter|proxmox-manager'}[1h]))"}
        address = f"http://127.0.0.1:{self.watcher}/api/v1/query"
        try:
            rows = requests.get(address, params=asked, timeout=10).json()["data"]["result"]
        except requests.RequestException:
            return 0
        return int(rows[0]["value"][1]) if rows else 0

    def key_of(self, table: str, where: str) -> int:
        """The key of the latest row for which that holds."""
        return self.count(f"SELECT max(id) FROM {table} WHERE {where}")


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    """A portal in a folder of its own that knows two clusters and has seen their backups."""
    seoul = Simulator(guests=40, nodes=3, seed=1, task_seconds=2.0, name="seoul")
    lab = Simulator(guests=0, nodes=2, seed=7, name="lab")
    for number, name in enumerate(("staging-web", "staging-db", "staging-api", "ansible", "sandbox-01", "sandbox-02")):
        vmid = lab.add_guest(vmid=500 + number, name=name, node=f"pve{1 + number % 2}", tags=name.partition("-")[0])
        lab.add_backup("pbs", vmid, time.time() - 50_000 - 700 * number)
    port = free_port()
    env = {"PORTAL_ALLOWED_INTERNAL": "127.0.0.0/8", "PORTAL_PROMETHEUS_URL": f"http://127.0.0.1:{port}"}
    with seoul, lab, HttpReceiver() as slack, Portal(env) as portal:
        made = Stage(portal, seoul, lab, secrets.token_urlsafe(16), port)
        portal.python(PEOPLE.format(password=made.password, slack=f"{slack.url}/services/T/B/x"))
        portal.start("redis", "web", "worker", "beat")
        made.add("seoul", seoul)
        made.add("lab", lab)
        made.watch()
        made.wait_for("SELECT count(*) FROM servers_cluster WHERE first_complete_at IS NOT NULL AND version != ''", 2)
        made.wait_for("SELECT count(DISTINCT storage_id) FROM servers_backup", 4)
        portal.python(OWNERS)
        yield made


def let_things_happen(on: Stage) -> None:
    """Some work that is done, some under way, trouble that is over and trouble that is not."""
    on.seoul.set_guest(137, reacts=False)  # deaf to shutdown: that operation goes on for a while
    on.seoul.set_guest(118, tags="api;prod;canary")
    on.seoul.stop_guest(102)
    on.lab.node_offline("pve2")
    done = [("marco", 116, "start"), ("jihye", 136, "reboot"), ("jihye", 121, "shutdown")]
    on.portal.python(OPERATIONS.format(wanted=done))
    on.wait_for("SELECT count(*) FROM monitoring_incident", 2)
    on.seoul.start_guest(102)
    on.seoul.stop_guest(119)
    on.wait_for("SELECT count(*) FROM servers_operation WHERE state = 'succeeded'", 3)
    on.wait_for("SELECT count(*) FROM monitoring_incident WHERE closed_at IS NOT NULL")
    on.wait_for("SELECT count(*) FROM monitoring_incident", 3)
    on.portal.python(ACKNOWLEDGE)
    on.portal.python(OPERATIONS.format(wanted=[("jihye", 137, "shutdown"), ("marco", 111, "stop")]))
    on.wait_for("SELECT count(*) FROM servers_operation WHERE state IN ('running', 'queued') AND steps > 0", 2)
    on.wait_for("SELECT count(*) FROM notifications_delivery WHERE state = 'delivered'", 4)
    wait_until(lambda: on.scraped() >= SAMPLES, 300, what=f"Prometheus has {SAMPLES} samples of everything")


def addresses(on: Stage) -> dict[str, str]:
    """The pages that are kept, by the name of their picture."""
    keys = {
        "servers/server": on.key_of("servers_server", "name = 'api-03'"),
        "servers/operation": on.key_of("servers_operation", "action = 'reboot'"),
        "monitoring/incident": on.key_of("monitoring_incident", "title LIKE 'worker-01%'"),
        "servers/cluster": on.key_of("servers_cluster", "name = 'seoul'"),
    }
    single = {path.rpartition("/")[2]: f"/admin/{path}/{key}/change/" for path, key in keys.items()}
    watched = on.key_of("servers_server", "kind = 'lxc' AND status = 'running'")  # Proxmox knows how full its disk is
    drawn = {
        "dashboard-system": f"/admin/dashboards/system-overview/?{SINCE}",
        "dashboard-infrastructure": f"/admin/dashboards/infrastructure/?{SINCE}",
        "server-panels": f"/admin/servers/server/{watched}/change/?{SINCE}",
    }
    return {"front": "/admin/", "servers": "/admin/servers/server/", **single, **drawn}


def every_page(on: Stage) -> dict[str, str]:
    """Every list beside them, the forms, and the log-in page."""
    lists = {f"list-{path.rpartition('/')[2]}": f"/admin/{path}/" for path in LISTS}
    forms = {"form-cluster": "/admin/servers/cluster/add/", "form-channel": "/admin/notifications/alertchannel/add/"}
    empty = {"list-empty": "/admin/servers/server/?q=nothing-is-called-so"}
    return {**addresses(on), **lists, **forms, **empty, "login": "/admin/login/"}


def logged_in(browser: Any, on: Stage, suffix: str) -> Any:
    """A page of the browser in that look, with jihye at the keyboard."""
    viewport, scheme = LOOKS[suffix]
    context = browser.new_context(viewport=viewport, color_scheme=scheme, timezone_id="Asia/Seoul", locale="en-GB")
    context.set_default_timeout(BROWSER_PATIENCE)
    page = context.new_page()
    page.goto(f"{on.portal.url}/admin/login/")
    page.fill("input[name=username]", "jihye")
    page.fill("input[name=password]", on.password)
    page.click("button[type=submit]")
    return page


def take(page: Any, address: str, target: Path, to: str = "") -> None:
    """One picture of the window as a person sees it, scrolled to something, with its fonts loaded and panels drawn."""
    answer = page.goto(address, wait_until="load")
    if answer.status != 200 or ("/login/" in page.url and "/login/" not in address):
        raise SystemExit(f"{address} answered {answer.status} at {page.url}: that is no picture to keep.")
    page.add_style_tag(content=HIDE_CARET)
    page.evaluate("document.fonts.ready.then(() => true)")
    if to:
        page.locator(to).first.evaluate("(one) => one.scrollIntoView()")
    page.wait_for_function(PANELS)
    page.wait_for_timeout(300)  # what Alpine unfolds on load has a transition
    page.screenshot(path=target)
    size = target.stat().st_size
    sys.stdout.write(f"{target.name}: {size // 1000} kB\n")
    if target.parent == IMAGES and size > MOST_BYTES:
        raise SystemExit(f"{target.name} has {size} bytes, and {MOST_BYTES} are the most: show less of that page.")


def shoot(on: Stage, folder: Path, *, everything: bool) -> None:
    """Take the pictures that are kept, or every page in every look."""
    from playwright.sync_api import sync_playwright

    pages = every_page(on) if everything else addresses(on)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find("chromium"), args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        for suffix in LOOKS:
            page = logged_in(browser, on, suffix)
            for name, path in pages.items():
                if everything or suffix in KEPT[name]:
                    if name == "login":
                        page.context.clear_cookies()
                    take(page, on.portal.url + path, folder / f"{name}{suffix}.png", SCROLLED.get(name, ""))
            page.context.close()
        browser.close()


def main() -> None:
    """Take them. Ends with a sentence where something is missing."""
    parser = argparse.ArgumentParser(prog="bin/screenshots", description="Takes the pictures of README and docs.")
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="every page in every look, into that folder")
    folder = parser.parse_args().all
    for program in ("chromium", "redis-server", "prometheus", "prometheus-node-exporter"):
        if not find(program):
            raise SystemExit(f"{program} is needed: install it, for example with `apt install {program}`.")
    with stage() as on:
        let_things_happen(on)
        (folder or IMAGES).mkdir(parents=True, exist_ok=True)
        shoot(on, folder or IMAGES, everything=folder is not None)


if __name__ == "__main__":
    main()
