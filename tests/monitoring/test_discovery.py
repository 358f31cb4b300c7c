"""The list of machines to scrape: whole or an error, texts only, and only for those who have the token."""

import gzip
import json
import sqlite3

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.utils import OperationalError

from monitoring import discovery
from portal.lib import clock
from servers.models import Cluster, Server
from tests.monitoring.inventory import container, guest, make_cluster

pytestmark = pytest.mark.django_db
URL = "/api/prometheus/sd/"
TOKEN = "a-token-of-some-length"


@pytest.fixture
def cluster():
    """One server of each sort; 101 has an exporter and an address of its agent."""
    made = make_cluster("demo", [guest(101, tags=";prod;a,b;"), container(102), guest(900, template=True)])
    Server.objects.filter(vmid=101).update(
        exporter_port=9100, agent_address="10.20.0.11", environment="prod", owner="김철수", pool="web"
    )
    return made


@pytest.fixture
def listed(client):
    """The groups that Prometheus gets."""

    def once() -> list[dict]:
        answer = client.get(URL)
        assert answer.status_code == 200, answer.content
        assert answer["Content-Type"] == "application/json"
        return json.loads(answer.content)

    return once


def change(vmid: int, **columns: object) -> None:
    Server.objects.filter(vmid=vmid).update(**columns)


def addresses(groups: list[dict]) -> list[str]:
    return [target for group in groups for target in group["targets"]]


def test_a_server_with_an_exporter_and_an_address_is_a_target(cluster, listed):
    server = Server.objects.get(vmid=101)
    assert listed() == [
        {
            "targets": ["10.20.0.11:9100"],
            "labels": {
                "server": "web-101", "vmid": "101", "cluster": "demo", "node": "pve1", "type": "qemu",
                "environment": "prod", "owner": "김철수", "tags": ";prod;a,b;",
                "__meta_portal_server_id": str(server.pk),
                "__meta_portal_address_source": "agent", "__meta_portal_pool": "web", "__meta_portal_status": "running",
            },
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    "columns",
    [{"retired_at": clock.now()}, {"template": True}, {"exporter_port": None}, {"agent_address": ""}],
)
def test_whoever_cannot_be_scraped_is_no_target(cluster, listed, columns):
    change(101, **columns)
    assert listed() == []


@pytest.mark.parametrize("status", ["stopped", "unknown", "paused"])
def test_a_server_that_is_down_stays_a_target(cluster, listed, status):
    change(101, status=status)
    assert addresses(listed()) == ["10.20.0.11:9100"]


@pytest.mark.parametrize(
    ("given", "target"),
    [
        ("192.0.2.9", "192.0.2.9:9100"), ("db.example.org", "db.example.org:9100"), (" db ", "db:9100"),
        ("2001:db8::5", "[2001:db8::5]:9100"), ("[2001:db8::5]", "[2001:db8::5]:9100"),
    ],
)  # fmt: skip
def test_the_operators_word_goes_first(cluster, listed, given, target):
    change(101, operator_address=given)
    (group,) = listed()
    assert group["targets"] == [target]
    assert group["labels"]["__meta_portal_address_source"] == "operator"


def test_an_ipv6_address_of_an_agent_stands_in_brackets(cluster, listed):
    change(101, agent_address="2001:db8::7")
    assert addresses(listed()) == ["[2001:db8::7]:9100"]


@pytest.mark.parametrize("given", ["http://x/", "a b", "a/b", "a:1", "x\ny", "{}"])
def test_what_is_no_address_harms_nobody_else(cluster, listed, given):
    change(101, operator_address=given)
    change(102, exporter_port=9100, agent_address="10.20.0.12")
    assert addresses(listed()) == ["10.20.0.12:9100"]


def test_such_an_address_is_refused_where_it_is_typed(cluster):
    field = Server._meta.get_field("operator_address")
    for typed in ("http://x/", "a b", "db:9100", "10.0.0.1:9100"):
        with pytest.raises(ValidationError, match="without a port"):
            field.clean(typed, None)
    assert field.clean("2001:db8::5", None) == "2001:db8::5"
    assert field.clean("", None) == ""


def test_every_label_is_a_text_and_the_same_for_all(cluster, listed):
    change(102, exporter_port=9100, agent_address="10.20.0.12", node=None)
    groups = listed()
    assert len({tuple(group["labels"]) for group in groups}) == 1
    assert all(isinstance(value, str) for group in groups for value in group["labels"].values())


def test_the_whole_list_comes_with_one_query(cluster, listed, django_assert_num_queries):
    Server.objects.bulk_create(
        Server(cluster=cluster, vmid=1000 + i, kind="qemu", name="x", exporter_port=9100, agent_address=f"10.9.{i}.1")
        for i in range(200)
    )
    with django_assert_num_queries(1):
        assert len(listed()) == 201


def test_the_list_is_packed_for_those_who_unpack(cluster, client, listed):
    answer = client.get(URL, headers={"Accept-Encoding": "gzip"})
    assert json.loads(gzip.decompress(answer.content)) == listed()


# --- trouble is 503 and never an empty list


def test_before_the_first_sync_nobody_knows(cluster, client):
    Cluster.objects.update(last_success_at=None)
    change(101, exporter_port=None)
    answer = client.get(URL)
    assert answer.status_code == 503
    assert b"been synced yet" in answer.content


def test_a_portal_without_clusters_has_an_empty_list(db, listed):
    assert listed() == []


def test_without_its_table_it_is_503(cluster, client):
    connection.cursor().execute("ALTER TABLE servers_server RENAME TO away")
    answer = client.get(URL)
    assert answer.status_code == 503
    assert b"could not be read" in answer.content


@pytest.mark.parametrize("error", [OperationalError("gone"), sqlite3.OperationalError("locked"), ValueError("odd")])
def test_whatever_goes_wrong_is_503_and_tells_no_details(cluster, client, monkeypatch, error):
    def fail() -> bytes:
        raise error

    monkeypatch.setattr(discovery, "targets", fail)
    answer = client.get(URL)
    assert answer.status_code == 503
    assert str(error).encode() not in answer.content


# --- who may


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Bearer the-token-of-the-metrics"}, 401),
        ({"X-Forwarded-For": "127.0.0.1"}, 401),
        ({"Authorization": f"Bearer {TOKEN}"}, 200),
        ({"Authorization": f"bearer {TOKEN}", "X-Forwarded-For": "192.0.2.1"}, 200),
    ],
)
def test_from_elsewhere_it_needs_its_own_token(cluster, client, settings, headers, status):
    settings.PORTAL_SD_TOKEN, settings.PORTAL_METRICS_TOKEN = TOKEN, "the-token-of-the-metrics"
    assert client.get(URL, headers=headers, REMOTE_ADDR="192.0.2.7").status_code == status


def test_the_refusal_names_the_setting_and_lists_nobody(cluster, client, settings):
    settings.PORTAL_SD_TOKEN = TOKEN
    answer = client.get(URL, headers={"X-Real-IP": "127.0.0.1"})
    assert answer.status_code == 401
    assert b"PORTAL_SD_TOKEN" in answer.content
    assert b"10.20" not in answer.content
    assert TOKEN.encode() not in answer.content


def test_without_a_token_of_ours_none_is_right(cluster, client, settings):
    settings.PORTAL_SD_TOKEN = ""
    assert client.get(URL, headers={"Authorization": "Bearer "}, REMOTE_ADDR="192.0.2.7").status_code == 401
    assert client.get(URL).status_code == 200
    assert client.post(URL).status_code == 405
