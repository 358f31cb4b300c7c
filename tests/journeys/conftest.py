"""A whole portal in real processes, a simulated Proxmox, a Slack and a mailbox that really receive."""

import contextlib
import re
import signal
import sqlite3

import pytest
import requests

from portal.up.programs import Program
from simulator import Simulator
from tests.support.components import need
from tests.support.processes import Portal, free_port, wait_until
from tests.support.receivers import HttpReceiver, Mailbox
from tests.support.schema import changes_asked  # noqa: F401

CHANNELS = """
from notifications.models import AlertChannel
for kind, name, values in {channels!r}:
    channel = AlertChannel(kind=kind, name=name)
    channel.keep(values)
    channel.save()
"""
ADMIN = "from django.contrib.auth.models import User; User.objects.create_superuser('admin', password='{password}')"
PASSWORD = "a-long-password-of-this-test"
REGISTER = """
from servers.models import Cluster
from servers.notifying import register
from portal.lib import subscriptions
print(repr(register(Cluster.objects.get(), subscriptions.listener(), "a test").trouble))
"""


class World:
    """Everything of one journey, and what can be asked of it."""

    def __init__(self, portal, pve, slack, mailbox):
        self.portal, self.pve, self.slack, self.mailbox = portal, pve, slack, mailbox

    def rows(self, sql, *values):
        """What the portal's database holds."""
        with contextlib.closing(sqlite3.connect(self.portal.data / "portal.sqlite3", timeout=20)) as database:
            return database.execute(sql, values).fetchall()

    def write(self, sql, *values):
        """Change the portal's database, as time would."""
        with contextlib.closing(sqlite3.connect(self.portal.data / "portal.sqlite3", timeout=20)) as database, database:
            database.execute(sql, values)

    def one(self, sql, *values):
        """The first value of the first row."""
        found = self.rows(sql, *values)
        return found[0][0] if found else None

    def add_cluster(self, *more):
        """Tell the portal of the simulated Proxmox."""
        secret = self.portal.data / "secret"
        secret.write_text(self.pve.token_secret)
        self.portal.manage(
            "add_cluster", "demo", "--endpoint", self.pve.url, "--token-id", self.pve.token_id,
            "--token-secret-file", str(secret), "--fingerprint", self.pve.fingerprint, "--interval", "5", *more,
        )  # fmt: skip

    def wait_for_sync(self):
        """Until the inventory is there."""
        wait_until(lambda: self.one("SELECT first_complete_at FROM servers_cluster"), 30, what="a first sync")

    def sync_soon(self):
        """As the button does."""
        self.write("UPDATE servers_cluster SET due_at = datetime('now', '-1 second')")

    def status(self, vmid):
        """A server's state, as the portal knows it."""
        return self.one("SELECT status FROM servers_server WHERE vmid = ? AND retired_at IS NULL", vmid)

    def let_claims_expire(self, table):
        """As a minute would."""
        self.write(f"UPDATE {table} SET claimed_until = datetime('now', '-1 second') WHERE claimed_until IS NOT NULL")

    def listen_to_proxmox(self):
        """Have Proxmox send its notifications here, as the button does, and wait for its test."""
        assert self.portal.python(REGISTER) == "''"
        wait_until(lambda: self.one("SELECT processed_at FROM monitoring_inbound"), 90, what="Proxmox's test is read")

    def ask_proxmox(self, path, **data):
        """Ask Proxmox for something as its own users do."""
        with requests.Session() as session:
            session.headers["Authorization"] = f"PVEAPIToken={self.pve.token_id}={self.pve.token_secret}"
            session.post(
                f"{self.pve.url}/api2/json{path}", data=data, verify=self.pve.ca_path, timeout=60
            ).raise_for_status()

    def press(self, path, **given):
        """Log in as the administrator, open a page that asks, fill it, and press its button. Where that leads to."""
        with requests.Session() as session:
            for address, data in (("/admin/login/", {"username": "admin", "password": PASSWORD}), (path, given)):
                session.get(self.portal.url + address, timeout=60).raise_for_status()
                data["csrfmiddlewaretoken"] = session.cookies["csrftoken"]
                headers = {"Referer": self.portal.url + address}
                answer = session.post(self.portal.url + address, data, headers=headers, timeout=60)
                answer.raise_for_status()
        return answer

    def metric(self, name):
        """The value of a metric without labels."""
        text = requests.get(f"{self.portal.url}/metrics", timeout=20).text
        return float(re.search(rf"^{name} (\S+)$", text, re.M)[1])

    def kill_worker(self):
        """At once, without a word; its claims end, as they would after a minute, and another one starts."""
        self.portal.kill("worker", signal.SIGKILL)
        self.let_claims_expire("servers_operation")
        self.portal.start("worker")

    def logs(self):
        """For the message of a test that waits in vain."""
        ends = [self.portal.log(name)[-1500:] for name in ("prometheus", "alertmanager", "worker")]
        found = self.rows("SELECT source, condition, object_key, status FROM monitoring_alert")
        return "\n".join([*ends, str(found), str(self.slack_titles())])

    def operations(self):
        """For the message of a test that waits in vain."""
        return str(self.rows("SELECT state, message, waiting_for FROM servers_operation"))

    def slack_titles(self):
        """What Slack was told, in order."""
        return [body["text"] for body in self.slack.bodies]

    def mail_subjects(self):
        """What the mailbox got, in order."""
        return [str(mail.mail["Subject"]) for mail in self.mailbox.mails]


@pytest.fixture
def pve():
    with Simulator(guests=0, nodes=3, seed=1, task_seconds=0.4, auth_failure_delay=0.0) as simulator:
        for number in range(20):
            simulator.add_guest(vmid=200 + number, name=f"web-{number:02}", node="pve1")
        simulator.add_guest(vmid=300, name="db-main", node="pve2")
        simulator.add_guest(vmid=301, name="spare", node="pve2", status="stopped")
        yield simulator


@pytest.fixture
def world(pve):
    """A portal that runs, knows the cluster, and has a Slack and a mail channel."""
    need("redis-server")
    with HttpReceiver() as slack, Mailbox() as mailbox:
        env = {
            "PORTAL_ALLOWED_INTERNAL": "127.0.0.0/8", "PORTAL_SMTP_HOST": "127.0.0.1", "PORTAL_SMTP_TLS": "none",
            "PORTAL_SMTP_PORT": str(mailbox.port), "PORTAL_SMTP_FROM": "portal@example.org",
            "PORTAL_ALERTMANAGER_TOKEN": "the-token-of-these-journeys", "PORTAL_ALERT_MAIL": "boss@example.org",
        }  # fmt: skip
        with Portal(env) as portal:
            world = World(portal, pve, slack, mailbox)
            channels = [
                ("slack", "Slack", {"url": f"{slack.url}/services/T/B/secret"}),
                ("email", "On call", {"addresses": ["oncall@example.org"]}),
            ]
            portal.python(CHANNELS.format(channels=channels) + ADMIN.format(password=PASSWORD))
            portal.start("redis", "web", "worker", "beat")
            world.add_cluster()
            world.wait_for_sync()
            yield world


@pytest.fixture
def stack(world):
    """Prometheus, Alertmanager and the node exporter on the shipped files, with every wait turned down to a second."""
    portal, ports = world.portal, {"9100": free_port(), "9093": free_port(), "9090": free_port()}
    folder = portal.data / "deploy"
    portal.manage("render_deploy", str(folder), "--interval", "2s")
    for path in folder.rglob("*.yml"):
        text = re.sub(r"\b(for|group_wait|group_interval|repeat_interval): \w+", r"\1: 1s", path.read_text())
        path.write_text(re.sub(r"localhost:(9\d{3})", lambda found: f"localhost:{ports[found[1]]}", text))
    portal.spawn(
        Program("node-exporter", (need("prometheus-node-exporter"), f"--web.listen-address=127.0.0.1:{ports['9100']}"))
    )
    portal.spawn(Program("alertmanager", (
        need("prometheus-alertmanager"), f"--config.file={folder / 'alertmanager' / 'alertmanager.yml'}",
        f"--storage.path={portal.data / 'am'}", f"--web.listen-address=127.0.0.1:{ports['9093']}",
        "--cluster.listen-address=",
    )))  # fmt: skip
    portal.spawn(Program("prometheus", (
        need("prometheus"), f"--config.file={folder / 'prometheus' / 'prometheus.yml'}",
        f"--storage.tsdb.path={portal.data / 'tsdb'}", f"--web.listen-address=127.0.0.1:{ports['9090']}",
    )))  # fmt: skip
    world.prometheus = f"http://127.0.0.1:{ports['9090']}"
    for name, port, path in (
        ("node-exporter", "9100", "/metrics"), ("alertmanager", "9093", "/-/ready"), ("prometheus", "9090", "/-/ready"),
    ):  # fmt: skip
        address = f"http://127.0.0.1:{ports[port]}{path}"
        wait_until(lambda name=name, address=address: portal.ready(name) and answers(address), 60, what=world.logs)
    return world


def answers(address):
    """Whether something answers there as it should."""
    try:
        return requests.get(address, timeout=20).ok
    except requests.RequestException:
        return False
