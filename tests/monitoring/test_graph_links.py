"""Where a message leads: the page of its server, node or cluster, with the range that tells of the trouble."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from monitoring import graph_links
from monitoring.models import Incident
from monitoring.telling import _message
from notifications import Status
from portal.lib import clock
from tests.support import seed

pytestmark = pytest.mark.django_db


def incident(**columns):
    server = seed.make_server(seed.make_cluster("demo"), vmid=100)
    return Incident(
        server=server, cluster=server.cluster, title="x", severity="critical", condition="guest_down",
        opened_at=clock.now() - timedelta(hours=3), **columns,
    )  # fmt: skip


def test_an_open_incident_leads_to_its_server_from_an_hour_before_it_until_now(settings):
    one = incident()
    parts = urlsplit(graph_links.of(one))
    asked = parse_qs(parts.query)
    assert graph_links.of(one).startswith(f"{settings.PORTAL_URL}/admin/servers/server/{one.server.pk}/change/?")
    assert int(asked["from"][0]) == int((one.opened_at - timedelta(hours=1)).timestamp() * 1000)
    assert asked["to"] == ["now"]


def test_one_that_is_over_ends_half_an_hour_later():
    closed = clock.now() - timedelta(hours=1)
    asked = parse_qs(urlsplit(graph_links.of(incident(closed_at=closed))).query)
    assert int(asked["to"][0]) == int((closed + timedelta(minutes=30)).timestamp() * 1000)


def test_the_message_carries_it_and_the_page_opens_with_that_range(settings):
    one = incident()
    one.save()
    message = _message(one, Status.FIRING, "It is down.", clock.now())
    address = graph_links.of(one)
    assert address in message.text
    page = seed.browser("viewer").get(address.removeprefix(settings.PORTAL_URL) + "&renderer=portal").text
    assert f'data-from="{parse_qs(urlsplit(address).query)["from"][0][:-3]}000"' in page
