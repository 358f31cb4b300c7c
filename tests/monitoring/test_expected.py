"""Expected down: planned work is no trouble, and what does not come back from it is, by name."""

from datetime import timedelta

import pytest
import time_machine

from monitoring.evaluation import evaluate
from monitoring.expected import Excuses, State
from monitoring.models import Incident
from notifications.models import Maintenance
from portal.lib import clock
from servers.models import BackupRun, Cluster, Node, Operation, Server

pytestmark = pytest.mark.django_db


@pytest.fixture
def server():
    moment = clock.now()
    cluster = Cluster.objects.create(
        name="demo", endpoints=["https://pve1:8006"], token_id="a@pam!b", last_success_at=moment, quorate=True
    )
    node = Node.objects.create(cluster=cluster, name="pve1", status="online")
    return Server.objects.create(
        cluster=cluster, vmid=100, kind="qemu", node=node, name="web-1", status="running", intended_state="running",
        tags=";prod;",
    )  # fmt: skip


def fall(server, **columns):
    Server.objects.filter(pk=server.pk).update(status="stopped", status_since=clock.now(), **columns)
    server.refresh_from_db()


def reason(server, **later):
    return Excuses(clock.now() + timedelta(**later)).of(State.of(server))


def trouble(**later):
    with time_machine.travel(clock.now() + timedelta(**later), tick=False):
        evaluate()
    return Incident.objects.filter(closed_at=None).first()


def test_a_backup_in_stop_mode_is_expected_and_one_that_hangs_is_named(server):
    fall(server, lock="backup")
    BackupRun.objects.create(
        cluster=server.cluster, upid="UPID:x", node_name="pve1", vmid=100, server=server, user="root@pam",
        started_at=clock.now(),
    )  # fmt: skip
    assert reason(server) == "lock_backup"
    assert trouble(hours=3) is None
    assert reason(server, hours=5) == ""
    found = trouble(hours=5)
    assert "locked (backup)" in found.text
    assert "a backup by root@pam" in found.text


def test_a_server_that_ha_moves_is_expected_down_for_a_quarter_of_an_hour(server):
    fall(server, ha_state="migrate")
    assert reason(server) == "ha_migrate"
    assert trouble(minutes=10) is None
    assert trouble(minutes=16) is not None


@pytest.mark.parametrize(("matchers", "covered"), [('tags=~".*prod.*"', True), ('cluster="other"', False)])
def test_a_maintenance_window_covers_what_it_matches_until_its_end(server, matchers, covered):
    Maintenance.objects.create(
        name="updates", recurrence="once", once_at=clock.now() - timedelta(minutes=1), minutes=60, matchers=matchers
    )
    fall(server)
    assert (reason(server) == "maintenance") is covered
    assert (trouble() is None) is covered
    assert trouble(minutes=61) is not None


def operation(server, **columns):
    facts = {"cluster": server.cluster, "server": server, "requester": "kim", "action": "reboot"}
    return Operation.objects.create(**{**facts, **columns})


def test_what_does_not_come_back_from_an_operation_names_it(server):
    asked = operation(server, state="running")
    fall(server)
    assert reason(server) == "reboot"
    assert trouble() is None
    Operation.objects.filter(pk=asked.pk).update(state="failed", finished_at=clock.now())
    found = trouble(minutes=1)
    assert f"did not come back from “Reboot”, asked for by kim (operation {asked.pk})" in found.text
    assert "Nobody asked" not in found.text


def test_what_falls_by_itself_names_nothing(server):
    fall(server)
    assert "Nobody asked for that here." in trouble().text


def test_an_operation_of_yesterday_is_no_cause(server):
    yesterday = clock.now() - timedelta(days=1)
    operation(server, state="succeeded", requested_at=yesterday, finished_at=yesterday)
    fall(server)
    assert "Reboot" not in trouble().text


def test_excuses_cost_the_same_for_many(server, django_assert_max_num_queries):
    fall(server)
    with django_assert_max_num_queries(4):
        excuses = Excuses(clock.now())
        for _ in range(20):
            excuses.of(State.of(server))
