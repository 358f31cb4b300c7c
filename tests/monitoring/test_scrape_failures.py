"""A scrape answers 200 whatever is broken, and says which part is."""

import time

import pytest
from django.core.cache import cache
from django.db import DatabaseError, OperationalError, connection

from monitoring.limits import limited
from servers import snapshot
from tests.monitoring.inventory import guest, make_cluster, node, resync, seed_everything

pytestmark = pytest.mark.django_db


def broken(table: str = ""):
    """Every statement about this table fails, or every one at all."""

    def fail(execute, sql, params, many, context):
        if table in sql:
            raise OperationalError("database is locked")
        return execute(sql, params, many, context)

    return connection.execute_wrapper(fail)


def failed(page) -> set[str]:
    return {dict(labels)["collector"] for labels, good in page.all("portal_collector_success").items() if not good}


def test_a_database_that_fails_leaves_the_requests_counted(client, scrape):
    seed_everything()
    client.get("/")
    with broken():
        page = scrape()
    assert page.get("http_requests_total", endpoint="home", method="GET", status="302") >= 1
    assert {"clusters", "servers", "guests", "counters", "backups", "users"} <= failed(page)
    assert "active_servers_total" not in page.families
    assert not page.all("proxmox_vm_status")


def test_one_part_that_fails_takes_no_other_along(scrape):
    seed_everything()
    with broken("servers_counter"):
        page = scrape()
    assert failed(page) == {"counters"}
    assert page.get("active_servers_total") == 3
    assert page.get("server_creation_total") is None


def test_states_that_cannot_be_read_are_not_told_as_they_were(scrape, time_machine):
    time_machine.move_to("2026-05-01T12:00:00Z", tick=False)
    make_cluster(guests=[guest(1)])
    assert scrape().get("proxmox_vm_status", vmid="1") == 1
    time_machine.shift(11)
    with broken("servers_server"):
        page = scrape()
    assert page.get("proxmox_vm_status", vmid="1") is None
    assert page.get("proxmox_guest_cpu_ratio", vmid="1") == 0.25
    assert scrape().get("proxmox_vm_status", vmid="1") == 1


def test_without_the_cache_only_the_usage_is_missing(scrape):
    seed_everything()
    cache.clear()
    page = scrape()
    assert failed(page) == {"guest_usage"}
    assert page.get("proxmox_vm_status", cluster="demo", vmid="100") == 1
    assert not page.all("proxmox_guest_cpu_ratio")
    assert page.get("proxmox_storage_usage", cluster="demo", storage="ceph")


@pytest.mark.parametrize("rubbish", [b"rubbish", b"", 7, "text", [1], {"at": 1}])
def test_a_broken_snapshot_of_one_cluster_leaves_the_others(scrape, rubbish):
    first, _second = make_cluster("a", [guest(1)]), make_cluster("b", [guest(1)])
    cache.set(snapshot._key(first.pk), rubbish)
    page = scrape()
    assert failed(page) == {"guest_usage"}
    assert page.labels("proxmox_guest_cpu_ratio", "cluster") == ["b"]


def test_a_snapshot_that_turns_up_later_is_shown(scrape):
    cluster = make_cluster(guests=[guest(1)])
    kept = cache.get(snapshot._key(cluster.pk))
    cache.clear()
    assert failed(scrape()) == {"guest_usage"}
    cache.set(snapshot._key(cluster.pk), kept)
    page = scrape()
    assert failed(page) == set()
    assert page.get("proxmox_guest_cpu_ratio", vmid="1") == 0.25


def test_a_figure_that_is_no_number_spoils_its_part_alone(scrape):
    cluster = make_cluster(guests=[guest(1)])
    resync(cluster, [guest(1)], [node("pve1", cpu="much")])
    page = scrape()
    assert failed(page) == {"node_usage"}
    assert page.get("proxmox_guest_cpu_ratio", vmid="1") == 0.25


def test_a_guest_with_a_figure_that_is_no_number_does_not_make_the_page_invalid(scrape):
    resync(make_cluster(guests=[guest(1)]), [guest(1, net_in="lots")])
    page = scrape()
    assert failed(page) == {"guest_usage"}
    assert page.get("proxmox_vm_status", vmid="1") == 1


def test_trouble_is_logged_once_and_not_at_every_scrape(scrape, caplog):
    seed_everything()
    with broken("servers_counter"):
        for _ in range(3):
            scrape()
    assert len([record for record in caplog.records if "'counters'" in record.message]) == 1


def test_a_statement_that_takes_too_long_is_ended():
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    started = time.monotonic()
    with pytest.raises(DatabaseError), limited(0.2), connection.cursor() as cursor:
        cursor.execute(endless)
    assert time.monotonic() - started < 30  # it would take for ever
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        assert cursor.fetchone() == (20000,)
