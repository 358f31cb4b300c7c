"""What only others say can be called over: by a person, as when its end was lost on the way, or by an exception. It
begins again when its source says it again."""

from datetime import timedelta

import pytest
import time_machine
from auditlog.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext

from monitoring import incidents, setting_aside
from monitoring.models import ConditionOverride, Incident
from notifications.models import Notification
from portal.lib import clock
from servers.models import Server
from tests.monitoring.test_exempt import _token, rule_says  # noqa: F401
from tests.monitoring.test_incident_page import fall, hook, page
from tests.monitoring.test_watching import after, backup, cluster, node, server, storage  # noqa: F401
from tests.support import seed

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(rule_says):  # noqa: F811
    """The incident that a rule opened, of which a channel was told."""
    hook()
    rule_says()
    return Incident.objects.get()


def press(incident, role="operator"):
    client = seed.browser(role)
    return client.post(f"/admin/monitoring/incident/{incident.pk}/close/", {"confirmed": "yes"}, follow=True)


def over(incident):
    incident.refresh_from_db()
    return not incident.is_open


def test_what_a_rule_told_can_be_closed_and_that_is_told(told):
    assert "/close/" in page(told)
    assert "is over" in press(told).content.decode()
    assert over(told)
    assert "closed it." in told.ending
    assert list(Notification.objects.order_by("pk").values_list("status", flat=True)) == ["firing", "resolved"]
    assert LogEntry.objects.filter(object_pk=told.pk, changes__has_key="closed_by").exists()


def test_the_timeline_does_not_say_that_the_source_ended_it(told):
    press(told)
    text = page(told)
    assert "closed it." in text
    assert "the source says that it is over" not in text


def test_who_may_only_look_is_offered_nothing_and_closes_nothing(told):
    assert "/close/" not in page(told, "viewer")
    assert "You may not do that" in press(told, "viewer").content.decode()
    assert not over(told)


def test_what_is_over_already_is_not_closed_again(told):
    press(told)
    count = Notification.objects.count()
    assert "“Mark as over” is not possible any more" in press(told).content.decode()
    assert Notification.objects.count() == count


def test_what_the_portal_sees_itself_is_not_closed_by_hand(server):  # noqa: F811
    incident = fall(server)
    fall(server, source="alertmanager", fingerprint="abc")
    assert "/close/" not in page(incident)
    assert "closes it when it is not" in press(incident).content.decode()
    assert not over(incident)
    assert set(incident.alerts.values_list("status", flat=True)) == {"firing"}


def test_it_is_opened_again_when_its_source_says_it_again_and_that_is_told(told, rule_says):  # noqa: F811
    press(told)
    with time_machine.travel(clock.now() + timedelta(hours=4), tick=False):
        rule_says()
        assert not over(told)
        assert told.alerts.get().status == "firing"
    with time_machine.travel(clock.now() + timedelta(hours=4, minutes=5), tick=False):
        incidents.settle(clock.now())
    assert "a source goes on saying" in Notification.objects.latest("pk").body["text"]


def test_trouble_is_told_that_comes_after_a_late_repeat_which_was_not(told, rule_says, server):  # noqa: F811
    """Closed, said again, closed before that was told: what people heard last is the end."""
    press(told)
    rule_says()
    press(told)
    count = Notification.objects.count()
    fall(server, condition="backup_too_old")
    assert not over(told)
    assert Notification.objects.count() == count + 1


def test_a_source_that_ends_it_after_all_is_not_told_again(told, rule_says):  # noqa: F811
    press(told)
    count = Notification.objects.count()
    rule_says(status="resolved")
    assert over(told)
    assert Notification.objects.count() == count


@pytest.mark.parametrize("about", ["server", "cluster"])
def test_an_exception_ends_what_a_rule_had_told(told, server, about):  # noqa: F811
    thing = {"server": server} if about == "server" else {"cluster": server.cluster}
    ConditionOverride.objects.create(condition="backup_too_old", muted=True, **thing)
    assert setting_aside.by_exceptions(clock.now()) == 1
    assert over(told)
    assert told.ending == "By an exception nobody is told of it."


def test_without_the_exception_the_rules_next_repeat_opens_it_again(told, server, rule_says):  # noqa: F811
    ConditionOverride.objects.create(condition="backup_too_old", muted=True, server=server)
    setting_aside.by_exceptions(clock.now())
    rule_says()
    assert over(told)
    ConditionOverride.objects.all().delete()
    rule_says()
    assert not over(told)


@pytest.mark.parametrize("own", [{"threshold": 60}, {"delay_minutes": 60}])
def test_a_number_of_its_own_ends_what_a_rule_had_told(told, server, own):  # noqa: F811
    ConditionOverride.objects.create(condition="backup_too_old", server=server, **own)
    assert setting_aside.by_exceptions(clock.now()) == 1
    assert told.ending or over(told)


def test_a_wish_for_backups_ends_what_a_rule_had_told(told, server):  # noqa: F811
    Server.objects.filter(pk=server.pk).update(backup_days=60)
    assert setting_aside.by_exceptions(clock.now()) == 1


@pytest.mark.parametrize("other", [{"severity": "critical"}, {"condition": "snapshot_too_old", "muted": True}])
def test_another_exception_ends_nothing(told, server, other):  # noqa: F811
    ConditionOverride.objects.create(**{"condition": "backup_too_old", "server": server, **other})
    assert setting_aside.by_exceptions(clock.now()) == 0
    assert not over(told)


def test_what_the_portal_judges_by_its_own_number_goes_on_with_the_rule(rule_says, server, storage):  # noqa: F811
    ConditionOverride.objects.create(condition="backup_too_old", server=server, threshold=2)
    backup(server, storage, days=9)
    after(minutes=0)
    after(minutes=11)
    rule_says()
    assert setting_aside.by_exceptions(clock.now()) == 0


def test_without_alerts_from_outside_exceptions_cost_one_query():
    with CaptureQueriesContext(connection) as found:
        setting_aside.by_exceptions(clock.now())
    assert len(found) == 1
