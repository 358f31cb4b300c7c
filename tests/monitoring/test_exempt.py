"""Exceptions hold for what rules say, too: the portal knows them, Prometheus does not."""

import pytest

from monitoring.inbound import take
from monitoring.models import ConditionOverride, Inbound, Incident
from notifications.models import Notification
from servers.models import Server
from tests.monitoring.test_intake import TOKEN, alert, payload, send
from tests.monitoring.test_watching import after, backup, cluster, node, server, storage  # noqa: F401

pytestmark = pytest.mark.django_db
TOO_OLD = {"alertname": "BackupTooOld", "condition": "backup_too_old", "instance": "portal"}


@pytest.fixture(autouse=True)
def _token(settings):
    settings.PORTAL_ALERTMANAGER_TOKEN = TOKEN


@pytest.fixture
def rule_says(client, server):  # noqa: F811
    """An alert of the shipped rule about that server. Returns the kept message."""

    def say(start="2026-03-02T08:15:21Z", **more):
        labels = {**TOO_OLD, "cluster": server.cluster.name, "vmid": str(server.vmid)}
        assert send(client, payload(alert(start=start, **more, **labels))).status_code == 202
        row = Inbound.objects.latest("pk")
        take(row)
        row.refresh_from_db()
        return row

    return say


def test_without_an_exception_a_rule_opens_an_incident(rule_says, server):  # noqa: F811
    rule_says()
    incident = Incident.objects.get()
    assert (incident.server, incident.severity) == (server, "warning")


@pytest.mark.parametrize("about", ["server", "cluster"])
def test_what_is_never_to_be_told_is_not_told_by_a_rule(rule_says, server, about):  # noqa: F811
    thing = {"server": server} if about == "server" else {"cluster": server.cluster}
    ConditionOverride.objects.create(condition="backup_too_old", muted=True, **thing)
    assert "An exception keeps this back: BackupTooOld" in rule_says().error
    assert not Incident.objects.exists()
    assert not Notification.objects.exists()
    ConditionOverride.objects.all().delete()
    rule_says()
    assert Incident.objects.count() == 1


@pytest.mark.parametrize("own", [{"threshold": 60}, {"delay_minutes": 60}])
def test_where_a_server_is_judged_by_its_own_number_a_rule_opens_nothing(rule_says, server, own):  # noqa: F811
    ConditionOverride.objects.create(condition="backup_too_old", server=server, **own)
    rule_says()
    assert not Incident.objects.exists()


def test_a_wish_for_backups_of_a_server_goes_before_the_rule(rule_says, server):  # noqa: F811
    Server.objects.filter(pk=server.pk).update(backup_days=31)
    rule_says()
    assert not Incident.objects.exists()


def test_a_rule_joins_what_the_portal_opened_by_the_servers_own_number(rule_says, server, storage):  # noqa: F811
    ConditionOverride.objects.create(condition="backup_too_old", server=server, threshold=2)
    backup(server, storage, days=9)
    after(minutes=0)
    after(minutes=11)
    rule_says()
    assert {one.source for one in Incident.objects.get().alerts.all()} == {"portal", "alertmanager"}


def test_the_severity_of_an_exception_is_that_of_a_rules_incident(rule_says, server):  # noqa: F811
    ConditionOverride.objects.create(condition="backup_too_old", server=server, severity="critical")
    rule_says()
    assert Incident.objects.get().severity == "critical"
