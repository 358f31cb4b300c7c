"""``manage.py servers``: the same operations and rights from a shell."""

import json

import pytest
from auditlog.models import LogEntry
from django.core.management import CommandError, call_command

from servers import console
from servers.models import Blueprint, Operation, Server, ServerRequest
from servers.sync import sync_cluster
from tests.support import seed
from tests.support.creating import KEY

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(cluster, pve):
    pve.add_guest(vmid=901, name="vm-up", node="pve1", status="running", tags="prod")
    pve.add_guest(vmid=902, name="twin", node="pve1", status="stopped")
    pve.add_guest(vmid=903, name="twin", node="pve2", status="stopped")
    sync_cluster(cluster)
    return Server.objects.get(vmid=901)


@pytest.fixture
def call(capsys):
    seed.make_user("administrator", name="영희")
    seed.make_user("viewer", name="viewer")

    def run(*words):
        code = 0
        try:
            call_command("servers", *words)
        except SystemExit as end:
            code = end.code
        except CommandError as error:
            return error.returncode, str(error)
        return code, capsys.readouterr().out

    return run


def test_the_list_is_json_and_a_table(server, call):
    code, text = call("list", "--json", "--tag", "prod")
    assert (code, json.loads(text)[-1]["name"]) == (0, "vm-up")
    assert "vm-up" in call("list")[1]
    assert json.loads(call("show", "901", "--json")[1])["memory"] > 0


def test_an_action_is_waited_for_and_its_end_is_the_code(server, call, pve):
    code, text = call("stop", "vm-up", "--user", "영희", "--wait", "--json")
    assert (code, json.loads(text)["state"]) == (0, "succeeded")
    pve.fail_task("qmsnapshot", error="no space left")
    code, text = call("snapshot", "901", "--name", "before", "--user", "영희", "--wait", "60", "--json")
    assert (code, json.loads(text)["state"]) == (1, "failed")


def test_without_waiting_it_is_only_asked(server, call):
    code, _text = call("back-up", "demo/901", "--storage", "nfs-backup", "--user", "영희")
    operation = Operation.objects.get()
    assert (code, operation.state, operation.requester) == (0, "queued", "영희")
    assert LogEntry.objects.filter(object_pk=server.pk, actor__username="영희").exists()


def test_a_server_is_deleted_by_its_name(server, call):
    assert call("delete", "901", "--confirm", "vm-u", "--stop", "--user", "영희")[0] == 2
    code, _text = call("delete", "901", "--confirm", "vm-up", "--stop", "--user", "영희", "--wait")
    server.refresh_from_db()
    assert (code, server.is_retired) == (0, True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("stop", "nobody", "--user", "영희"), "No server is called"),
        (("stop", "twin", "--user", "영희"), "more than one server"),
        (("stop", "901", "--user", "nobody"), "Nobody is called"),
        (("stop", "901", "--user", "viewer"), "may not operate"),
        (("snapshot", "901", "--name", "../x", "--user", "영희"), "begins with a letter"),
        (("list", "--cluster", "nowhere"), "No cluster is called"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_done(server, call, words, told):
    code, text = call(*words)
    assert (code, told in text) == (2, True)
    code, text = call(*words, "--json")
    assert (code, told in json.loads(text)["error"]) == (2, True)
    assert not Operation.objects.exists()


@pytest.fixture
def blueprint(server, cluster):
    template = Server.objects.get(template=True, kind="qemu")
    return Blueprint.objects.create(
        name="Web", cluster=cluster, template=str(template.vmid), bridge="vmbr0", user="ada", ssh_keys=KEY, max_count=5,
        owner="web team",
    )  # fmt: skip


def test_new_servers_are_made_from_a_blueprint(blueprint, call, pve):
    words = ("create", "Web", "shop-{1..2}", "--ip", "10.9.8.10/24", "--memory", "1024", "--user", "영희", "--wait")
    code, text = call(*words, "--json")
    told = json.loads(text)
    assert (code, [row["state"] for row in told["servers"]]) == (0, ["succeeded"] * 2)
    assert [(row["name"], row["address"]) for row in told["servers"]] == [
        ("shop-1", "10.9.8.10"), ("shop-2", "10.9.8.11"),
    ]  # fmt: skip
    assert Server.objects.filter(vmid__gte=100_000, owner="web team").count() == 2
    assert call("create", "Web", "later", "--user", "영희")[0] == 0
    assert ServerRequest.objects.get(title="later").requester == "영희"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("create", "Nothing", "a", "--user", "영희"), "No blueprint"),
        (("create", "Web", "a_b", "--user", "영희"), "underscore"),
        (("create", "Web", "w-{1..9}", "--user", "영희"), "allows 5 at once"),
        (("create", "Web", "a", "--cores", "64", "--user", "영희"), "at most 16"),
        (("create", "Web", "a", "--bridge", "vmbr9", "--user", "영희"), "No node has a bridge"),
        (("create", "Web", "a", "--user", "viewer"), "may not create servers"),
    ],
)
def test_a_new_server_that_cannot_be_is_said_by_field(blueprint, call, words, told):
    code, text = call(*words, "--json")
    assert (code, told in json.loads(text)["error"]) == (2, True)
    assert not Operation.objects.exists()


def test_who_acts_must_be_said(server, call):
    assert "--user" in call("stop", "901")[1]


def test_the_console_is_proxmoxs_own_and_holds_no_credentials(server, cluster, pve):
    url = console.url(server)
    assert url == f"{pve.url}/?console=kvm&novnc=1&vmid=901&vmname=vm-up&node=pve1&resize=off"
    assert cluster.token_id not in url
    Server.objects.filter(pk=server.pk).update(operator_address="10.0.0.5")
    page = seed.browser("operator").get(f"/admin/servers/server/{server.pk}/change/").content.decode()
    assert "ssh 10.0.0.5" in page
    assert "console=kvm&amp;novnc=1" in page
