"""``/pve``: which cluster a target means, who may ask, and what one gets where nobody knows."""

import gzip
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection

from monitoring.pve import page
from monitoring.pve.targets import split
from portal.lib import clock
from servers.models import Cluster, Finding, Node
from tests.monitoring.inventory import container, guest, make_cluster, node, resync, storage
from tests.support.pve_peer import Answer

pytestmark = pytest.mark.django_db
TOKEN = "a-token-of-some-length"


@pytest.fixture(autouse=True)
def _anew():
    page.forget()


@pytest.fixture
def two(db):
    """Two clusters whose nodes have the same names, reached at different addresses."""
    for number, name in enumerate(("berlin", "seoul"), 1):
        made = make_cluster(name, [guest(100 * number)], [node("pve1"), node("pve2")], [storage("local", "pve1")])
        endpoints = [f"https://{name}.example.org:8006", f"https://[2001:db8::{number}]:8006"]
        Cluster.objects.filter(pk=made.pk).update(endpoints=endpoints)
        for place in Node.objects.filter(cluster=made):
            Node.objects.filter(pk=place.pk).update(address=f"192.0.2.{number}{place.name[-1]}")
        Finding.keep(made, "subscription@pve1", {"status": "active", "level": "c"}, clock.now())
        Finding.keep(made, "subscription@pve2", {"status": "notfound"}, clock.now())


@pytest.fixture
def ask(client):
    def once(status: int = 200, **asked: str) -> str:
        answer = client.get("/pve", asked)
        assert answer.status_code == status, answer.content
        return answer.content.decode()

    return once


def vmids(text: str) -> list[str]:
    return [dict(labels)["id"] for labels in Answer(text).of("pve_guest_info")]


@pytest.mark.parametrize(
    ("target", "module"),
    [
        ("seoul", ""),
        ("seoul.example.org", "default"),
        ("SEOUL.example.org:8006", "default"),
        ("https://seoul.example.org:8006/", ""),
        ("2001:db8::2", ""),
        ("[2001:0db8::2]:8006", ""),
        ("192.0.2.21", ""),
        ("192.0.2.22:8006", ""),
        ("pve1", "seoul"),
        ("pve2.example.org", "seoul"),
        ("", "seoul"),
        ("localhost", "seoul"),
    ],
)
def test_a_target_finds_its_cluster(two, ask, target, module):
    assert vmids(ask(target=target, module=module)) == ["qemu/200"]


@pytest.mark.parametrize("target", ["", "localhost", "127.0.0.1:8006", "::1", "[::1]:8006"])
def test_on_the_portals_machine_the_only_cluster_is_meant(ask, target):
    make_cluster("only", [guest(7)])
    assert vmids(ask(target=target)) == ["qemu/7"]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("nowhere.example.org", "No cluster is known"),
        ("", "No cluster is known"),
        ("pve1", "several clusters: berlin, seoul"),
        ("pve1:8006", "several clusters: berlin, seoul"),
        ("http://[", "No cluster is known"),
        ("x" * 5000, "No cluster is known"),
    ],
)
def test_an_unknown_target_gets_a_sentence(two, ask, target, words):
    assert words in ask(404, target=target)


def test_a_module_that_is_no_cluster_is_ignored_and_one_that_is_binds(two, ask):
    assert vmids(ask(target="berlin", module="default")) == ["qemu/100"]
    ask(404, target="berlin.example.org", module="seoul")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("pve", ("pve", 0)), ("pve:8006", ("pve", 8006)), ("::1", ("::1", 0)), ("[::1]:8006", ("::1", 8006)),
        ("https://pve.:8006/x", ("pve", 8006)), ("pve:99999", ("", 0)), ("", ("", 0)), (" ", ("", 0)),
    ],
)  # fmt: skip
def test_a_target_is_split(text, found):
    assert split(text) == found


# --- the parts of a page


def test_cluster_and_node_switch_their_parts_off(two, ask):
    whole = Answer(ask(target="seoul")).types
    cluster, nodes = Answer(ask(target="seoul", node="0")).types, Answer(ask(target="seoul", cluster="false")).types
    assert set(cluster) | set(nodes) == set(whole)
    assert not set(cluster) & set(nodes)
    assert "pve_subscription_info" in nodes
    assert "pve_up" in cluster
    assert ask(target="seoul", cluster="0", node="") == ""


def test_a_node_tells_its_own_subscription_and_a_cluster_that_of_all(two, ask):
    def nodes(target: str) -> list[str]:
        return [dict(labels)["id"] for labels in Answer(ask(target=target)).of("pve_subscription_info")]

    assert nodes("192.0.2.21") == ["node/pve1"]
    assert nodes("seoul") == nodes("seoul.example.org") == ["node/pve1", "node/pve2"]


def test_names_of_other_scripts_stay_whole(ask):
    odd = 'quo"te \\ back\nslash 한국어 😀'
    make_cluster("odd", [guest(1, name=odd, tags=";a,b;c;")])
    assert Answer(ask()).get("pve_guest_info", name=odd, tags="a,b;c") == 1


def test_a_guest_that_is_listed_twice_counts_once(ask):
    made = make_cluster("demo", [guest(1)], [node("pve1"), node("pve2")])
    resync(made, [guest(1), guest(1, node="pve2")], [node("pve1"), node("pve2")])
    assert len(Answer(ask()).of("pve_guest_info")) == 1


def test_unknown_is_absent(ask):
    guests = [guest(1, node="pve2"), container(2), container(3, node="pve2", disk=None)]
    shared = [storage("ceph", name, shared=True) for name in ("pve1", "pve2")]
    make_cluster("demo", guests, [node("pve1"), node("pve2", status="offline")], shared)
    told = Answer(ask())
    assert {dict(labels)["id"] for labels in told.of("pve_up")} == {
        "node/pve1", "node/pve2", "lxc/2", "storage/pve1/ceph",
    }  # fmt: skip
    assert told.get("pve_up", id="node/pve2") == 0
    assert told.get("pve_disk_usage_bytes", id="lxc/2")


def test_a_page_is_put_together_once_per_sync(ask, django_assert_num_queries):
    made = make_cluster("demo", [guest(1)])
    ask()
    cache.clear()  # what is kept needs no snapshot
    with django_assert_num_queries(3):
        ask()
    resync(made, [guest(1), guest(2)])
    assert vmids(ask()) == ["qemu/1", "qemu/2"]


def test_old_findings_are_not_the_present(two, ask):
    Finding.objects.update(at=clock.now() - timedelta(hours=25))
    assert "pve_subscription_info{" not in ask(target="seoul")


def test_the_page_is_packed_for_those_who_unpack(two, client, ask):
    plain = ask(target="seoul")
    answer = client.get("/pve", {"target": "seoul"}, headers={"Accept-Encoding": "gzip"})
    assert answer["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.content).decode() == plain


def test_the_plain_format_is_given_whatever_is_asked_for(two, client):
    answer = client.get("/pve/", {"target": "seoul"}, headers={"Accept": "application/openmetrics-text;version=1.0.0"})
    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


# --- trouble: Prometheus shall see "down", as it did


def test_a_cluster_that_cannot_be_synced_is_down(ask):
    made = make_cluster("demo", [guest(1)], synced=clock.now() - timedelta(minutes=6))
    Cluster.objects.filter(pk=made.pk).update(last_error="https://pve:8006 cannot be reached.")
    assert "too old. https://pve:8006 cannot be reached." in ask(503)


def test_without_the_snapshot_nothing_is_invented(ask):
    make_cluster("demo", [guest(1)], cached=False)
    assert "not in the cache" in ask(503)


def test_without_the_database_it_is_503(ask, two):
    connection.cursor().execute("ALTER TABLE servers_cluster RENAME TO away")
    assert "could not be put together" in ask(503, target="seoul")


# --- who may


def test_it_is_as_private_as_the_metrics(two, client, settings):
    settings.PORTAL_METRICS_TOKEN, settings.PORTAL_SD_TOKEN = TOKEN, "another-token-of-some-length"
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    for wrong in ({}, {"Authorization": f"Bearer {settings.PORTAL_SD_TOKEN}"}, {"X-Forwarded-For": "127.0.0.1"}):
        assert client.get("/pve", {"target": "seoul"}, headers=wrong, **elsewhere).status_code == 401
    right = {"Authorization": f"Bearer {TOKEN}"}
    assert client.get("/pve", {"target": "seoul"}, headers=right, **elsewhere).status_code == 200
    assert client.get("/pve", {"target": "seoul"}, headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 401
    assert client.post("/pve").status_code == 405
