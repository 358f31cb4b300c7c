"""Power buttons: looking changes nothing, confirming queues, and whoever may not is turned away with a sentence."""

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME

from portal.lib import clock
from servers.models import Operation, OperationState
from tests.support import seed

pytestmark = pytest.mark.django_db


@pytest.fixture
def server():
    cluster = seed.make_cluster("berlin")
    return seed.make_server(cluster, seed.make_node(cluster, "pve1"), name="db-1", status="running")


def url(server, action="stop"):
    return f"/admin/servers/server/{server.pk}/power-{action}/"


def test_looking_changes_nothing_and_says_what_it_means(server):
    page = seed.browser("operator").get(url(server)).content.decode()
    assert "The plug is pulled" in page
    assert 'method="post"' in page
    assert not Operation.objects.exists()


def test_confirming_queues_and_leads_to_the_operation(server):
    page = seed.browser("operator").post(url(server, "shutdown"), follow=True)
    operation = Operation.objects.get()
    assert (operation.action, operation.state, operation.server) == ("shutdown", OperationState.QUEUED, server)
    assert page.redirect_chain[-1][0] == f"/admin/servers/operation/{operation.pk}/change/"
    assert "This page shows what becomes of it" in page.content.decode()


@pytest.mark.parametrize("role", ["", "viewer"])
def test_who_may_not_is_turned_away(server, role):
    answer = seed.browser(role).post(url(server), follow=True)
    assert answer.status_code == 403 or "You may not do that" in answer.content.decode()
    assert not Operation.objects.exists()


def test_an_anonymous_visitor_goes_to_the_login_page(server, client):
    assert "/login/" in client.post(url(server)).url
    assert not Operation.objects.exists()


def test_a_second_press_is_told_who_was_first(server):
    browser = seed.browser("operator")
    browser.post(url(server))
    page = browser.post(url(server, "reboot"), follow=True).content.decode()
    assert "asked for “Stop”" in page
    assert Operation.objects.count() == 1


def test_an_action_that_does_not_fit_the_state_is_not_offered_by_its_address(server):
    browser = seed.browser("operator")
    page = browser.get(url(server, "start")).content.decode()
    assert "“Start” does not fit now" in page
    assert "What fits: Shut down, Reboot, Stop, Suspend" in page
    assert 'class="pm-buttons"' in page
    assert '<form method="post" class="pm-buttons"' not in page
    answer = browser.post(url(server, "start"), follow=True).content.decode()
    assert "“Start” does not fit now" in answer
    assert not Operation.objects.exists()


def test_a_retired_server_has_no_buttons_and_refuses(server):
    type(server).objects.filter(pk=server.pk).update(retired_at=clock.now())
    page = seed.browser("operator").post(url(server), follow=True).content.decode()
    assert "is not possible any more" in page
    assert not Operation.objects.exists()


@pytest.mark.parametrize(
    ("status", "offered"), [("running", {"stop", "shutdown", "reboot", "suspend"}), ("stopped", {"start"})]
)
def test_the_page_offers_what_fits_the_state(server, status, offered):
    type(server).objects.filter(pk=server.pk).update(status=status)
    page = seed.browser("operator").get(f"/admin/servers/server/{server.pk}/change/").content.decode()
    assert {
        name for name in ["start", "stop", "shutdown", "reboot", "suspend", "resume"] if f"/power-{name}/" in page
    } == offered


def test_a_viewer_is_offered_nothing(server):
    assert "/power-" not in seed.browser("viewer").get(f"/admin/servers/server/{server.pk}/change/").content.decode()


def chosen(servers, action="shutdown_selected", **more):
    return {"action": action, ACTION_CHECKBOX_NAME: [server.pk for server in servers], **more}


def test_many_are_asked_about_on_a_page_and_then_queued(server):
    other = seed.make_server(server.cluster, server.node, name="web", status="running")
    off = seed.make_server(server.cluster, server.node, name="off", status="stopped")
    browser = seed.browser("operator")
    page = browser.post("/admin/servers/server/", chosen([server, other, off])).content.decode()
    assert "1 server is left out" in page
    assert "it is stopped" in page
    assert not Operation.objects.exists()
    done = browser.post("/admin/servers/server/", chosen([server, other], confirmed="yes"), follow=True)
    assert "asked of Proxmox for 2 servers" in done.content.decode()
    assert set(Operation.objects.values_list("server__name", flat=True)) == {"db-1", "web"}


def test_of_many_those_that_are_refused_are_named(server):
    template = seed.make_server(server.cluster, server.node, name="tpl", status="stopped", template=True)
    listed = "/admin/servers/server/?type=all"  # templates are shown to those who ask for them
    page = seed.browser("operator").post(listed, chosen([server, template], confirmed="yes"), follow=True)
    assert "is a template" in page.content.decode()
    assert Operation.objects.count() == 1


def test_a_viewer_cannot_act_on_many(server):
    seed.browser("viewer").post("/admin/servers/server/", chosen([server], confirmed="yes"))
    assert not Operation.objects.exists()


def test_the_live_parts_are_for_those_who_may_look(server):
    operation = Operation.objects.create(
        cluster=server.cluster, server=server, action="start", state=OperationState.RUNNING, log="starting\n<b>x</b>\n"
    )
    for address in ("/admin/servers/operation/live/", f"/admin/servers/operation/{operation.pk}/live/"):
        assert seed.browser("").get(address).status_code == 403
        page = seed.browser("viewer").get(address).content.decode()
        assert "db-1" in page
        assert "<b>x</b>" not in page
        assert "<html" not in page
