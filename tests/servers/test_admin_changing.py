"""The forms of the menu “Actions”: looking asks Proxmox what it has, only a POST asks it to act."""

import pytest

from servers.models import Action, Operation, OperationState, Server
from servers.sync import sync_cluster
from tests.servers.test_operations import drive
from tests.support import seed

pytestmark = pytest.mark.django_db
FORMS = ["change", "resize", "migrate", "snapshot", "rollback", "delete-snapshot", "back-up", "restore", "delete"]


@pytest.fixture
def server(cluster, pve):
    pve.add_guest(vmid=901, name="vm-up", node="pve1", status="running", cores=2)
    sync_cluster(cluster)
    cluster.refresh_from_db()
    return Server.objects.get(vmid=901)


def url(server, action):
    return f"/admin/servers/server/{server.pk}/do-{action}/"


def read(answer):
    return answer.content.decode()


@pytest.mark.parametrize("action", FORMS)
def test_looking_at_a_form_changes_nothing(server, pve, action):
    pve.requests.clear()
    answer = seed.browser("administrator").get(url(server, action))
    assert answer.status_code == 200
    assert {request.method for request in pve.requests} <= {"GET"}
    assert not Operation.objects.exists()


@pytest.mark.parametrize("action", FORMS)
@pytest.mark.parametrize("role", ["", "viewer"])
def test_who_may_not_is_turned_away(server, role, action):
    answer = seed.browser(role).post(url(server, action), follow=True)
    assert answer.status_code == 403 or "You may not do that" in read(answer)
    assert not Operation.objects.exists()


def test_the_menu_offers_each_role_what_it_may(server):
    for role, offered in (("viewer", set()), ("operator", set(FORMS) - {"delete"}), ("administrator", set(FORMS))):
        page = read(seed.browser(role).get(f"/admin/servers/server/{server.pk}/change/"))
        assert {action for action in FORMS if f"/do-{action}/" in page} == offered


def test_the_form_shows_what_is_now_and_sends_what_was_changed(server):
    browser = seed.browser("operator")
    page = read(browser.get(url(server, "change")))
    assert 'value="vm-up"' in page
    answer = browser.post(url(server, "change"), {"name": "db-1", "tags": "", "description": ""}, follow=True)
    operation = Operation.objects.get()
    assert operation.parameters == {"name": "db-1"}
    assert answer.redirect_chain[-1][0] == f"/admin/servers/operation/{operation.pk}/change/"


@pytest.mark.parametrize(
    ("action", "data", "words"),
    [
        ("change", {"name": "under_score"}, "is no host name"),
        ("change", {"name": "ümlaut"}, "is no host name"),
        ("change", {"name": "vm-up", "tags": "größe"}, "is no tag"),
        ("change", {"name": "vm-up"}, "Nothing is changed"),
        ("resize", {"cores": "2", "memory": "2048", "disk": "scsi0", "size": "1"}, "can only grow"),
        ("resize", {"cores": "2", "memory": "2048", "size": "900"}, "Choose the disk"),
        ("resize", {"cores": "many", "memory": "2048"}, "whole number"),
        ("snapshot", {"name": "../config"}, "begins with a letter"),
        ("back-up", {"storage": "nosuch", "mode": "snapshot"}, "Select a valid choice"),
        ("migrate", {"target": "pve1"}, "Select a valid choice"),
        ("delete", {"confirm": "vm-u", "stop": "on"}, "letter by letter"),
        ("delete", {"confirm": "vm-up"}, "shut it down first"),
    ],
)
def test_bad_input_is_said_at_the_field(server, pve, action, data, words):
    answer = seed.browser("administrator").post(url(server, action), data)
    assert answer.status_code == 200
    assert words in read(answer)
    assert not Operation.objects.exists()
    assert {request.method for request in pve.requests} <= {"GET"}


def test_a_cluster_that_does_not_answer_is_said_instead_of_a_form(server, pve):
    pve.misbehave("/nodes/*", "reset")
    page = read(seed.browser("administrator").get(url(server, "migrate")))
    assert "cannot be reached" in page
    assert "<form method" not in page.partition('class="pm-askform"')[2]
    assert 'class="pm-askform"' not in page


def test_pickers_hold_what_the_cluster_has_and_say_why_others_cannot(server, pve, cluster):
    pve.node_offline("pve3")
    sync_cluster(cluster)
    page = read(seed.browser("administrator").get(url(server, "migrate")))
    assert '<option value="pve2">' in page
    assert '<option value="pve3">' not in page
    assert "Not to pve3: it is not online." in page


def test_a_protected_server_has_no_form_to_delete_it(server, pve):
    pve.cluster.guests[901].written = False
    page = read(seed.browser("administrator").get(url(server, "delete")))
    assert "Type “vm-up” to delete it." in page
    operation = _asked(server, "change", {"name": "vm-up", "protection": "on"})
    assert drive(operation).state == OperationState.SUCCEEDED
    assert "It is protected" in read(seed.browser("administrator").get(url(server, "delete")))


def test_what_failed_is_opened_again_with_its_errors_at_the_fields(server, pve):
    pve.fail_task("qmsnapshot", error="no space left", times=1)
    failed = drive(_asked(server, "snapshot", {"name": "first", "description": "왜"}))
    browser = seed.browser("operator")
    page = read(browser.get(f"/admin/servers/operation/{failed.pk}/change/"))
    assert "change-and-try-again" in page
    page = read(browser.get(f"/admin/servers/operation/{failed.pk}/change-and-try-again/", follow=True))
    assert "Another try of" in page
    assert 'value="first"' in page
    browser.post(url(server, "snapshot"), {"name": "second", "from": failed.pk})
    again = Operation.objects.get(action=Action.SNAPSHOT, parameters__name="second")
    assert again.retry_of == failed


def test_a_parameter_that_proxmox_refuses_is_said_at_the_field_that_it_names(server, pve):
    pve.misbehave("/nodes/*/qemu/901/config", "400:name")
    failed = drive(_asked(server, "change", {"name": "db-1", "tags": "", "description": ""}))
    assert (failed.state, list(failed.errors)) == (OperationState.FAILED, ["name"])
    browser = seed.browser("operator")
    assert "name: value is not one that this node takes." in read(
        browser.get(f"/admin/servers/operation/{failed.pk}/change/")
    )
    page = read(browser.get(f"/admin/servers/operation/{failed.pk}/change-and-try-again/", follow=True))
    field = page.partition('id="id_name"')[2].partition('id="id_tags"')[0]
    assert "value is not one that this node takes" in field
    assert 'value="db-1"' in page


def test_a_retry_is_one_press(server, pve):
    pve.fail_task("qmsnapshot", times=1)
    failed = drive(_asked(server, "snapshot", {"name": "first"}))
    browser = seed.browser("operator")
    assert "Ask Proxmox for the same once more?" in read(
        browser.get(f"/admin/servers/operation/{failed.pk}/try-again/")
    )
    browser.post(f"/admin/servers/operation/{failed.pk}/try-again/")
    again = Operation.objects.get(retry_of=failed)  # the same name: Proxmox refused it before anything was made
    assert drive(again).state == OperationState.SUCCEEDED


def _asked(server, action, data):
    seed.browser("administrator").post(url(server, action), data)
    return Operation.objects.latest("pk")


@pytest.mark.parametrize(("expected", "ticked"), [("", True), ("stopped", False)])
def test_a_restore_offers_to_start_what_should_be_running(server, expected, ticked):
    Server.objects.filter(pk=server.pk).update(intended_state="running", expected_state=expected)
    form = seed.browser("operator").get(url(server, "restore")).context["form"]
    assert form["start"].value() is ticked
