"""The portal registers itself in a simulated Proxmox, is told by it, and takes itself away again."""

import pytest
from auditlog.models import LogEntry
from django.urls import reverse

from monitoring import hook_tokens
from monitoring.listening import ProxmoxListener
from monitoring.models import HookToken, Inbound, Source
from servers.models import Cluster
from servers.notifying import matcher_of
from simulator import Simulator
from tests.support import seed
from tests.support.proxmox import SHARED, connect
from tests.support.schema import VERSIONS, complaints

URL = "/admin/servers/cluster/{pk}/{what}/"


@pytest.fixture
def administrator(client, db):
    client.force_login(seed.make_user("administrator"))
    return client


@pytest.fixture
def name(settings):
    settings.PORTAL_URL = "http://127.0.0.1:9"
    return ProxmoxListener().name()


def press(client, cluster, what="send-notifications"):
    answer = client.post(URL.format(pk=cluster.pk, what=what), follow=True)
    return " ".join(str(message) for message in answer.context["messages"])


def live(cluster):
    from portal.lib import clock

    return HookToken.objects.filter(HookToken.living(clock.now()), cluster=cluster)


def test_registering_makes_a_target_and_a_matcher_and_says_that_the_test_did_not_arrive(
    administrator, cluster, pve, name
):
    said = press(administrator, cluster)
    system = pve.cluster.notifications
    assert system.webhooks[name]["url"] == "http://127.0.0.1:9/hooks/proxmox/"
    assert system.matchers[matcher_of(name)]["target"] == [name]
    assert "its test did not arrive" in said
    assert hook_tokens.sender(Source.PROXMOX, system.secrets[name]["token"]).cluster_id == cluster.pk
    assert LogEntry.objects.get_for_object(cluster).filter(changes__has_key="notifications").count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_test_of_a_target_that_is_reached_arrives(client, live_server, settings):
    settings.PORTAL_URL = live_server.url
    with Simulator(guests=0, nodes=1, task_seconds=0.05) as pve:
        cluster = connect(pve)
        client.force_login(seed.make_user("administrator"))
        assert "its test arrived" in press(client, cluster)
    row = Inbound.objects.get()
    assert (row.source, row.cluster) == ("proxmox", cluster)


def test_registering_again_changes_the_token_and_doubles_nothing(administrator, cluster, pve, name):
    press(administrator, cluster)
    first = pve.cluster.notifications.secrets[name]["token"]
    press(administrator, cluster)
    second = pve.cluster.notifications.secrets[name]["token"]
    assert (len(pve.cluster.notifications.webhooks), len(pve.cluster.notifications.matchers)) == (1, 1)
    assert first != second
    assert live(cluster).filter(expires_at=None).get().digest == hook_tokens.digest(second)
    assert hook_tokens.sender(Source.PROXMOX, first)  # the overlap


def test_removing_takes_both_away_and_refuses_the_token(administrator, cluster, pve, name):
    press(administrator, cluster)
    token = pve.cluster.notifications.secrets[name]["token"]
    assert "sends nothing here any more" in press(administrator, cluster, "stop-notifications")
    assert (pve.cluster.notifications.webhooks, pve.cluster.notifications.matchers) == ({}, {})
    assert hook_tokens.sender(Source.PROXMOX, token) is None


def test_removing_what_somebody_removed_there_is_no_error(administrator, cluster, pve, name):
    press(administrator, cluster)
    pve.cluster.notifications.restore({})
    assert "had no such target any more" in press(administrator, cluster, "stop-notifications")
    assert not live(cluster).exists()


def test_what_others_registered_stays(administrator, cluster, pve, name):
    pve.cluster.notifications.webhooks["theirs"] = {"name": "theirs", "url": "http://x/", "method": "post"}
    pve.cluster.notifications.matchers["theirs-too"] = {"name": "theirs-too", "target": ["theirs"]}
    press(administrator, cluster)
    press(administrator, cluster, "stop-notifications")
    assert list(pve.cluster.notifications.webhooks) == ["theirs"]
    assert list(pve.cluster.notifications.matchers) == ["theirs-too"]


@pytest.mark.parametrize("rights", ["auditor", ["Mapping.Modify", "Mapping.Audit"]])
def test_a_missing_right_is_told_with_the_line_that_gives_it(administrator, cluster, pve, name, rights):
    pve.set_token_rights(rights)
    said = press(administrator, cluster)
    assert "pveum role add PortalNotifications --privs 'Mapping.Audit,Mapping.Modify,Sys.AccessNetwork'" in said
    assert f"--tokens '{cluster.token_id}'" in said
    assert not pve.cluster.notifications.webhooks
    assert not live(cluster).filter(expires_at=None).exists()


def test_a_version_without_webhooks_is_told(administrator, name):
    with Simulator(guests=0, nodes=1, version="8.2.4") as old:
        cluster = connect(old)
        said = press(administrator, cluster)
        assert "Proxmox VE 8.2.4, which cannot send to a webhook: that came with 8.3" in said
        assert not HookToken.objects.exists()


def test_a_cluster_that_is_away_is_told_and_the_old_token_goes_on(administrator, cluster, pve, name):
    press(administrator, cluster)
    Cluster.objects.update(version="9.1.1")
    first = pve.cluster.notifications.secrets[name]["token"]
    pve.stop()
    assert "cannot be reached" in press(administrator, cluster)
    assert hook_tokens.sender(Source.PROXMOX, first)
    assert live(cluster).filter(expires_at=None).get().digest == hook_tokens.digest(first)


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_only_who_may_edit_the_cluster_may_register_it(client, cluster, pve, name, role):
    client.force_login(seed.make_user(role))
    assert (
        "send-notifications"
        not in client.get(reverse("admin:servers_cluster_change", args=(cluster.pk,))).content.decode()
    )
    press(client, cluster)
    assert not pve.cluster.notifications.webhooks


def test_looking_registers_nothing_and_says_what_will_happen(administrator, cluster, pve, name):
    page = administrator.get(URL.format(pk=cluster.pk, what="send-notifications")).content.decode()
    assert name in page
    assert "of this machine alone" in page
    assert not pve.cluster.notifications.webhooks
    change = administrator.get(reverse("admin:servers_cluster_change", args=(cluster.pk,))).content.decode()
    assert "send-notifications" in change
    assert "stop-notifications" not in change


def test_the_token_is_on_no_page_and_in_no_record(administrator, cluster, pve, name):
    press(administrator, cluster)
    token = pve.cluster.notifications.secrets[name]["token"]
    page = administrator.get(reverse("admin:servers_cluster_change", args=(cluster.pk,))).content.decode()
    trail = str(list(LogEntry.objects.values_list("changes", flat=True)))
    assert token not in page + trail + "".join(HookToken.objects.values_list("secret", flat=True))


@pytest.mark.skipif(not SHARED.exists(), reason="Proxmox's API schema is not beside this repository")
@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_asked_is_in_the_schema(administrator, cluster, pve, name, version):
    press(administrator, cluster)
    press(administrator, cluster)
    press(administrator, cluster, "stop-notifications")
    asked = [row for row in pve.requests if "/notifications/" in row.path]
    assert {row.method for row in asked} == {"GET", "POST", "PUT", "DELETE"}
    assert [text for row in asked for text in complaints(version, row.method, row.path, row.params)] == []
