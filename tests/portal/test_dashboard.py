"""The front page: its figures, their links, its cost, and what it says when there is nothing yet."""

import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.lib import clock
from portal.lib.sections import FRONT, Section, section
from portal.lib.sections import _places as places
from servers.models import Cluster
from tests.support import seed

pytestmark = pytest.mark.django_db

# One per figure that cannot come from another one: is there a cluster, servers and nodes by status, some nodes,
# storages in sum and the fullest, backups by age, failed runs, clusters, changes.
INVENTORY = 10
# With the session, the rights and the cards of other apps. Raise it with the card that needs one more.
WHOLE_PAGE = 24
TABLES = ("server", "node", "storage", "cluster", "backup", "backuprun", "statechange")


def queries_of(client, address):
    client.get(address)
    with CaptureQueriesContext(connection) as found:
        assert client.get(address).status_code == 200
    return [query["sql"] for query in found]


def test_the_figures_cost_a_fixed_number_of_queries():
    client = seed.browser("viewer")
    seed.fill_snapshot(seed.many_servers(3))
    few = queries_of(client, "/admin/overview/")
    assert sum(1 for sql in few if any(f'FROM "servers_{table}"' in sql for table in TABLES)) == INVENTORY
    assert len(few) <= WHOLE_PAGE
    seed.fill_snapshot(seed.many_servers(60))
    assert len(queries_of(client, "/admin/overview/")) == len(few)


def test_every_figure_leads_to_the_list_that_it_counts():
    cluster = seed.many_servers(40)
    seed.fill_snapshot(cluster)
    client = seed.browser("viewer")
    page = client.get("/admin/").content.decode()
    counted = re.findall(r'<a href="(/admin/servers/[^"]+)"><span class="pm-dot[^>]+></span>[^<]+<b>(\d+)</b>', page)
    assert len(counted) >= 8
    for address, number in counted:
        assert client.get(address.replace("&amp;", "&")).context["cl"].result_count == int(number), address


def test_the_front_page_tells_what_is_wrong():
    cluster = seed.make_cluster("berlin", last_error="Its token was refused.", failing_since=clock.now())
    seed.make_node(cluster, "pve9", status="offline")
    seed.make_storage(cluster, name="nas", used=97 * seed.GIB, size=100 * seed.GIB)
    seed.make_run(cluster, outcome="failure", started_at=clock.now() - timedelta(hours=2))
    page = seed.browser("viewer").get("/admin/").content.decode()
    for text in ("Its token was refused.", "1 is not there", "pve9", "1 run failed today", "1 is full", "1 fails"):
        assert text in page


def test_without_a_cluster_it_says_what_to_do_first():
    page = seed.browser("administrator").get("/admin/").content.decode()
    assert "pveum user token add portal@pve manager" in page
    assert "/admin/servers/cluster/add/" in page


def test_without_a_cluster_a_viewer_is_sent_to_an_administrator():
    page = seed.browser("viewer").get("/admin/").content.decode()
    assert "Ask an administrator" in page
    assert "/admin/servers/cluster/add/" not in page


def test_somebody_without_any_right_sees_no_figure():
    seed.many_servers(5)
    page = seed.browser("").get("/admin/").content.decode()
    assert "pm-tile" not in page
    assert "/admin/servers/" not in page


def test_the_fragment_is_for_staff_and_never_cached(client):
    assert client.get("/admin/overview/").status_code == 302
    answer = seed.browser("viewer").get("/admin/overview/")
    assert "no-store" in answer.headers["Cache-Control"]
    assert "<html" not in answer.content.decode()


def test_another_app_adds_a_card(monkeypatch):
    seed.make_cluster()
    monkeypatch.setitem(places, FRONT, list(places[FRONT]))

    @section(FRONT, order=10)
    def incidents(request, _subject):
        return Section("Open incidents", "portal/table.html", {"table": None})

    page = seed.browser("viewer").get("/admin/").content.decode()
    assert page.index("Open incidents") < page.index("Servers by status")


def test_the_sidebar_offers_what_a_person_may_see():
    page = seed.browser("viewer").get("/admin/").content.decode()
    assert "/admin/servers/server/" in page
    assert "/admin/auth/user/" not in page
    assert "/admin/auth/user/" in seed.browser("administrator").get("/admin/").content.decode()


def test_the_sidebar_counts_what_is_open():
    cluster = seed.make_cluster(failing_since=clock.now())
    seed.make_node(cluster, status="offline")
    cache.clear()
    groups = seed.browser("viewer").get("/admin/").context["sidebar_navigation"]
    found = {item["link"]: item.get("badge") for group in groups for item in group["items"]}
    assert (found["/admin/servers/node/"], found["/admin/servers/cluster/"]) == ("1", "1")


def test_the_demo_is_labelled_as_long_as_it_is_all_that_was_read():
    seed.make_cluster("demo")
    client = seed.browser("viewer")
    assert "Demo" in client.get("/admin/").context["environment"][0]
    Cluster.objects.create(name="real", endpoints=["https://pve:8006"], token_id="a@b!c", token_secret="x")
    cache.clear()
    assert client.get("/admin/").context["environment"]
    Cluster.objects.filter(name="real").update(last_success_at=clock.now())
    cache.clear()
    assert client.get("/admin/").context["environment"] is None


def test_no_page_of_ours_has_an_inline_script():
    seed.many_servers(5)
    client = seed.browser(superuser=True)
    for address in ("/admin/", "/admin/servers/server/", "/admin/servers/cluster/add/", "/admin/login/"):
        page = client.get(address, follow=True).content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>\s*\S", page), address
        assert "portal/portal.js" in page


def test_backups_that_were_not_read_yet_are_not_told_to_be_missing():
    client = seed.browser("viewer")
    cluster = seed.make_cluster(first_complete_at=clock.now())
    node = seed.make_node(cluster)
    storage = seed.make_storage(cluster, name="nfs", content="backup")
    seed.make_storage(cluster, name="pbs", content="backup")
    seed.make_backup(storage, seed.make_server(cluster, node))
    seed.make_server(cluster, node)
    asked = {"content:nfs@": clock.now().timestamp()}
    # One of two storages is listed: whoever has none there may have one on the other.
    for rotation, unread in ({}, True), (asked, True), ({**asked, "content:pbs@": 1.0}, False):
        Cluster.objects.update(rotation=rotation)
        page = client.get("/admin/overview/").content.decode()
        assert ("not read yet" in page, "being asked for their backups" in page) == (unread, unread)
        assert ("still being listed" in client.get("/admin/monitoring/servercoverage/").content.decode()) is unread
    assert "1 has no backup" in page


@pytest.mark.parametrize(
    "old", [{"first_complete_at": clock.now() - timedelta(days=1)}, {"enabled": False, "first_complete_at": None}]
)
def test_a_storage_that_comes_later_hides_nothing(old):
    cluster = seed.make_cluster(**old)
    seed.make_storage(cluster, content="backup")
    seed.make_server(cluster, seed.make_node(cluster))
    assert "1 has no backup" in seed.browser("viewer").get("/admin/overview/").content.decode()
