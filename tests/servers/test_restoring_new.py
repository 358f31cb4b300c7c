"""A backup as a new server: what is said at the form, and what becomes of it."""

import pytest
from django.urls import reverse

from servers.models import Backup, Operation, Server, ServerRequest
from servers.rotation import rotate
from servers.sync import sync_cluster
from tests.support import seed
from tests.support.creating import drive

pytestmark = pytest.mark.django_db
GIB = 1024**3


@pytest.fixture
def original(cluster, pve):
    pve.add_guest(
        vmid=901, name="shop-db", node="pve1", status="running", cores=2, tags="prod;db", description="the shop's"
    )
    pve.add_backup("pbs", 901)
    sync_cluster(cluster)
    cluster.refresh_from_db()
    rotate(cluster, everything=True)
    Server.objects.filter(vmid=901).update(owner="shop", environment="production", exporter_port=9100)
    return Server.objects.get(vmid=901)


@pytest.fixture
def backup(original):
    return Backup.objects.get(vmid=901)


def url(backup):
    return reverse("admin:servers_backup_restore_new", args=(backup.pk,))


def form(**changes):
    given = {"name": "shop-db-2", "node": "pve2", "storage": "ceph-vm", "owner": "shop", "exporter_port": "9100"}
    return given | {"environment": "production"} | changes


def ask(backup, role="administrator", **changes):
    return seed.browser(role).post(url(backup), form(**changes))


def test_it_is_made_beside_the_original_and_registers_itself(backup, original, pve):
    answer = ask(backup, start="on")
    request = ServerRequest.objects.get()
    assert answer.headers["Location"].endswith(f"/serverrequest/{request.pk}/change/")
    (operation,) = drive(*request.operations.all())
    assert operation.state in ("succeeded", "warnings"), operation.message
    new = Server.objects.get(vmid__gte=100_000)
    assert (new.name, new.owner, new.environment, new.exporter_port) == ("shop-db-2", "shop", "production", 9100)
    assert (new.intended_state, new.node.name, new.tag_list) == ("running", "pve2", ["db", "prod"])
    there = pve.cluster.guests
    assert there[901].mac not in there[new.vmid].extra["net0"]
    assert (there[new.vmid].description, there[901].status) == ("the shop's", "running")


def test_it_stays_off_unless_somebody_says_otherwise(backup, pve):
    ask(backup)
    (operation,) = drive(*Operation.objects.all())
    new = Server.objects.get(vmid__gte=100_000)
    assert (new.intended_state, pve.cluster.guests[new.vmid].status) == ("stopped", "stopped")
    assert operation.parameters["register"]["owner"] == "shop"


def test_the_form_says_what_will_be(backup):
    page = seed.browser("administrator").get(url(backup)).content.decode()
    assert "100000 to 999999), most likely 100000" in page
    assert "hardware addresses of their own" in page
    assert "shop-db (901) is there still (running)" in page
    assert 'value="shop-db-restored"' in page
    assert "2 cores, 2\xa0GiB of memory, 32\xa0GiB of disks" in page


def test_pickers_hold_only_what_fits_and_say_why_the_rest_does_not(backup, cluster, pve):
    cluster.storage_set.filter(name="ceph-vm").update(size=100 * GIB, used=98 * GIB)
    pve.node_offline("pve3")
    sync_cluster(cluster)
    cluster.storage_set.filter(name="ceph-vm").update(size=100 * GIB, used=98 * GIB)
    page = seed.browser("administrator").get(url(backup)).content.decode()
    assert '<option value="ceph-vm"' not in page
    assert "Not on ceph-vm: it has 2\xa0GiB free, and the disks have 32\xa0GiB." in page
    assert '<option value="pve2"' in page
    assert '<option value="pve3"' not in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "shop_db"}, "underscore"),
        ({"name": "größe"}, "a to z"),
        ({"name": "shop-db"}, "There is a server “shop-db”"),
        ({"name": "a-1, a-2"}, "one name"),
        ({"name": ""}, "required"),
        ({"node": "pve9"}, "Select a valid choice"),
        ({"storage": "nowhere"}, "Select a valid choice"),
        ({"exporter_port": "70000"}, "65535"),
    ],
)
def test_what_is_wrong_is_said_at_the_form_and_nothing_is_sent(backup, pve, changes, words):
    pve.requests.clear()
    page = ask(backup, **changes)
    assert page.status_code == 200
    assert words in page.content.decode()
    assert not Operation.objects.exists()
    assert {request.method for request in pve.requests} <= {"GET"}


def test_a_node_without_that_much_memory_does_not_start_it(backup, pve):
    pve.cluster.volume("pve1", backup.volid).config = {"name": "big", "memory": "900000", "scsi0": "ceph-vm:1,size=1G"}
    assert "that much memory free" in ask(backup, start="on").content.decode()
    assert ask(backup).status_code == 302  # off it needs none


def test_a_backup_that_is_gone_or_cannot_be_read_has_no_form(backup, pve):
    pve.misbehave("/nodes/*/vzdump/extractconfig", "reset")
    page = seed.browser("administrator").get(url(backup)).content.decode()
    assert "What is in the backup cannot be read" in page
    assert 'class="pm-askform"' not in page
    Backup.objects.filter(pk=backup.pk).update(gone_at=backup.created_at)
    assert "is not there any more" in seed.browser("administrator").get(url(backup)).content.decode()


def test_a_bridge_that_no_node_has_is_said_instead_of_a_form(backup, pve):
    pve.cluster.volume("pve1", backup.volid).config = {
        "name": "old", "memory": "512", "net0": "virtio=BC:24:11:00:00:01,bridge=vmbr77", "scsi0": "ceph-vm:1,size=1G",
    }  # fmt: skip
    page = seed.browser("administrator").get(url(backup)).content.decode()
    assert "vmbr77" in page
    assert 'class="pm-askform"' not in page


@pytest.mark.parametrize("role", ["", "viewer", "operator"])
def test_who_may_not_create_servers_may_not_restore_one_as_new(backup, role):
    answer = seed.browser(role).post(url(backup), form(), follow=True)
    assert answer.status_code == 403 or "You may not do that" in answer.content.decode()
    assert not Operation.objects.exists()


def test_a_restore_that_fails_leaves_nothing_and_says_so(backup, pve):
    pve.fail_task("qmrestore", error="No space left on device")
    ask(backup)
    (operation,) = drive(*Operation.objects.all())
    assert operation.state == "failed"
    assert "No space left on device" in operation.message
    assert "was removed" in operation.message
    assert [vmid for vmid in pve.cluster.guests if vmid >= 100_000] == []


def test_from_a_servers_page_one_chooses_the_backup(backup, original, pve, cluster):
    browser = seed.browser("administrator")
    address = reverse("admin:servers_server_restore_new", args=(original.pk,))
    assert address in browser.get(f"/admin/servers/server/{original.pk}/change/").content.decode()
    assert browser.get(address).headers["Location"] == url(backup)
    pve.add_backup("local", 901, 1_700_000_000)
    rotate(cluster, everything=True)
    page = browser.get(address).content.decode()
    assert {url(row) for row in Backup.objects.filter(vmid=901)} <= set(_links(page))


def test_each_row_of_the_list_of_backups_leads_to_it(backup):
    assert url(backup) in seed.browser("administrator").get("/admin/servers/backup/").content.decode()
    assert url(backup) not in seed.browser("operator").get("/admin/servers/backup/").content.decode()


def _links(page):
    return [part.partition('"')[0] for part in page.split('href="')]
