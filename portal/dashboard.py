"""The front page: what a person wants to have open all day. It composes what the apps register for it, and refreshes
itself through :func:`fragment`.

An app adds a card by registering a function for the place ``front`` of ``portal.lib.sections`` and a figure of the
first row for ``front:tiles``. Orders 10 to 29 are for what needs a person now ("open incidents", "operations in
progress"), 30 to 59 for the inventory, 60 and up for the rest.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from portal.lib import sections
from portal.lib.access import may
from servers.models import Cluster


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's callback for the index page."""
    return {**context, **_content(request), "title": _("Overview"), "refresh_url": reverse("overview")}


@never_cache
def fragment(request: HttpRequest) -> HttpResponse:
    """The cards alone, for the page that is open already."""
    return render(request, "portal/front.html", _content(request))


def _content(request: HttpRequest) -> dict[str, Any]:
    if not Cluster.objects.exists():
        may_add = may(request.user, "add", Cluster)
        return {"first": True, "may_add_cluster": may_add, "add_cluster_url": reverse("admin:servers_cluster_add")}
    return {
        "tiles": sections.render(sections.TILES, request),
        "cards": sections.render(sections.FRONT, request),
    }
