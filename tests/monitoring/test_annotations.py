"""Incidents as marks on Grafana's graphs: each once, ended with it, and nothing waits for Grafana."""

from datetime import timedelta

import pytest

from monitoring import annotations, stack
from monitoring.models import Annotation, Incident
from portal.lib import clock
from tests.support.grafana import StandInGrafana

pytestmark = pytest.mark.django_db


@pytest.fixture
def grafana(settings):
    with StandInGrafana(token="editor") as running:
        settings.PORTAL_GRAFANA_URL, settings.PORTAL_GRAFANA_TOKEN = running.url, "editor"
        yield running


@pytest.fixture
def incident():
    return Incident.objects.create(
        condition="guest_down", object_key="server:1", severity="critical", title="<웹> is down",
        labels={"cluster": "seoul", "node": "pve1", "vmid": "300"}, opened_at=clock.now() - timedelta(minutes=5),
    )  # fmt: skip


def mark(later=0):
    return annotations.mark(clock.now() + timedelta(seconds=later))


def written(grafana):
    return [one.method for one in grafana.seen if one.method != "GET"]


def test_an_incident_is_marked_once_with_tags_and_a_link(grafana, incident, settings):
    assert [mark(), mark(), mark(3600)] == [1, 0, 0]
    (found,) = grafana.annotations.values()
    assert found["dashboardUID"] == "infrastructure"
    assert found["time"] == found["timeEnd"] == int(incident.opened_at.timestamp() * 1000)
    assert {"proxmox-manager", "critical", "guest_down", "cluster:seoul", "node:pve1", "vmid:300"} <= set(found["tags"])
    assert (
        f'<a href="{settings.PORTAL_URL}/admin/monitoring/incident/{incident.pk}/change/">&lt;웹&gt;' in found["text"]
    )


def test_its_end_ends_the_mark_and_coming_back_opens_it_again(grafana, incident):
    mark()
    incident.close(clock.now(), "It is well.")
    assert mark() == 1
    assert grafana.annotations[1]["timeEnd"] == int(incident.closed_at.timestamp() * 1000)
    incident.reopen(clock.now())
    assert mark() == 1
    assert grafana.annotations[1]["timeEnd"] == grafana.annotations[1]["time"]
    assert written(grafana) == ["POST", "PATCH", "PATCH"]


def test_one_that_is_over_already_is_marked_with_its_end_at_once(grafana, incident):
    incident.close(clock.now(), "It is well.")
    assert [mark(), mark()] == [1, 0]
    assert grafana.annotations[1]["timeEnd"] > grafana.annotations[1]["time"]


def test_without_a_token_nothing_is_asked(grafana, incident, settings):
    settings.PORTAL_GRAFANA_TOKEN = ""
    assert mark() == 0
    assert not grafana.seen
    assert stack.annotations_check().state == "not installed"


def test_a_grafana_that_refuses_is_told_on_the_page_of_the_stack_and_tried_again(grafana, incident):
    grafana.may_write = False
    assert mark() == 0
    assert mark() == 0  # not yet due again
    assert written(grafana) == ["POST"]
    check = stack.annotations_check()
    assert (check.state, "role Editor" in check.sentence) == ("warning", True)
    grafana.may_write = True
    assert mark(60) == 1
    assert stack.annotations_check().state == "ok"


def test_a_mark_that_a_dead_worker_made_is_found_and_not_made_twice(grafana, incident):
    mark()
    long_ago = clock.now() - timedelta(minutes=5)
    Annotation.objects.update(grafana_id=None, attempts=1, claimed_until=long_ago, due_at=long_ago)
    assert mark() == 1
    assert len(grafana.annotations) == 1
    assert Annotation.objects.get().grafana_id == 1


def test_what_another_worker_is_at_is_left_to_it(grafana, incident):
    Annotation.objects.create(incident=incident, claimed_until=clock.now() + timedelta(minutes=1))
    assert mark() == 0


def test_a_mark_that_somebody_removed_stays_removed(grafana, incident):
    mark()
    grafana.annotations.clear()
    incident.close(clock.now(), "It is well.")
    assert [mark(), mark()] == [1, 0]
    assert not grafana.annotations


@pytest.mark.parametrize("answer", [(200, b"<html>"), (200, b'{"id": "x"}'), (500, b"{}"), (200, b"[]")])
def test_rubbish_is_a_sentence_and_ends_the_round(grafana, incident, answer):
    status, body = answer
    grafana.answers["/api/annotations"] = (status, {}, body)
    assert mark() == 0
    assert Annotation.objects.get().last_error.startswith("Grafana could not be told: ")


def test_old_incidents_are_not_marked_afterwards(grafana, incident):
    Incident.objects.update(opened_at=clock.now() - timedelta(days=3))
    assert mark() == 0
