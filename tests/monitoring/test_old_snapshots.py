"""A snapshot that somebody forgot is one incident, and over when it is deleted."""

from datetime import timedelta

import pytest
import time_machine

from monitoring.models import AlertThreshold, Incident
from monitoring.watching import watch
from portal.lib import clock
from servers.models import GuestSnapshot
from tests.support import seed

pytestmark = pytest.mark.django_db


@pytest.fixture
def server():
    cluster = seed.make_cluster("demo")
    return seed.make_server(cluster, seed.make_node(cluster, "pve1"), name="web")


def look_long_enough():
    watch()
    with time_machine.travel(clock.now() + timedelta(minutes=11)):
        watch()


def test_an_old_snapshot_is_told_once_and_over_when_it_is_gone(server):
    GuestSnapshot.objects.create(server=server, name="old", taken_at=clock.now() - timedelta(days=31))
    GuestSnapshot.objects.create(server=server, name="new", taken_at=clock.now())
    look_long_enough()
    incident = Incident.objects.get(condition="snapshot_too_old")
    assert "31.0 days old" in incident.text
    GuestSnapshot.objects.filter(name="old").delete()
    with time_machine.travel(clock.now() + timedelta(minutes=12)):
        watch()
    incident.refresh_from_db()
    assert incident.closed_at


def test_one_within_an_administrators_threshold_is_fine(server):
    AlertThreshold.objects.filter(alert="SnapshotTooOld").update(value=60)
    GuestSnapshot.objects.create(server=server, name="old", taken_at=clock.now() - timedelta(days=31))
    look_long_enough()
    assert not Incident.objects.filter(condition="snapshot_too_old").exists()
