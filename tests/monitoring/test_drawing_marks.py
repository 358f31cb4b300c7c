"""Incidents as marks on the charts that the portal draws: which, for whom, and that their number is bounded."""

from datetime import timedelta

import pytest

from monitoring.drawing import marks
from monitoring.models import Incident, Severity
from portal.lib import clock
from tests.support import seed

pytestmark = pytest.mark.django_db
HERE = {"var-cluster": "demo", "var-server": "100"}


@pytest.fixture
def server():
    cluster = seed.make_cluster("demo")
    return seed.make_server(cluster, seed.make_node(cluster, "pve1"), vmid=100, name="web-01")


def happened(title, hours_ago=1, *, about=None, **columns):
    """An incident that began so long ago; over after ten minutes unless told otherwise."""
    began = clock.now() - timedelta(hours=hours_ago)
    found = {"closed_at": began + timedelta(minutes=10), "severity": Severity.WARNING, "condition": title}
    cluster = getattr(about, "cluster", None)
    kind = {} if about is None else {about._meta.model_name: about}
    return Incident.objects.create(
        title=title, object_key=title, opened_at=began, **{"cluster": cluster, **kind, **found, **columns}
    )


def told(uid="server", role="viewer", **asked):
    answer = seed.browser(role).get(f"/admin/panels/{uid}/marks", asked)
    return answer.json() if answer.status_code == 200 else answer.status_code


def titles(*args, **asked):
    return [one["title"] for one in told(*args, **asked)["marks"]]


def test_a_mark_says_what_was_wrong_from_when_until_when_how_bad_and_where_to_read_more(server):
    over, still = happened("was down", about=server), happened("is down", about=server, closed_at=None)
    first, second = told(**HERE)["marks"]
    assert (first["title"], first["end"], first["word"]) == ("is down", None, "warning")
    assert (second["start"], second["end"]) == (int(over.opened_at.timestamp()), int(over.closed_at.timestamp()))
    assert first["url"] == f"/admin/monitoring/incident/{still.pk}/change/"


def test_only_what_was_wrong_within_the_range_is_marked(server):
    happened("long over", 9, about=server)
    happened("began before", 9, about=server, closed_at=clock.now() - timedelta(hours=2))
    happened("since then", 9, about=server, closed_at=None)
    happened("within", 2, about=server)
    assert set(titles(**HERE)) == {"began before", "since then", "within"}
    assert set(titles(**HERE, **{"from": "now-15m"})) == {"since then"}
    assert "within" not in titles(**HERE, **{"from": "now-9h", "to": "now-3h"})


def test_a_page_of_one_thing_has_the_marks_of_that_thing_alone(server):
    other = seed.make_server(server.cluster, server.node, vmid=101)
    happened("of it", about=server)
    happened("of another", about=other)
    happened("of the node", about=server.node)
    assert titles(**HERE) == ["of it"]
    assert titles("node", **{"var-cluster": "demo", "var-node": "pve1"}) == ["of the node"]
    assert set(titles("cluster", **{"var-cluster": "demo"})) == {"of it", "of another", "of the node"}


def test_a_dashboard_of_everything_has_all_marks_until_something_is_chosen(server):
    happened("of it", about=server)
    happened("of a machine", labels={"instance": "10.0.0.9:9100"})
    happened("of nothing in particular")
    assert len(titles("system-overview")) == 3
    assert titles("system-overview", **{"var-machine": "10.0.0.9:9100"}) == ["of a machine"]
    assert titles("infrastructure", **{"var-server": "web-01"}) == ["of it"]


def test_a_server_whose_name_is_another_ones_number_is_not_mistaken_for_it(server):
    named = seed.make_server(server.cluster, server.node, vmid=101, name="100")
    happened("of 100 by name", about=named)
    happened("of 100 by number", about=server)
    assert titles("infrastructure", **{"var-server": "100"}) == ["of 100 by name"]
    assert titles("server", **HERE) == ["of 100 by number"]


def test_of_very_many_the_worst_and_the_latest_are_marked_and_the_others_counted(server):
    for number in range(marks.MOST + 5):
        happened(f"warning {number}", 1 + number / 100, about=server)
    happened("the worst", 3, about=server, severity=Severity.CRITICAL)
    found = told(**HERE)
    assert [one["title"] for one in found["marks"]][:2] == ["the worst", "warning 0"]
    assert (len(found["marks"]), found["every"]) == (marks.MOST, marks.MOST + 6)


def test_whoever_may_not_see_incidents_gets_no_mark(server):
    happened("of it", about=server)
    found = told("system-overview", role="")
    assert (found["marks"], found["every"]) == ([], 0)


@pytest.mark.parametrize("asked", [{"var-server": "999"}, {"var-cluster": "other"}, {"var-server": "1 OR 1"}])
def test_of_what_is_not_there_nothing_is_told(server, asked):
    assert told(**(HERE | asked)) == 404
    assert told("nothing") == 404


def test_of_what_one_may_not_see_nothing_is_told(server):
    happened("of it", about=server)
    assert told(role="", **HERE) == 404


def test_the_number_of_queries_does_not_grow_with_incidents(server, django_assert_max_num_queries):
    browser = seed.browser("viewer")
    for number in range(30):
        happened(f"warning {number}", about=server)
    with django_assert_max_num_queries(10):
        assert len(browser.get("/admin/panels/server/marks", HERE).json()["marks"]) == 30
