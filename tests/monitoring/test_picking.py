"""The page “Try it” offers servers, clusters, tags … to choose from, and fills in their labels."""

import pytest
from django.urls import reverse

from notifications import picking
from servers.models import Server
from tests.notifications.routing import channel, route
from tests.support import seed

pytestmark = pytest.mark.django_db
NAME = "데이터베이스-1"


@pytest.fixture
def server():
    cluster = seed.make_cluster("seoul")
    return seed.make_server(
        cluster, seed.make_node(cluster, "pve1"), name=NAME, vmid=300, owner="shop", environment="prod", tags=";web;db;"
    )


def pick(picker, client=None, **query):
    return (client or seed.browser("operator")).get(reverse("admin:notifications_route_pick", args=(picker,)), query)


def found(picker, term):
    return [row["text"] for row in pick(picker, term=term).json()["results"]]


def labels(picker, key, typed=""):
    return picking.labels_in(pick(picker, key=key, labels=typed).json()["labels"])


def test_a_server_fills_in_all_its_labels(server):
    assert labels("server", server.pk, 'condition="guest_down", owner="other"') == {
        "condition": "guest_down", "cluster": "seoul", "node": "pve1", "name": NAME, "vmid": "300", "type": server.kind,
        "owner": "shop", "environment": "prod", "tags": "web,db",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("picker", "term", "text"),
    [
        ("server", "베이스", f"{NAME} (300, seoul)"), ("server", "300", f"{NAME} (300, seoul)"),
        ("node", "PVE", "pve1 (seoul)"), ("cluster", "seo", "seoul"), ("tag", "we", "web"), ("owner", "", "shop"),
        ("environment", "pro", "prod"),
    ],
)  # fmt: skip
def test_each_finds_by_a_part_of_the_name(server, picker, term, text):
    assert found(picker, term) == [text]
    assert found(picker, "no such thing") == []


def test_a_number_finds_the_server_that_has_it_and_a_whole_name_comes_first(server):
    for name, vmid in (("web-300-a", 301), ("web", 302), ("old-web", 303)):
        seed.make_server(server.cluster, server.node, name=name, vmid=vmid)
    assert found("server", "300")[0] == f"{NAME} (300, seoul)"
    assert [text.partition(" ")[0] for text in found("server", "web")] == ["web", "web-300-a", "old-web"]


def test_a_cluster_takes_the_place_of_the_server_and_tags_stand_side_by_side(server):
    typed = picking.filled(picking._known["server"], str(server.pk), "")
    assert set(labels("cluster", server.cluster.pk, typed)) == {"cluster", "owner", "environment", "tags"}
    assert labels("tag", "prod", typed)["tags"] == "web,db,prod"
    assert labels("tag", "db", typed)["tags"] == "web,db"


def test_what_is_gone_and_what_makes_no_sense_fills_in_nothing(server):
    Server.objects.update(retired_at="2026-01-01T00:00:00Z")
    assert found("server", "") == []
    assert labels("server", "99999", 'owner="x"') == {"owner": "x"}
    assert pick("server", key="'; --", labels="no labels!").json() == {"labels": "no labels!"}


def test_many_are_cut_and_said_to_be(server):
    seed.many_servers(60)
    rows = pick("server", term="").json()["results"]
    assert (len(rows), rows[-1]["disabled"]) == (picking.SHOWN + 1, True)


def test_a_search_asks_the_database_once_whatever_there_is(server, django_assert_max_num_queries):
    client = seed.browser("operator")
    pick("server", client, term="web")
    seed.many_servers(300)
    with django_assert_max_num_queries(6):  # session, person, rights, and the search
        pick("server", client, term="web")


def test_only_who_may_see_them_is_offered_them(server):
    nobody = seed.browser("")
    assert pick("server", nobody, term="x").status_code in {302, 403}
    assert pick("nonsense").status_code == 404


def test_the_page_offers_them_and_the_filled_labels_answer(server):
    route("web", 'tag="web"', channel("a")), channel("rest")
    client = seed.browser("operator")
    url = reverse("admin:notifications_route_try")
    shown = client.get(url).content.decode()
    assert all(f'id="id_pick_{name}"' in shown for name in picking._known)
    typed = picking.filled(picking._known["server"], str(server.pk), "")
    assert "Would be told: a." in client.get(url, {"severity": "critical", "labels": typed}).content.decode()
