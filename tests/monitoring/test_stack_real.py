"""A real portal with a real Prometheus and Alertmanager: checked, backed up, restored into an empty folder, started
from there, and everything is found again."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from monitoring.stack_files import Trouble, databases
from portal.lib.environment import Environment
from portal.up.programs import Program
from tests.monitoring.postgres import PostgreSQL
from tests.monitoring.test_prometheus import Prometheus
from tests.support.components import need
from tests.support.processes import Portal, free_port, wait_until

pytestmark = pytest.mark.real
SECRET = "5ec2e7aa-0000-4000-8000-0123456789ab"
FOUND_AGAIN = (
    "from servers.models import Server, Cluster; "
    "print(Server.objects.count(), Cluster.objects.get(name='demo').token_secret)"
)


def start_prometheus(portal: Portal, config: Path, data: Path, *more: str, port: int = 0) -> Prometheus:
    port = port or free_port()
    command = (
        need("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=30d", "--storage.tsdb.retention.size=10GB",
        f"--web.listen-address=127.0.0.1:{port}", *more,
    )  # fmt: skip
    portal.spawn(Program("prometheus", command))
    server = Prometheus(f"http://127.0.0.1:{port}")
    portal.env["PORTAL_PROMETHEUS_URL"] = server.url
    wait_until(server.answers, 20, what=lambda: portal.log("prometheus"))
    return server


def start_alertmanager(portal: Portal, config: Path) -> str:
    url = f"http://127.0.0.1:{free_port()}"
    command = (
        need("prometheus-alertmanager"), f"--config.file={config}", f"--storage.path={portal.data / 'am'}",
        f"--web.listen-address={url.removeprefix('http://')}", "--cluster.listen-address=",
    )  # fmt: skip
    portal.spawn(Program("alertmanager", command))
    portal.env["PORTAL_ALERTMANAGER_URL"] = url
    wait_until(lambda: _ok(f"{url}/-/ready"), 20, what=lambda: portal.log("alertmanager"))
    return url


def _ok(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


def seed(portal: Portal) -> None:
    portal.python(
        "from tests.monitoring.inventory import seed_everything; seed_everything(); "
        "from servers.models import Cluster; c = Cluster.objects.get(name='demo'); "
        f"c.token_secret = {SECRET!r}; c.save(update_fields=['token_secret'])"
    )


@contextmanager
def watched_portal() -> Iterator[tuple[Portal, Prometheus]]:
    with Portal(static=False) as portal:
        portal.start("redis", "web")
        seed(portal)
        deploy = portal.data / "run" / "deploy"
        portal.manage("render_deploy", str(deploy), "--interval", "1s")
        start_alertmanager(portal, deploy / "alertmanager" / "alertmanager.yml")
        server = start_prometheus(
            portal, deploy / "prometheus" / "prometheus.yml", portal.data / "tsdb", "--web.enable-admin-api"
        )
        wait_until(lambda: server.ask("active_servers_total"), 30)
        yield portal, server


@contextmanager
def portal_in(folder: Path) -> Iterator[Portal]:
    """A second portal whose folder is the restored one."""
    portal = Portal(static=False)
    shutil.rmtree(portal.data)
    folder.rename(portal.data)
    for name in ("run", "log", "redis", "metrics", "static"):
        (portal.data / name).mkdir(exist_ok=True)
    try:
        yield portal
    finally:
        Portal.__exit__(portal)


def test_what_was_saved_is_found_again_from_empty_folders(tmp_path):
    with watched_portal() as (portal, server):
        silence = {
            "matchers": [{"name": "a", "value": "b", "isRegex": False}], "comment": "kept", "createdBy": "test",
            "startsAt": "2030-01-01T00:00:00Z", "endsAt": "2030-01-02T00:00:00Z",
        }  # fmt: skip
        assert requests.post(f"{portal.env['PORTAL_ALERTMANAGER_URL']}/api/v2/silences", json=silence, timeout=5).ok
        told = portal.manage("stack_backup", str(tmp_path / "backups")).stdout
        before = time.time()
        assert "saved    Prometheus: data" in told
        assert list((portal.data / "tsdb" / "snapshots").iterdir()) == []
        portal.manage("stack_restore", str(tmp_path / "backups"), "--into", str(tmp_path / "new"))
    kept = tmp_path / "new" / "config"
    assert {path.name for path in (kept / "prometheus").iterdir()} >= {
        "prometheus.yml", "alert_rules.yml", "recording_rules.yml", "as-loaded.yml"
    }  # fmt: skip
    assert "receivers:" in (kept / "alertmanager" / "alertmanager.yml").read_text()
    assert json.loads((kept / "alertmanager" / "silences.json").read_text())[0]["comment"] == "kept"
    with portal_in(tmp_path / "new") as again:
        again.start("redis", "web")
        assert again.python(FOUND_AGAIN) == f"5 {SECRET}"
        (again.data / "empty.yml").write_text("{}")
        server = start_prometheus(again, again.data / "empty.yml", again.data / "prometheus")
        (row,) = requests.get(
            f"{server.url}/api/v1/query", timeout=5,
            params={"query": "last_over_time(active_servers_total[10m])", "time": str(before)},
        ).json()["data"]["result"]  # fmt: skip
        assert row["value"][1] == "3"


def test_the_daily_check_of_a_stack_that_is_well_and_then_is_not(tmp_path):
    with watched_portal() as (portal, server):
        wait_until(lambda: server.ask('up{job="proxmox-manager"} == 1'), 20)
        found = json.loads(portal.manage("stack_check", "--json", check=False).stdout)
        states = {check["name"]: check["state"] for check in found["checks"]}
        for name in ("prometheus", "configuration", "rules", "retention", "alertmanagers", "alertmanager", "portal"):
            assert states[name] == "ok", found["checks"]
        assert states["dashboards"] in {"not installed", "failed"}
        assert any(target["job"] == "proxmox-manager" and target["health"] == "up" for target in found["targets"])
        portal.stop("web")
        wait_until(lambda: server.ask('up{job="proxmox-manager"} == 0'), 20)
        done = portal.manage("stack_check", check=False)
        assert done.returncode == 1
        assert "Prometheus cannot scrape the portal" in done.stdout
        assert "Nothing listens there" in done.stdout


def test_without_the_administration_api_the_data_are_skipped_with_a_sentence(tmp_path):
    with Portal(static=False) as portal:
        (portal.data / "empty.yml").write_text("{}")
        start_prometheus(portal, portal.data / "empty.yml", portal.data / "tsdb")
        done = portal.manage("stack_backup", str(tmp_path))
    assert "skipped  Prometheus: data: Its administration API is off" in done.stdout
    assert "saved    Prometheus: configuration" in done.stdout


def test_a_portal_on_postgresql_comes_back_into_an_empty_database(tmp_path):
    with PostgreSQL() as old, Portal({"PORTAL_DATABASE_URL": old.url}, static=False) as portal:
        portal.manage("migrate", "--no-input", "-v", "0")
        seed(portal)
        portal.manage("stack_backup", str(tmp_path / "backups"))
        refused = portal.manage("stack_restore", str(tmp_path / "backups"), "--into", str(tmp_path / "no"), check=False)
        assert "is not empty" in refused.stderr
        assert not (tmp_path / "no").exists()
        with PostgreSQL() as new:
            portal.env["PORTAL_DATABASE_URL"] = new.url
            portal.manage("stack_restore", str(tmp_path / "backups"), "--into", str(tmp_path / "new"))
            assert portal.python(FOUND_AGAIN) == f"5 {SECRET}"


def test_a_dump_travels_as_safely_as_the_databases_address_says(tmp_path):
    with PostgreSQL() as server:
        here = connection_settings(server.url)
        databases.save_postgresql(here, tmp_path / "plain.dump")
        assert (tmp_path / "plain.dump").read_bytes().startswith(b"PGDMP")
        for mode in ("require", "verify-full"):
            with pytest.raises(Trouble, match="SSL"):
                databases.save_postgresql(connection_settings(f"{server.url}?sslmode={mode}"), tmp_path / mode)


def connection_settings(url: str) -> dict[str, object]:
    return Environment({"PORTAL_DATABASE_URL": url}).database("PORTAL_DATABASE_URL", "")
