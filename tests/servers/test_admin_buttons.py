"""The buttons of a cluster: looking changes nothing, confirming does, and whoever may not is turned away."""

from datetime import timedelta

import pytest
from auditlog.models import LogEntry
from kombu.exceptions import OperationalError

from portal.lib import clock
from servers.admin import clusters
from servers.connection import ConnectionReport, Feature
from servers.models import Cluster
from tests.support import seed

pytestmark = pytest.mark.django_db

BUTTONS = ["check-connection", "sync-now", "allow-retirements"]


@pytest.fixture
def cluster():
    return seed.make_cluster("berlin", held_retirements=14, due_at=clock.now() + timedelta(hours=1))


@pytest.fixture(autouse=True)
def sent(monkeypatch):
    """What was sent to Celery and asked of the cluster."""
    calls = []
    line = "pveum acl modify / --users 'portal@pve' --roles PVEVMAdmin"
    features = [Feature("See servers", True), Feature("Start and stop", False, ["VM.PowerMgmt"], line)]
    report = ConnectionReport(True, "Connected to Proxmox VE 9.1.2.", version="9.1.2", features=features)
    monkeypatch.setattr(clusters, "check_connection", lambda cluster: calls.append("checked") or report)
    monkeypatch.setattr(clusters.sync_cluster, "delay", lambda pk: calls.append(("sync", pk)))
    return calls


def url(cluster, button):
    return f"/admin/servers/cluster/{getattr(cluster, 'pk', cluster)}/{button}/"


def state(cluster):
    return Cluster.objects.values().get(pk=cluster.pk)


@pytest.mark.parametrize("button", BUTTONS)
def test_looking_changes_nothing(cluster, button, sent, django_capture_on_commit_callbacks):
    before = state(cluster)
    with django_capture_on_commit_callbacks(execute=True):
        page = seed.browser(superuser=True).get(url(cluster, button))
    assert b'method="post"' in page.content
    assert (state(cluster), sent, LogEntry.objects.get_for_object(cluster).count()) == (before, [], 1)


def test_syncing_makes_the_cluster_due_nudges_and_leaves_an_entry(cluster, sent, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        page = seed.browser("operator").post(url(cluster, "sync-now"), follow=True)
    assert "“berlin” is being synced: the lists show the result in a few seconds." in page.content.decode()
    assert state(cluster)["due_at"] <= clock.now()
    assert sent == [("sync", cluster.pk)]
    assert LogEntry.objects.get_for_object(cluster).first().changes == {"sync": ["", "Asked for a sync."]}


def test_syncing_without_redis_is_no_error(cluster, monkeypatch, django_capture_on_commit_callbacks):
    def gone(pk):
        raise OperationalError

    monkeypatch.setattr(clusters.sync_cluster, "delay", gone)
    monkeypatch.setattr(clusters, "redis_answers", lambda: False)
    with django_capture_on_commit_callbacks(execute=True):
        page = seed.browser("operator").post(url(cluster, "sync-now"), follow=True)
    assert "the next tick after it is back syncs it" in page.content.decode()
    assert state(cluster)["due_at"] <= clock.now()


def test_a_disabled_cluster_is_not_synced(cluster, sent):
    Cluster.objects.update(enabled=False)
    page = seed.browser("operator").post(url(cluster, "sync-now"), follow=True)
    assert "This cluster is disabled: enable it first." in page.content.decode()
    assert not sent


def test_checking_shows_feature_by_feature_and_the_missing_line(cluster, sent):
    page = seed.browser("operator").post(url(cluster, "check-connection")).content.decode()
    assert sent == ["checked"]
    for text in ("Connected to Proxmox VE 9.1.2.", "Start and stop", "VM.PowerMgmt", "pveum acl modify"):
        assert text in page
    assert LogEntry.objects.get_for_object(cluster).filter(changes__has_key="check").count() == 1


def test_allowing_retirements_opens_a_quarter_of_an_hour(cluster, sent, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        page = seed.browser("administrator").post(url(cluster, "allow-retirements"), follow=True)
    assert "The next sync retires them" in page.content.decode()
    left = state(cluster)["retirements_allowed_until"] - clock.now()
    assert timedelta(minutes=14) < left <= timedelta(minutes=15)
    assert sent == [("sync", cluster.pk)]
    assert "retirements_allowed_until" in LogEntry.objects.get_for_object(cluster).first().changes


def test_allowing_is_offered_where_something_is_held_back(cluster):
    client, page = seed.browser("administrator"), f"/admin/servers/cluster/{cluster.pk}/change/"
    assert "Allow retirements" in client.get(page).content.decode()
    Cluster.objects.update(held_retirements=0)
    assert "allow-retirements" not in client.get(page).content.decode()
    answer = client.post(url(cluster, "allow-retirements"), follow=True).content.decode()
    assert "Nothing is held back any more" in answer


@pytest.mark.parametrize("button", BUTTONS)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_viewer_is_told_that_they_may_not(cluster, button, method, sent):
    before = state(cluster)
    page = getattr(seed.browser("viewer"), method)(url(cluster, button), follow=True)
    assert "You may not do that" in page.content.decode()
    assert (state(cluster), sent) == (before, [])


def test_an_operator_does_not_allow_retirements(cluster):
    page = seed.browser("operator").post(url(cluster, "allow-retirements"), follow=True)
    assert "You may not do that" in page.content.decode()
    assert state(cluster)["retirements_allowed_until"] is None


@pytest.mark.parametrize("button", BUTTONS)
def test_a_viewer_is_not_offered_the_buttons(cluster, button):
    page = seed.browser("viewer").get(f"/admin/servers/cluster/{cluster.pk}/change/").content.decode()
    assert button not in page


@pytest.mark.parametrize("button", BUTTONS)
def test_strangers_and_unknown_clusters_are_turned_away(cluster, button, client, sent):
    assert client.post(url(cluster, button)).headers["Location"].startswith("/admin/login/")
    assert seed.browser(staff=False).post(url(cluster, button)).status_code == 302
    assert seed.browser("").post(url(cluster, button)).status_code == 403
    page = seed.browser(superuser=True).post(url(999_999, button), follow=True)
    assert "doesn’t exist" in page.content.decode()
    assert seed.browser(superuser=True).post(url("nonsense", button), follow=True).status_code == 200
    assert not sent
