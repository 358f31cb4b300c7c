"""Who is watched by nobody: the list, its filters, the file of it, and the ratio for Prometheus."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from monitoring import coverage
from monitoring.models import AlertThreshold, Condition, ConditionOverride
from notifications.models import AlertChannel
from portal.lib import clock
from servers.models import Server
from tests.support import seed

pytestmark = pytest.mark.django_db
URL = "/admin/monitoring/servercoverage/"


@pytest.fixture
def servers():
    """One with everything, and one that lacks each of the three; a template and a retired one, which do not count."""
    AlertChannel.objects.create(name="On call", kind="webhook")
    cluster = seed.make_cluster("demo")
    storage = seed.make_storage(cluster)
    full = {"owner": "sales", "exporter_port": 9100}
    made = {
        "whole": seed.make_server(cluster, name="whole", **full),
        "ownerless": seed.make_server(cluster, name="ownerless", exporter_port=9100),
        "unscraped": seed.make_server(cluster, name="unscraped", owner="sales"),
        "unsaved": seed.make_server(cluster, name="unsaved", **full),
    }
    seed.make_server(cluster, name="template", template=True)
    seed.make_server(cluster, name="retired", retired_at=clock.now())
    for name in ("whole", "ownerless", "unscraped"):
        seed.make_backup(storage, made[name])
    seed.make_backup(storage, made["unsaved"], age=timedelta(days=9))
    return made


def listed(query="", role="viewer"):
    page = seed.browser(role).get(URL + query)
    return {row.name for row in page.context["cl"].result_list}


def test_the_list_begins_with_those_that_lack_anything(servers):
    assert listed() == {"ownerless", "unscraped", "unsaved"}


@pytest.mark.parametrize(
    ("gap", "expected"),
    [
        ("exporter", {"unscraped"}),
        ("backup", {"unsaved"}),
        ("owner", {"ownerless"}),
        ("route", set()),
        ("none", {"whole"}),
        ("every", {"whole", "ownerless", "unscraped", "unsaved"}),
        ("rubbish", {"ownerless", "unscraped", "unsaved"}),
    ],
)
def test_each_gap_can_be_asked_for(servers, gap, expected):
    assert listed(f"?gap={gap}") == expected


def test_without_an_enabled_channel_every_server_has_that_gap(servers):
    AlertChannel.objects.update(enabled=False)
    assert listed("?gap=route") == set(servers)
    assert coverage.counts()["all"] == 0


def test_a_backup_that_is_gone_counts_as_none(servers):
    servers["whole"].backup_set.update(gone_at=clock.now())
    assert "whole" in listed("?gap=backup")


def test_how_old_a_backup_may_be_is_the_rules_threshold(servers):
    AlertThreshold.objects.filter(alert="BackupTooOld").update(value=10)
    assert listed("?gap=backup") == set()


@pytest.mark.parametrize(("name", "days"), [("unsaved", 30), ("whole", 1)])
def test_how_old_a_backup_may_be_is_what_was_wished_for_that_server(servers, name, days):
    servers["whole"].backup_set.update(created_at=clock.now() - timedelta(days=5))
    Server.objects.filter(name=name).update(backup_days=days)
    assert listed("?gap=backup") == ({"unsaved", "whole"} if name == "whole" else set())


@pytest.mark.parametrize(
    ("of_cluster", "of_server", "expected"),
    [
        ({"threshold": 10}, None, set()),
        ({"threshold": 10}, {"threshold": 7}, {"unsaved"}),
        ({"threshold": 0.01}, {"threshold": 10}, {"whole", "ownerless", "unscraped"}),
        # An exception without a number leaves its server at the wish or the usual number, whatever its cluster has.
        ({"threshold": 10}, {"delay_minutes": 5}, {"unsaved"}),
        (None, {"muted": True}, set()),
        ({"muted": True}, {"severity": "critical"}, {"unsaved"}),
        ({"muted": True}, None, set()),
    ],
)
def test_exceptions_say_how_old_a_backup_may_be(servers, of_cluster, of_server, expected):
    unsaved = servers["unsaved"]
    for owner, values in ({"cluster": unsaved.cluster}, of_cluster), ({"server": unsaved}, of_server):
        if values:
            ConditionOverride.objects.create(condition=Condition.BACKUP_TOO_OLD, **owner, **values)
    assert listed("?gap=backup") == expected


def test_an_exception_goes_before_the_servers_wish(servers):
    Server.objects.filter(name="unsaved").update(backup_days=30)
    ConditionOverride.objects.create(condition="backup_too_old", cluster=servers["unsaved"].cluster, threshold=8)
    assert listed("?gap=backup") == {"unsaved"}


def test_an_exception_of_another_condition_changes_nothing(servers):
    ConditionOverride.objects.create(condition="server_down", server=servers["unsaved"], muted=True)
    assert listed("?gap=backup") == {"unsaved"}


def test_thousands_of_exceptions_are_taken(servers):
    made = [seed.make_server(servers["whole"].cluster) for _ in range(1100)]
    ConditionOverride.objects.bulk_create(
        ConditionOverride(condition="backup_too_old", server=server, threshold=9 + number / 100, muted=number % 2)
        for number, server in enumerate([*made, servers["unsaved"]])
    )
    assert coverage.counts()["backup"] == 3 + 550 + 1


def test_a_server_that_needs_no_backup_lacks_none_even_where_there_never_was_one(servers):
    servers["unsaved"].backup_set.all().delete()
    ConditionOverride.objects.create(condition="backup_too_old", server=servers["unsaved"], muted=True)
    assert listed("?gap=backup") == set()
    assert coverage.counts()["backup"] == 4


def test_the_list_comes_as_a_file_with_its_filter(servers):
    text = seed.browser("viewer").get(f"{URL}export/csv/?gap=owner").getvalue().decode("utf-8-sig")
    assert text.splitlines()[0].startswith("Name,VMID,Cluster")
    assert [line.split(",")[0] for line in text.splitlines()[1:]] == ["ownerless"]


def test_a_row_leads_to_the_servers_own_page(servers):
    client, pk = seed.browser("viewer"), servers["ownerless"].pk
    assert f"/admin/servers/server/{pk}/change/" in client.get(URL).content.decode()
    assert client.get(f"{URL}{pk}/change/").headers["Location"] == f"/admin/servers/server/{pk}/change/"


def test_the_list_costs_the_same_for_3_rows_and_for_30():
    client = seed.browser("viewer")
    counts = []
    for number in (3, 27):
        cluster = seed.make_cluster()
        for _ in range(number):
            seed.make_server(cluster)
        client.get(URL)
        with CaptureQueriesContext(connection) as found:
            client.get(URL)
        counts.append(len(found))
    assert counts[0] == counts[1]


def test_nobody_without_a_right_sees_it(servers):
    assert seed.browser("").get(URL).status_code == 403


def test_the_ratio_tells_each_part_and_the_whole(servers, scrape):
    page = scrape()
    found = {part: page.get("portal_server_monitoring_coverage_ratio", part=part) for part in (*coverage.PARTS, "all")}
    assert found == {"exporter": 0.75, "backup": 0.75, "owner": 0.75, "route": 1.0, "all": 0.25}


def test_without_a_server_there_is_no_ratio(scrape):
    assert "portal_server_monitoring_coverage_ratio{" not in scrape().text


def test_the_scrape_counts_once_a_minute(servers, scrape):
    scrape()
    with CaptureQueriesContext(connection) as found:
        scrape()
    assert not [query for query in found.captured_queries if "has_backup" in query["sql"]]
    cache.clear()


def test_an_empty_list_is_good_news_only_where_there_are_servers(db):
    client = seed.browser("viewer")
    assert "No server yet" in client.get(URL).content.decode()
    AlertChannel.objects.create(name="On call", kind="webhook")
    server = seed.make_server(seed.make_cluster(), owner="sales", exporter_port=9100)
    seed.make_backup(seed.make_storage(server.cluster), server)
    assert "Nothing is missing" in client.get(URL).content.decode()
