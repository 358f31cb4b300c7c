"""From a simulated Proxmox to messages: trouble is told once, recovery once, and planned work not at all."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User

from monitoring.evaluation import evaluate
from monitoring.expected import Excuses
from monitoring.models import Alert, Incident
from notifications.models import Notification
from portal.lib import clock
from servers.models import Cluster, Operation, OperationState, Server
from servers.sync import sync_cluster
from simulator import Simulator
from tests.support.proxmox import connect

pytestmark = pytest.mark.django_db


@pytest.fixture
def pve():
    with Simulator(guests=0, nodes=2, seed=1, task_seconds=0.05, auth_failure_delay=0.0) as simulator:
        for number in range(20):
            simulator.add_guest(vmid=200 + number, name=f"web-{number:02}", node="pve1")
        simulator.add_guest(vmid=300, name="데이터베이스", node="pve2")
        yield simulator


@pytest.fixture
def cluster(db, pve):
    cluster = connect(pve)
    look(cluster)
    return cluster


def look(cluster, times=1):
    for _ in range(times):
        cluster.refresh_from_db()
        sync_cluster(cluster)
        evaluate()


def told():
    return list(Notification.objects.order_by("pk").values_list("status", "title"))


def test_a_quiet_cluster_is_not_worth_a_word(cluster):
    look(cluster, times=3)
    assert told() == []


def test_an_outage_is_told_once_and_its_end_once(cluster, pve):
    pve.stop_guest(300)
    look(cluster, times=3)
    assert told() == [("firing", "데이터베이스 (300) is down")]
    pve.start_guest(300)
    look(cluster, times=3)
    assert told()[1:] == [("resolved", "데이터베이스 (300) is down")]
    assert Alert.objects.get().status == "resolved"
    assert Incident.objects.get().ending == "The server runs again."


def fall_and_stand_up(cluster, pve):
    pve.stop_guest(300)
    look(cluster)
    pve.start_guest(300)
    look(cluster)


def test_a_second_outage_later_is_a_second_incident(cluster, pve):
    fall_and_stand_up(cluster, pve)
    Incident.objects.update(closed_at=clock.now() - timedelta(minutes=11))
    fall_and_stand_up(cluster, pve)
    assert [status for status, _ in told()] == ["firing", "resolved"] * 2
    assert Incident.objects.count() == 2


def test_trouble_that_comes_and_goes_is_one_incident_that_is_told_to_flap_once(cluster, pve):
    for _ in range(4):
        fall_and_stand_up(cluster, pve)
    assert Incident.objects.get().flaps == 3
    assert [status for status, _ in told()] == ["firing", "resolved", "firing"]
    assert "it flaps" in Notification.objects.latest("pk").body["text"]


def test_the_end_of_what_flapped_is_told_once_when_it_has_stayed_over(cluster, pve):
    for _ in range(3):
        fall_and_stand_up(cluster, pve)
    with time_machine.travel(clock.now() + timedelta(minutes=11), tick=True):
        for _ in range(2):
            evaluate()
    assert [status for status, _ in told()] == ["firing", "resolved", "firing", "resolved"]
    assert "It came back 2 times." in Notification.objects.latest("pk").body["text"]


def test_what_stayed_up_for_long_after_flapping_is_told_at_once(cluster, pve):
    fall_and_stand_up(cluster, pve)
    pve.stop_guest(300)
    look(cluster)
    Incident.objects.update(reopened_at=clock.now() - timedelta(hours=5))
    pve.start_guest(300)
    look(cluster)
    assert [status for status, _ in told()] == ["firing", "resolved"] * 2


def test_without_a_window_nothing_flaps(cluster, pve, settings):
    settings.PORTAL_FLAPPING_MINUTES = 0
    for _ in range(2):
        fall_and_stand_up(cluster, pve)
    assert Incident.objects.count() == 2


def test_the_message_says_where_and_links_to_the_incident(cluster, pve):
    Server.objects.filter(vmid=300).update(owner="김철수", environment="prod")
    pve.stop_guest(300)
    look(cluster)
    body = Notification.objects.get().body
    assert body["labels"] == {
        "condition": "guest_down", "cluster": "demo", "node": "pve2", "vmid": "300", "name": "데이터베이스",
        "type": "qemu", "owner": "김철수", "environment": "prod",
    }  # fmt: skip
    assert body["link"].endswith(f"/admin/monitoring/incident/{Incident.objects.get().pk}/change/")
    assert body["severity"] == "critical"


def test_a_fall_and_a_recovery_that_nobody_saw_are_told_all_the_same(cluster, pve):
    """No worker looked between the two syncs: the rows of what changed remember."""
    pve.stop_guest(300)
    sync_cluster(Cluster.objects.get())
    pve.start_guest(300)
    sync_cluster(Cluster.objects.get())
    evaluate()
    assert [status for status, _ in told()] == ["firing", "resolved"]


def test_a_node_with_twenty_guests_that_goes_offline_is_one_message(cluster, pve):
    pve.node_offline("pve1")
    look(cluster, times=2)
    pve.age_offline("pve1")
    look(cluster, times=2)
    assert told() == [("firing", "Node pve1 is offline")]
    assert "Its 20 servers" in Incident.objects.get().text
    pve.node_online("pve1")
    look(cluster, times=3)
    assert told()[1:] == [("resolved", "Node pve1 is offline")]


def test_a_guest_that_did_not_come_back_with_its_node_is_told_after_a_grace(cluster, pve):
    pve.node_offline("pve2")
    look(cluster)
    pve.node_online("pve2")
    pve.stop_guest(300)
    look(cluster, times=2)
    assert [title for _, title in told()] == ["Node pve2 is offline", "Node pve2 is offline"]
    with time_machine.travel(clock.now() + timedelta(minutes=4), tick=True):
        evaluate()
    assert told()[2:] == [("firing", "데이터베이스 (300) is down")]


def test_a_guest_that_was_down_before_its_node_died_stays_an_incident(cluster, pve):
    pve.stop_guest(200)
    look(cluster)
    pve.node_offline("pve1")
    look(cluster, times=2)
    assert Incident.objects.filter(closed_at=None).count() == 2
    assert [status for status, _ in told()] == ["firing", "firing"]


def test_an_unreachable_cluster_is_told_once_and_changes_nothing(cluster, pve):
    before = list(Server.objects.values_list("pk", "status"))
    pve.stop()
    look(cluster)
    assert told() == []  # once is a hiccup
    look(cluster, times=4)
    assert told() == [("firing", "Cluster demo cannot be synced")]
    assert list(Server.objects.values_list("pk", "status")) == before
    pve.start()
    look(cluster, times=2)
    assert told()[1:] == [("resolved", "Cluster demo cannot be synced")]


def test_an_outage_stays_open_while_its_cluster_cannot_be_asked(cluster, pve):
    pve.stop_guest(300)
    look(cluster)
    pve.misbehave("/cluster/resources", "html")
    look(cluster, times=3)
    assert Incident.objects.filter(condition="guest_down", closed_at=None).exists()


def test_a_stop_asked_for_in_the_portal_sends_nothing(cluster, pve):
    from servers.operations import request_operation, step

    admin = User.objects.create_superuser("root")
    operation = request_operation(Server.objects.get(vmid=300), "stop", admin)
    for _ in range(200):
        Operation.objects.update(due_at=clock.now())
        step(Operation.objects.select_related("server__node", "cluster").get(pk=operation.pk))
        look(cluster)
        if not Operation.objects.filter(state__in=Operation.ACTIVE).exists():
            break
    with time_machine.travel(clock.now() + timedelta(minutes=5), tick=True):
        look(cluster, times=2)
    assert Server.objects.get(vmid=300).status == "stopped"
    assert told() == []


def test_a_stop_that_failed_leaves_an_outage_to_be_told(cluster, pve):
    server = Server.objects.get(vmid=300)
    Operation.objects.create(cluster=cluster, server=server, action="stop", state=OperationState.RUNNING)
    pve.stop_guest(300)
    look(cluster)
    assert told() == []
    Operation.objects.update(state=OperationState.FAILED, finished_at=clock.now())
    look(cluster)
    assert [status for status, _ in told()] == ["firing"]


def test_a_backup_that_stops_its_guest_sends_nothing(cluster, pve):
    pve.set_guest(300, lock="backup")
    pve.stop_guest(300)
    look(cluster, times=2)
    pve.start_guest(300)
    pve.set_guest(300, lock="")
    look(cluster, times=2)
    assert told() == []


@pytest.mark.parametrize(
    ("expected", "titles"),
    [
        ("any", []),
        ("stopped", ["데이터베이스 (300) runs, though it should be stopped"]),
        ("running", []),
    ],
)
def test_the_operators_word_on_the_expected_state_goes_first(cluster, expected, titles):
    Server.objects.filter(vmid=300).update(expected_state=expected)
    look(cluster)
    assert [title for _, title in told()] == titles


def test_a_server_that_is_deleted_while_down_ends_its_incident(cluster, pve):
    pve.stop_guest(300)
    look(cluster)
    pve.remove_guest(300)
    look(cluster, times=3)
    assert Incident.objects.get().ending == "The server is gone from Proxmox."


def test_a_server_started_by_hand_after_a_stop_is_expected_to_run_again(cluster, pve):
    Server.objects.filter(vmid=300).update(intended_state="stopped")
    pve.stop_guest(300)
    look(cluster)
    pve.start_guest(300)
    look(cluster)
    pve.stop_guest(300)
    look(cluster)
    assert [status for status, _ in told()] == ["firing"]


def test_two_processes_that_look_at_once_tell_it_once(cluster, pve):
    from monitoring import evaluation, incidents

    pve.stop_guest(300)
    sync_cluster(Cluster.objects.get())
    server = Server.objects.select_related("cluster", "node").get(vmid=300)
    verdict = evaluation._servers(Excuses(clock.now()), {cluster.pk})["guest_down", f"server:{server.pk}"]
    assert [incidents.raise_alert(verdict), incidents.raise_alert(verdict)] == [1, 0]
    alert, same = Alert.objects.get(), Alert.objects.get()
    assert [incidents.resolve_alert(alert, clock.now()), incidents.resolve_alert(same, clock.now())] == [1, 0]
    assert len(told()) == 2


def test_a_disabled_cluster_is_watched_no_more(cluster, pve):
    pve.stop_guest(300)
    look(cluster)
    Cluster.objects.update(enabled=False)
    evaluate()
    assert Incident.objects.get().ending == "Its cluster is not watched any more."


def test_the_incidents_page_says_what_happened_and_who_was_told(cluster, pve):
    from notifications.models import AlertChannel
    from tests.support import seed

    channel = AlertChannel(kind="webhook", name="Duty phone")
    channel.keep({"url": "https://example.org/hook?token=SECRET"})
    channel.save()
    pve.stop_guest(300)
    look(cluster)
    address = f"/admin/monitoring/incident/{Incident.objects.get().pk}/change/"
    page = seed.browser("viewer").get(address).content.decode()
    assert "데이터베이스 (300) is down" in page
    assert "Duty phone" in page
    assert "SECRET" not in page


def test_acknowledging_asks_then_acts_once_and_leaves_an_entry(cluster, pve):
    from tests.support import seed

    pve.stop_guest(300)
    look(cluster)
    incident = Incident.objects.get()
    address = f"/admin/monitoring/incident/{incident.pk}/acknowledge/"
    assert seed.browser("viewer").post(address, follow=True).status_code == 200
    operator = seed.browser("operator")
    operator.get(address)
    incident.refresh_from_db()
    assert incident.acknowledged_at is None
    assert "You look after" in operator.post(address, follow=True).content.decode()
    incident.refresh_from_db()
    assert incident.acknowledged_by is not None
    assert "You look after" not in operator.post(address, follow=True).content.decode()


def test_an_outage_that_was_declared_harmless_and_counts_again_is_told_again(cluster, pve):
    pve.stop_guest(300)
    look(cluster)
    Server.objects.filter(vmid=300).update(expected_state="any")
    evaluate()
    Server.objects.filter(vmid=300).update(expected_state="")
    evaluate()
    evaluate()
    assert [status for status, _ in told()] == ["firing", "resolved", "firing"]


def test_a_cluster_that_is_deleted_while_it_fails_is_not_said_to_be_healed(cluster, pve):
    pve.stop()
    look(cluster, times=3)
    Cluster.objects.all().delete()
    evaluate()
    assert Incident.objects.get().ending == "Its cluster is not watched any more."


def test_nobody_is_said_to_have_asked_for_nothing_where_the_operators_word_counts(cluster, pve):
    Server.objects.filter(vmid=300).update(expected_state="running")
    pve.stop_guest(300)
    look(cluster)
    assert "Nobody asked" not in Incident.objects.get().text
