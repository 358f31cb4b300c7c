"""Snapshots and backups of many servers from the list: asked on a page, queued at once, watched on one page."""

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME

from servers.models import GuestSnapshot, Operation, OperationState, Server
from servers.operations import step
from servers.rotation import rotate
from servers.sync import sync_cluster
from tests.servers.test_operations import drive
from tests.support import seed

pytestmark = pytest.mark.django_db
LIST = "/admin/servers/server/"


@pytest.fixture
def servers(cluster, pve):
    for vmid, node, status in ((901, "pve1", "running"), (902, "pve1", "stopped"), (903, "pve2", "running")):
        pve.add_guest(vmid=vmid, name=f"vm-{vmid}", node=node, status=status)
    sync_cluster(cluster)
    cluster.refresh_from_db()
    rotate(cluster, everything=True)
    return list(Server.objects.filter(vmid__in=(901, 902, 903)).order_by("vmid"))


def send(servers, action, role="operator", **more):
    data = {"action": f"{action}_selected", ACTION_CHECKBOX_NAME: [server.pk for server in servers], **more}
    return seed.browser(role).post(f"{LIST}?type=all", data)


def confirm(servers, action, judged, **more):
    """As the page sends it on which all of them are listed."""
    able = " ".join(str(server.pk) for server in servers)
    return send(servers, action, confirmed="yes", judged=judged, able=able, **more)


def read(answer):
    return answer.content.decode()


def snapshot(servers, **more):
    given = {"name": "before", "description": "update", "memory": "on"} | more
    return confirm(servers, "snapshot", given["name"], **given)


def back_up(servers, storage="pbs", **more):
    return confirm(servers, "back_up", storage, storage=storage, mode="snapshot", notes="{{guestname}}", **more)


def test_the_page_before_lists_which_and_asks_nothing(servers, pve):
    pve.requests.clear()
    page = read(send(servers, "snapshot"))
    assert "Take a snapshot: this is done to 3 servers" in page
    assert "vm-902 (902)" in page
    assert {request.method for request in pve.requests} <= {"GET"}
    assert not Operation.objects.exists()


def test_all_of_them_get_the_snapshot_and_memory_where_there_is_some(servers, pve):
    answer = snapshot(servers)
    operations = [drive(one) for one in Operation.objects.order_by("pk")]
    assert [one.state for one in operations] == ["succeeded"] * 3
    assert [bool(one.parameters.get("memory")) for one in operations] == [True, False, True]
    assert [[row.name for row in pve.cluster.guests[vmid].snapshots] for vmid in (901, 902, 903)] == [["before"]] * 3
    page = read(seed.browser("viewer").get(answer.headers["Location"]))
    assert "3 of 3 done" in page
    assert "vm-901 (901)" in page


def test_what_is_left_out_is_named_with_its_reason(servers):
    first, second, third = servers
    GuestSnapshot.objects.create(server=first, name="before")
    Server.objects.filter(pk=second.pk).update(lock="backup")
    Operation.objects.create(cluster=third.cluster, server=third, action="reboot", requester="kim")
    template = Server.objects.filter(template=True)[0]
    page = read(confirm([*servers, template], "snapshot", "other", name="before"))
    assert "4 servers are left out" in page
    for why in ("it has a snapshot of that name", "it is locked: backup", "it is a template"):
        assert why in page
    assert "“Reboot”, asked by kim, is not over yet" in page
    assert Operation.objects.count() == 1


def test_what_the_page_left_out_is_not_asked_and_what_changed_since_is_named(servers):
    first, second, _third = servers
    Server.objects.filter(pk=second.pk).update(lock="backup")
    page = read(seed.browser("operator").post(LIST, {
        "action": "snapshot_selected", ACTION_CHECKBOX_NAME: [server.pk for server in servers], "confirmed": "yes",
        "judged": "before", "name": "before", "able": f"{first.pk} {second.pk}",
    }, follow=True))  # fmt: skip
    assert [one.server for one in Operation.objects.all()] == [first]
    assert "vm-902 (902) was left out: it is locked: backup." in page
    assert "vm-903" not in page


def test_a_disk_that_cannot_have_snapshots_is_known_before(servers, pve):
    guest = pve.cluster.guests[903]
    guest.written, guest.extra = True, {"name": "vm-903", "scsi0": "local:903/vm-903-disk-0.raw,size=1G"}
    page = read(send(servers, "snapshot"))
    assert "this is done to 2 servers" in page
    assert "one of its disks lies on a storage that cannot take snapshots" in page


def test_with_another_storage_the_list_is_shown_anew_before_anything_is_asked(servers, cluster):
    node = cluster.node_set.get(name="pve2")
    seed.make_storage(cluster, node, name="only-2", content="backup")
    page = read(send(servers, "back_up"))
    assert "only-2: for 1 of 3" in page
    page = read(confirm(servers, "back_up", "pbs", storage="only-2", mode="snapshot"))
    assert "look at the list once more" in page
    assert "2 servers are left out" in page
    assert "its node does not have that storage" in page
    assert not Operation.objects.exists()


def test_backups_of_one_node_wait_for_each_other_and_all_come(servers, pve):
    back_up(servers)
    first, second, third = Operation.objects.order_by("pk")
    drive(first, until="running")
    step(second)
    second.refresh_from_db()
    assert "its turn: vm-901 (901) is being backed up" in second.waiting_for
    assert [drive(one).state for one in (first, second, third)] == ["succeeded"] * 3


@pytest.mark.parametrize(
    ("action", "data", "words"),
    [
        ("snapshot", {"name": "../config"}, "begins with a letter"),
        ("snapshot", {"name": ""}, "required"),
        ("back_up", {"storage": "nowhere", "mode": "snapshot"}, "Select a valid choice"),
        ("back_up", {"storage": "pbs", "mode": "sideways"}, "Select a valid choice"),
    ],
)
def test_bad_input_is_said_at_the_field(servers, pve, action, data, words):
    page = read(confirm(servers, action, next(iter(data.values())), **data))
    assert words in page.replace("Begins", "begins")
    assert not Operation.objects.exists()


def test_as_many_as_may_be_chosen_are_asked_for_in_one_go(cluster):
    node = seed.make_node(cluster, "pve9")
    seed.make_storage(cluster, name="pbs9", content="backup")
    many = [seed.make_server(cluster, node) for _number in range(500)]
    page = read(send(many, "back_up"))
    fields = page.partition('class="pm-askform"')[2].partition("</form>")[0]
    assert fields.count("<input") < 900
    back_up(many, "pbs9")
    assert Operation.objects.count() == 500


def test_a_viewer_asks_for_nothing(servers):
    for action, given in (("snapshot", {"name": "before"}), ("back_up", {"storage": "pbs", "mode": "snapshot"})):
        send(servers, action, role="viewer", confirmed="yes", judged=next(iter(given.values())), **given)
    assert not Operation.objects.exists()


def test_what_has_not_begun_is_called_off_and_the_rest_goes_on(servers, pve):
    answer = back_up(servers)
    first = Operation.objects.earliest("pk")
    drive(first, until="running")
    address = f"{answer.headers['Location']}call-off/"
    assert seed.browser("operator").get(address).status_code == 403
    seed.browser("viewer").post(address)
    assert not Operation.objects.filter(state=OperationState.CANCELLED).exists()
    page = read(seed.browser("operator").post(address, follow=True))
    assert "2 were called off" in page
    assert "2 called off" in page
    assert drive(first).state == "succeeded"
    assert len([request for request in pve.requests if request.method == "POST"]) == 1


def test_one_that_failed_is_tried_again_in_its_place(servers, pve):
    pve.fail_task("qmsnapshot", error="no space left", times=1)
    answer = snapshot(servers)
    operations = [drive(one) for one in Operation.objects.order_by("pk")]
    failed = next(one for one in operations if one.state == "failed")
    page = read(seed.browser("operator").get(answer.headers["Location"]))
    assert "2 of 3 done, 1 failed" in page
    assert "no space left" in page
    seed.browser("operator").post(f"/admin/servers/operation/{failed.pk}/try-again/")
    drive(Operation.objects.get(retry_of=failed))
    page = read(seed.browser("operator").get(f"{answer.headers['Location']}live/"))
    assert "3 of 3 done" in page
    assert "failed" not in page


def test_the_page_is_for_those_who_may_look_and_its_address_is_no_guess(servers):
    answer = snapshot(servers)
    assert seed.browser("").get(answer.headers["Location"]).status_code == 403
    assert seed.browser("viewer").get("/admin/servers/operation/batch/nosuch/").status_code == 404
    one = Operation.objects.latest("pk")
    page = read(seed.browser("viewer").get(f"/admin/servers/operation/{one.pk}/change/"))
    assert answer.headers["Location"] in page
