"""Requests of new servers: the form says what is wrong before anything is sent, and a second person agrees."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from portal.lib import clock
from servers import offers
from servers.models import Blueprint, Operation, RequestState, Server, ServerRequest
from servers.newcomers import purge_secrets
from tests.support import seed
from tests.support.creating import KEY, administrator, drive, template_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    user = administrator()
    client.force_login(user)
    return user


@pytest.fixture
def blueprint(known):
    return Blueprint.objects.create(
        name="Web", cluster=known, template=str(template_of(known).vmid), bridge="vmbr0", user="ada", ssh_keys=KEY,
        max_count=12, tags="web", owner="web team",
    )  # fmt: skip


def form_of(blueprint, **changes):
    """What a browser sends of the form that is as it was opened, but for these."""
    given = {
        "names": "shop-{01..03}", "cores": 2, "memory": 1024, "bridge": "vmbr0", "ip": "dhcp", "user": "ada",
        "ssh_keys": KEY, "start": "on", "owner": blueprint.owner, "tags": "web", "reason": "the autumn sale",
    }  # fmt: skip
    return {name: value for name, value in {**given, **changes}.items() if value is not None}


def send(client, blueprint, **changes):
    address = f"{reverse('admin:servers_serverrequest_add')}?blueprint={blueprint.pk}"
    return client.post(address, form_of(blueprint, **changes))


def test_three_are_asked_for_in_the_form_and_made(client, ada, blueprint, pve):
    answer = send(client, blueprint, ip="10.9.8.10-10.9.8.20/24", gateway="10.9.8.1")
    request = ServerRequest.objects.get()
    assert answer.headers["Location"].endswith(f"/serverrequest/{request.pk}/change/")
    operations = drive(*request.operations.order_by("pk"))
    assert [one.subject.partition(" ")[0] for one in operations] == ["shop-01", "shop-02", "shop-03"]
    page = client.get(answer.headers["Location"]).content.decode()
    assert "ssh ada@10.9.8.11" in page
    assert "3 of 3 ready" in page
    type(operations[0].server).objects.filter(pk=operations[1].server.pk).update(retired_at=clock.now())
    page = client.get(answer.headers["Location"]).content.decode()
    assert "ssh ada@10.9.8.11" not in page
    assert "ssh ada@10.9.8.12" in page
    assert "made, and deleted since" in page
    assert "being carried out" not in page
    assert Server.objects.filter(vmid__gte=100_000, owner="web team").count() == 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"names": "web_01"}, "underscore"),
        ({"names": "wäb"}, "a to z"),
        ({"names": "web-{03..01}"}, "counts backwards"),
        ({"names": "shop-{01..40}"}, "allows 12 at once"),
        ({"names": "shop-01, shop-01"}, "there twice"),
        ({"ip": "10.9.8.10-10.9.8.11/24"}, "has 2 addresses, and 3 servers"),
        ({"ip": "10.9.8.254/24"}, "no 3 addresses left"),
        ({"ip": "10.9.8.0/24"}, "first or last address"),
        ({"ip": "300.1.1.1/24"}, "Write dhcp"),
        ({"ip": "10.9.8.10/24", "gateway": "10.9.8.11"}, "in use: the gateway"),
        ({"bridge": "vmbr77"}, "No node has a bridge"),
        ({"storage": "nowhere"}, "is not there"),
        ({"ssh_keys": "hello"}, "no public SSH key"),
        ({"ssh_keys": "", "password": ""}, "nobody could log in"),
        ({"cores": 17}, "allows at most 16"),
        ({"disk_gib": 1}, "disks only grow"),
        ({"node": "pve9"}, "Select a valid choice"),
        ({"tags": "ü"}, "is no tag"),
    ],
)
def test_what_is_wrong_is_said_at_the_form_and_nothing_is_sent(client, ada, blueprint, pve, changes, words):
    page = send(client, blueprint, **changes)
    assert page.status_code == 200
    assert words in page.content.decode().replace("&quot;", '"')
    assert not Operation.objects.exists()
    assert [one.path for one in pve.requests if one.method == "POST"] == []


def test_an_address_that_somebody_has_is_refused(client, ada, blueprint, known):
    Server.objects.filter(vmid=101).update(agent_address="10.9.8.12")
    assert "10.9.8.12 is in use" in send(client, blueprint, ip="10.9.8.10/24").content.decode()


def test_a_template_that_vanished_is_said(client, ada, blueprint, pve, known):
    pve.remove_guest(int(blueprint.template))
    assert "is gone from cluster" in send(client, blueprint).content.decode()


def test_a_full_storage_is_said(client, ada, blueprint, known):
    known.storage_set.filter(name="ceph-vm").update(size=10**12, used=10**12 - 1)
    assert "GiB free" in send(client, blueprint).content.decode()


def test_the_form_of_a_dead_cluster_opens_and_says_so(client, ada, blueprint, pve):
    pve.stop()
    page = client.get(f"{reverse('admin:servers_serverrequest_add')}?blueprint={blueprint.pk}")
    assert "cannot be reached" in page.content.decode()
    assert client.get(reverse("admin:servers_blueprint_change", args=(blueprint.pk,))).status_code == 200
    pve.start()


def test_a_cluster_that_answers_slowly_does_not_keep_a_person_waiting(client, ada, blueprint, pve, monkeypatch):
    monkeypatch.setattr(offers, "READ_SECONDS", 0.3)
    pve.misbehave("/nodes/*/network", "slow", seconds=600)  # whoever waited for it would not come back
    page = client.get(f"{reverse('admin:servers_serverrequest_add')}?blueprint={blueprint.pk}").content.decode()
    assert "no answer within" in page
    assert 'name="names"' in page
    assert '<option value="ceph-vm"' in page  # what rows know is offered all the same
    pve.behave()


def test_a_second_person_agrees_and_not_the_one_who_asked(client, ada, blueprint):
    Blueprint.objects.update(needs_approval=True)
    send(client, blueprint)
    request = ServerRequest.objects.get()
    decide = reverse("admin:servers_serverrequest_decide", args=(request.pk,))
    client.post(decide, {"approve": "yes"})
    assert not Operation.objects.exists()
    client.force_login(administrator("bob"))
    client.post(decide, {"approve": "yes", "reason": "good"})
    request.refresh_from_db()
    assert (request.state, request.decider, request.decision) == (RequestState.GOING, "bob", "good")
    assert Operation.objects.filter(requester="ada").count() == 3


def test_a_rejection_has_a_reason_and_makes_nothing(client, ada, blueprint):
    Blueprint.objects.update(needs_approval=True)
    send(client, blueprint, password="very-secret-1")
    request = ServerRequest.objects.get()
    client.force_login(administrator("bob"))
    decide = reverse("admin:servers_serverrequest_decide", args=(request.pk,))
    client.post(decide, {"reject": "yes"})
    assert ServerRequest.objects.get().state == RequestState.WAITING
    client.post(decide, {"reject": "yes", "reason": "too many"})
    request.refresh_from_db()
    assert (request.state, request.secrets, Operation.objects.count()) == (RequestState.REJECTED, "", 0)


def test_the_rest_is_called_off_and_what_is_being_made_is_made(client, ada, blueprint, pve):
    send(client, blueprint)
    request = ServerRequest.objects.get()
    drive(*request.operations.all(), until=lambda rows: any(row.upid for row in rows))
    client.post(reverse("admin:servers_serverrequest_cancel", args=(request.pk,)))
    operations = drive(*request.operations.order_by("pk"))
    assert sorted(one.state for one in operations) == ["cancelled", "cancelled", "succeeded"]
    assert len([vmid for vmid in pve.cluster.guests if vmid >= 100_000]) == 1


def test_a_secret_is_on_no_page_and_gone_when_it_is_over(client, ada, blueprint):
    send(client, blueprint, names="shop-01", password="very-secret-1")
    request = ServerRequest.objects.get()
    (operation,) = drive(*request.operations.all())
    assert (operation.secrets, request.secrets) == ("", "")
    for address in (
        f"/admin/servers/operation/{operation.pk}/change/",
        f"/admin/servers/serverrequest/{request.pk}/change/",
    ):
        assert "very-secret-1" not in client.get(address).content.decode()
    assert "very-secret-1" not in operation.log


@pytest.mark.parametrize(
    "name", ["serverrequest_changelist", "serverrequest_add", "blueprint_changelist", "blueprint_add"]
)
def test_the_pages_open(client, ada, blueprint, name):
    assert client.get(reverse(f"admin:servers_{name}"), follow=True).status_code == 200


def test_a_blueprint_is_changed_with_pickers_of_what_the_cluster_has(client, ada, blueprint):
    page = client.get(reverse("admin:servers_blueprint_change", args=(blueprint.pk,))).content.decode()
    assert '<option value="vmbr1"' in page
    assert "ceph-vm: " in page
    # Two storages have the same file.
    assert len(re.findall(r">debian-12-standard_[^<]*zst \((?:cephfs|local)\)<", page)) == 2


def test_a_new_blueprint_offers_what_the_chosen_cluster_has_and_nothing_of_another(client, ada, blueprint, known):
    address = reverse("admin:servers_blueprint_add")
    assert f'<option value="{blueprint.template}"' in client.get(address).content.decode()  # there is but one cluster
    other = seed.make_cluster("other", endpoints=["https://127.0.0.1:9"])
    page = client.get(address).content.decode()
    assert "Choose the cluster first" in page
    assert f'<option value="{blueprint.template}"' not in page
    assert "data-reopen=" in page
    page = client.get(f"{address}?cluster={known.pk}&name=Web%202").content.decode()
    assert f'<option value="{blueprint.template}"' in page
    assert 'value="Web 2"' in page
    assert f'<option value="{blueprint.template}"' not in client.get(f"{address}?cluster={other.pk}").content.decode()


def test_operators_may_look_at_requests_and_make_none(client, blueprint):
    user = administrator("eve")
    user.groups.clear()
    from django.contrib.auth.models import Group

    user.groups.add(Group.objects.get(name="operator"))
    client.force_login(user)
    assert client.get(reverse("admin:servers_serverrequest_changelist")).status_code == 200
    assert client.get(reverse("admin:servers_serverrequest_add")).status_code == 403


def test_the_password_of_one_that_failed_is_dropped_after_a_day(client, ada, blueprint, pve):
    pve.fail_task("qmstart", error="no memory")
    send(client, blueprint, names="shop-01", password="very-secret-1")
    (operation,) = drive(*Operation.objects.all())
    assert operation.secrets
    assert purge_secrets(clock.now() + timedelta(hours=23)) == 0
    assert purge_secrets(clock.now() + timedelta(hours=25)) == 1


def test_what_proxmox_refuses_of_a_new_server_shows_at_its_field_and_is_asked_anew(client, ada, blueprint, pve):
    pve.misbehave("/nodes/*/qemu/*/config", "400:searchdomain")
    send(client, blueprint, names="shop-01", search_domain="shop.example", owner="the shop", memory=3072)
    (operation,) = drive(*Operation.objects.all())
    assert (operation.state, list(operation.errors)) == ("failed", ["searchdomain"])
    page = client.get(reverse("admin:servers_serverrequest_change", args=(operation.server_request_id,)))
    address = f"{reverse('admin:servers_serverrequest_add')}?blueprint={blueprint.pk}&from={operation.pk}"
    assert address.replace("&", "&amp;") in page.content.decode()
    assert "searchdomain: value is not one that this node takes." in page.content.decode()
    form = client.get(address).content.decode()
    field = form.partition('id="id_search_domain"')[2].partition("</fieldset>")[0]
    assert "not one that this node takes" in field
    assert 'value="3072"' in form
    assert 'value="the shop"' in form
    pve.behave()
    client.post(address, form_of(blueprint, names="shop-01", search_domain="example.org"))
    again = drive(Operation.objects.latest("pk"))[0]
    assert (again.state, again.parameters["search_domain"]) == ("succeeded", "example.org")
    page = client.get(reverse("admin:servers_serverrequest_change", args=(operation.server_request_id,)))
    assert address.replace("&", "&amp;") not in page.content.decode()


def test_a_second_card_is_made_and_asks_for_its_own_address(client, ada, blueprint, pve):
    send(client, blueprint, names="shop-01", ip="10.9.8.10/24", second_bridge="vmbr1", second_vlan=12)
    (operation,) = drive(*Operation.objects.all())
    assert operation.state == "succeeded", operation.message
    config = pve.cluster.guests[100_000].extra
    assert ("bridge=vmbr1" in config["net1"], "tag=12" in config["net1"]) == (True, True)
    assert (config["ipconfig0"], config["ipconfig1"]) == ("ip=10.9.8.10/24", "ip=dhcp")
    assert "No node has a bridge" in send(client, blueprint, second_bridge="vmbr77").content.decode()


def test_a_second_disk_is_made_where_it_was_wished_for(client, ada, blueprint, pve):
    send(client, blueprint, names="shop-01", second_disk_gib=20, second_disk_storage="ceph-vm")
    (operation,) = drive(*Operation.objects.all())
    assert operation.state == "succeeded", operation.message
    disk = pve.cluster.guests[100_000].extra["scsi1"]
    assert (disk.startswith("ceph-vm:"), "size=20G" in disk) == (True, True)


@pytest.mark.parametrize(
    ("wished", "words"),
    [
        ({"second_disk_storage": "nowhere"}, "“nowhere” is not there, or cannot hold disks of such a server."),
        ({"second_disk_gib": 999_999}, "This blueprint allows at most"),
    ],
)
def test_a_second_disk_that_cannot_be_made_is_refused_at_its_field(client, ada, blueprint, wished, words):
    page = send(client, blueprint, **{"second_disk_gib": 20, **wished})
    assert words in str(page.context["form"].errors)
    assert not Operation.objects.exists()


def test_a_second_disk_that_finds_no_room_is_refused(client, ada, blueprint):
    Blueprint.objects.update(max_disk_gib=900_000)
    page = send(client, blueprint, second_disk_gib=800_000, second_disk_storage="ceph-vm")
    assert "“ceph-vm” has" in str(page.context["form"].errors["second_disk_storage"])


def test_an_address_that_is_being_given_to_another_is_refused(client, ada, blueprint):
    send(client, blueprint, names="first-01", ip="10.9.8.12/24")
    assert "10.9.8.12 is in use: first-01 has it." in send(client, blueprint, ip="10.9.8.10/24").content.decode()


def test_who_decides_sees_what_is_asked_for(client, ada, blueprint):
    Blueprint.objects.update(needs_approval=True)
    send(
        client,
        blueprint,
        names="pay-01",
        cores=4,
        memory=8192,
        disk_gib=120,
        gateway="10.9.8.1",
        ip="10.9.8.10/24",
        vlan=12,
    )
    client.force_login(administrator("bob"))
    page = client.get(reverse("admin:servers_serverrequest_change", args=(ServerRequest.objects.get().pk,)))
    for words in ("4 cores", "8\xa0GiB of memory", "120\xa0GiB of disks", "VLAN 12", "gateway 10.9.8.1", "ada@example"):
        assert words in page.content.decode()


def test_those_that_wait_for_their_turn_are_told_from_those_that_are_made(client, ada, blueprint):
    send(client, blueprint)
    request = ServerRequest.objects.get()
    drive(*request.operations.all(), until=lambda rows: any(row.upid for row in rows))
    drive(*request.operations.all(), until=lambda rows: all(row.waiting_for or row.upid for row in rows))
    page = client.get(reverse("admin:servers_serverrequest_live", args=(request.pk,))).content.decode()
    assert "1 being made, 2 waiting for their turn" in page
