"""The list of incidents: what is open, how many of each sort, and many acknowledged at once."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from monitoring import caring
from monitoring.models import Incident
from notifications.models import Silence
from portal.lib import clock
from tests.support import seed

pytestmark = pytest.mark.django_db
URL = "/admin/monitoring/incident/"


def make(number, **columns):
    cluster = seed.make_cluster()
    moment = clock.now()
    return Incident.objects.bulk_create([
        Incident(**{
            "condition": "guest_down", "object_key": f"server:{place}", "severity": "critical", "cluster": cluster,
            "title": f"server-{place} is down", "labels": {"vmid": str(place)},
            "opened_at": moment - timedelta(seconds=place), **columns,
        })
        for place in range(number)
    ])  # fmt: skip


def listed(browser=None, **query):
    return (browser or seed.browser("operator")).get(URL, query).content.decode()


def test_a_quiet_day_says_so():
    assert "Nothing is wrong that the portal knows of." in listed()


def test_the_states_narrow_it_down():
    waiting, mine, snoozed, silenced, over = make(5)
    caring.acknowledge(mine, seed.make_user("operator"))
    Incident.objects.filter(pk=snoozed.pk).update(snoozed_until=clock.now() + timedelta(hours=1))
    Silence.objects.create(
        matchers='vmid="3"', reason="x", starts_at=clock.now(), ends_at=clock.now() + timedelta(hours=1)
    )
    over.close(clock.now(), "It is well.")
    wanted = {
        "": [waiting, mine, snoozed, silenced], "new": [waiting, snoozed, silenced], "acknowledged": [mine],
        "suppressed": [snoozed, silenced], "over": [over], "all": [waiting, mine, snoozed, silenced, over],
    }  # fmt: skip
    for state, rows in wanted.items():
        text = listed(state=state)
        found = [row for row in (waiting, mine, snoozed, silenced, over) if f">{row.title}<" in text]
        assert (state, found) == (state, rows)


def test_how_many_there_are_of_each_sort_stands_above():
    first, *_rest = make(3)
    make(1, severity="warning", object_key="other")
    caring.acknowledge(first, seed.make_user("operator"))
    text = listed()
    for words in ("open <b>4</b>", "not acknowledged <b>3</b>", "critical <b>3</b>", "acknowledged <b>1</b>"):
        assert words in text


def test_a_cluster_and_nonsense_in_its_place():
    make(1)
    other = make(1, title="elsewhere", object_key="other")[0]
    assert "server-0" not in listed(cluster=other.cluster_id)
    assert seed.browser("operator").get(URL, {"cluster": "x"}).status_code == 200


def test_many_are_acknowledged_after_one_question():
    rows = make(3)
    caring.acknowledge(rows[0], seed.make_user("operator"))
    operator = seed.browser("operator")
    form = {"action": "acknowledge_selected", "_selected_action": [row.pk for row in rows]}
    asked = operator.post(URL, form).content.decode()
    assert "these 2 incidents" in asked
    assert Incident.objects.filter(acknowledged_at=None).count() == 2
    done = operator.post(URL, {**form, "confirmed": "yes"}, follow=True).content.decode()
    assert "You look after 2 incidents now." in done
    assert Incident.objects.filter(acknowledged_at=None).count() == 0
    assert "None of them waits" in operator.post(URL, form, follow=True).content.decode()


def test_who_may_only_look_acknowledges_nothing():
    rows = make(2)
    form = {"action": "acknowledge_selected", "_selected_action": [row.pk for row in rows], "confirmed": "yes"}
    seed.browser("viewer").post(URL, form)
    assert Incident.objects.filter(acknowledged_at=None).count() == 2


def test_the_list_asks_the_database_as_often_for_ten_thousand_as_for_three():
    browser, numbers = seed.browser("operator"), []
    make(3)
    listed(browser)
    for more in (0, 10_000):
        make(more, condition="backup_too_old") if more else None
        with CaptureQueriesContext(connection) as queries:
            listed(browser)
        numbers.append(len(queries))
    assert numbers[0] == numbers[1]
    assert numbers[1] <= 25
