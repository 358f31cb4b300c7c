"""Dashboards in the admin: one page each, and the bar that chooses what they show.

Whether Grafana shows them or the portal draws them is decided when the page opens; the addresses are the same.
"""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from monitoring import panels
from monitoring.admin import rangebar
from monitoring.drawing import access, definitions
from monitoring.grafana import frames, health
from monitoring.grafana.identity import identity_of
from monitoring.panels import Dashboard

# How a page is shown where its address says so: as somebody wished, or because the browser saw Grafana go away, which
# is for that one look.
WISHED, AWAY = rangebar.WISHED, "away"


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The first dashboard."""
    found = panels.dashboards()
    if not found:
        raise Http404
    return HttpResponseRedirect(reverse("dashboard", args=(found[0].uid,)))


@never_cache
@require_safe
def page(request: HttpRequest, uid: str) -> HttpResponse:
    """A dashboard. 404 for one that is not shipped, and for things that this person may not see."""
    try:
        shown = panels.dashboard(uid)
    except panels.UnknownDashboard:
        raise Http404 from None
    asked = {name: value for name, value in request.GET.dict().items() if name.startswith(access.PREFIX) and value}
    # Dashboards are for all of the staff; a single thing is for those who may see it.
    variables = access.variables(request.user, uid, asked) if asked else {}
    bar = rangebar.of(request, shown, variables)
    found = answers(request, uid)
    context = {
        **admin.site.each_context(request),
        "title": shown.title,
        "dashboard": shown,
        "tabs": _tabs(shown, bar.kept),
        "bar": bar,
        "choices": rangebar.choices(request.user, shown, variables),
        "frames": [frames.whole(shown, variables)] if found.answers else [],
        "grafana": frames.link_of(shown, variables),
        "line": found.line,
        "other_way": other_way(request, framed=found.answers),
        "panels": shown.panels,
        "variables": variables,
        "marks": definitions.marks(uid, variables),
        "range": bar.range,
    }
    return TemplateResponse(request, "monitoring/dashboard.html", context)


def answers(request: HttpRequest, uid: str) -> health.Health:
    """Whether Grafana shows that dashboard to this person now; no, where the address asks for the portal's drawing."""
    asked = request.GET.get("renderer")
    if asked == WISHED:
        return health.Health(answers=False, line=health.DRAWN)
    return health.silent() if asked == AWAY else health.look(identity_of(request.user), uid)


def other_way(request: HttpRequest, *, framed: bool) -> dict[str, Any]:
    """The link to the other renderer: the portal's, which has tables and files, or back to Grafana; {} without one."""
    asked = {name: value for name, value in request.GET.dict().items() if name not in {"from", "to", "refresh"}}
    wished = asked.pop("renderer", "") == WISHED
    if framed:
        asked["renderer"] = WISHED
    elif not wished or not health.configured():
        return {}
    words = _("Tables and files: draw by the portal") if framed else _("Show in Grafana")
    return {"url": f"?{urlencode(asked)}", "text": words, "icon": "query_stats" if framed else "frame_inspect"}


def _tabs(shown: Dashboard, kept: dict[str, str]) -> list[dict[str, Any]]:
    """The dashboards that show everything, and the one that is open."""
    query = f"?{urlencode(kept)}" if kept else ""
    return [
        {"title": one.title, "url": reverse("dashboard", args=(one.uid,)) + query, "here": one is shown}
        for one in panels.dashboards()
        if one is shown or all(variable.multiple for variable in one.variables)
    ]
