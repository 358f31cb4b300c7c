"""What routes and silences have to do with incidents and servers, on their pages."""

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.urls import reverse

from monitoring.models import Incident
from notifications.models import AlertChannel, Decision, Route, Watch
from tests.monitoring.test_coverage import servers  # noqa: F401


@pytest.fixture
def root(client, db):
    client.force_login(User.objects.create_superuser("root", password="x"))
    return client


@pytest.fixture
def incident(db):
    from monitoring import telling

    channel = AlertChannel(name="a", kind="webhook")
    channel.keep({"url": "http://127.0.0.1/"})
    channel.save()
    Route.objects.filter(is_default=True).update(repeat_minutes=30)
    made = Incident.objects.create(condition="guest_down", object_key="x", severity="critical", title="web-1 is down")
    telling.beginning(made)
    return made


def url(name, incident):
    return reverse(f"admin:monitoring_incident_{name}", args=(incident.pk,))


def test_an_incidents_page_says_why_and_offers_a_silence(root, incident):
    shown = root.get(url("change", incident)).content.decode()
    assert "Why it was told, or not" in shown
    assert "All its conditions hold." in shown
    assert f"incident%3D%22{incident.message_id}%22" in shown


def test_acknowledging_stops_the_reminders(root, incident):
    root.post(url("acknowledge", incident))
    watch = Watch.objects.get()
    assert (watch.acknowledged_by, watch.due_at) == ("root", None)
    assert Decision.objects.filter(reason="acknowledged").count() == 1


def test_snoozing_puts_them_off_by_post_only(root, incident):
    before = Watch.objects.get().due_at
    root.get(url("snooze", incident))
    assert Watch.objects.get().due_at == before
    root.post(url("snooze", incident), {"choice": "240"})
    assert Watch.objects.get().due_at > before
    assert Decision.objects.filter(reason="snoozed").count() == 1


def test_a_servers_page_says_whether_anybody_would_be_told(root, servers):  # noqa: F811
    from servers.models import Server

    server = Server.objects.filter(retired_at=None, template=False).first()
    shown = root.get(reverse("admin:servers_server_change", args=(server.pk,))).content.decode()
    assert "Messages about it" in shown
    assert f"vmid%3D%22{server.vmid}%22" in shown


def test_coverage_asks_the_routes_with_the_labels_of_each_server(db, servers):  # noqa: F811
    from monitoring.coverage import judged
    from portal.lib import clock
    from servers.models import Server

    AlertChannel.objects.all().delete()
    channel = AlertChannel.objects.create(name="only", kind="webhook")
    Route.objects.filter(is_default=True).update(enabled=False)
    chosen = Server.objects.filter(retired_at=None, template=False).first()
    for text in (f'vmid="{chosen.vmid}"', f'owner="{chosen.owner}"'):
        cache.clear()  # it is looked at once a minute
        Route.objects.filter(is_default=False).delete()
        Route.objects.create(name="one", matchers=text).channels.add(channel)
        marked = {row.pk: row.has_route for row in judged(Server.objects.all(), clock.now())}
        same = "vmid" if "vmid" in text else "owner"
        expected = {row.pk: getattr(row, same) == getattr(chosen, same) for row in Server.objects.filter(pk__in=marked)}
        assert marked == expected
