"""What all pages of the admin have in common."""

import pytest
from django.test import override_settings

from tests.support import seed

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("role", "back"), [("viewer", True), ("administrator", False)])
def test_what_is_only_looked_at_has_a_way_back_at_its_foot_and_no_close(role, back):
    cluster = seed.make_cluster()
    page = seed.browser(role).get(f"/admin/servers/cluster/{cluster.pk}/change/?_changelist_filters=q%3Dab")
    text = page.content.decode()
    foot = text[text.index('id="submit-row"') :]
    assert ("Back to the list" in foot) is back
    assert ('name="_save"' in foot) is not back
    assert ("/admin/servers/cluster/?q=ab" in foot) is back


PAGES = ("/admin/", "/admin/servers/server/", "/admin/dashboards/business/", "/admin/monitoring/servercoverage/")


@pytest.mark.parametrize("address", PAGES)
def test_pages_need_no_redis(address, monkeypatch):
    """Also where there are so many servers that counts are kept for a while."""
    monkeypatch.setattr("servers.admin.numbers.MANY", 1)
    seed.make_server(seed.make_cluster())
    client = seed.browser("administrator")
    away = {"default": {"BACKEND": "portal.lib.cache.RedisCache", "LOCATION": "redis://127.0.0.1:1/1"}}
    with override_settings(CACHES=away):
        assert client.get(address).status_code == 200
