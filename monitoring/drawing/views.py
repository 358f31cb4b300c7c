"""What the browser asks for: a panel's numbers, the same as a file, and a page of one panel alone."""

import gzip
import json
from collections.abc import Callable
from typing import Any, Final

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from monitoring.drawing import access, definitions, figures, files, proxmox, ranges
from monitoring.drawing import marks as incidents
from monitoring.drawing.asking import Trouble
from monitoring.exposition import takes_gzip
from monitoring.panel_queries import UnknownVariable
from monitoring.panels import Panel
from portal.lib.access import may
from servers.models import Server

WORTH_PACKING: Final = 1000  # bytes
Found = dict[str, Any]


@never_cache
@require_safe
def data(request: HttpRequest, uid: str, number: int) -> HttpResponse:
    """A panel's numbers as JSON, or why there are none. 404 for a panel, or a thing, that is not there for them."""
    _panel, found = _asked(request, uid, number)
    return _json(request, found)


@never_cache
@require_safe
def csv(request: HttpRequest, uid: str, number: int) -> HttpResponse:
    """The same as a file; 503 with the sentence where there is none."""
    return _file(*_asked(request, uid, number))


@never_cache
@require_safe
def marks(request: HttpRequest, uid: str) -> HttpResponse:
    """The incidents of a range, of everything or of the chosen things, as JSON. 404 as for a panel's numbers."""
    asked = request.GET.dict()
    variables = access.variables(request.user, uid, asked)
    by_name = access.by_name(access.find_dashboard(request.user, uid))
    return _json(request, incidents.of(request.user, variables, ranges.read(asked), by_name=by_name))


@never_cache
@require_safe
def page(request: HttpRequest, uid: str, number: int) -> HttpResponse:
    """One panel on a page of its own, to be linked."""
    panel = access.find(request.user, uid, number)
    variables = access.variables(request.user, uid, request.GET.dict())
    alone = {**definitions.of(panel, variables), "grid": {"x": 1, "y": 1, "w": 24, "h": 14}}
    context = {
        **admin.site.each_context(request),
        "title": " · ".join([panel.title, *variables.values()]),
        "panels": [alone],
        "variables": variables,
        "marks": definitions.marks(uid, variables),
    }
    return TemplateResponse(request, "monitoring/panels/page.html", context)


@never_cache
@require_safe
def proxmox_data(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """What Proxmox keeps of a server, as JSON. 404 for a server that is not there for them."""
    _panel, found = _asked_of_proxmox(request, pk, number)
    return _json(request, found)


@never_cache
@require_safe
def proxmox_csv(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """The same as a file."""
    return _file(*_asked_of_proxmox(request, pk, number))


def _asked(request: HttpRequest, uid: str, number: int) -> tuple[Panel, Found]:
    asked = request.GET.dict()
    panel = access.find(request.user, uid, number)
    variables = access.variables(request.user, uid, asked)
    return panel, _or_trouble(lambda: figures.of(panel, variables, ranges.read(asked)))


def _asked_of_proxmox(request: HttpRequest, pk: int, number: int) -> tuple[Panel, Found]:
    server = Server.objects.select_related("cluster", "node").filter(pk=pk).first()
    panel = proxmox.panel(server, number) if server else None
    if server is None or panel is None or not may(request.user, "view", server):
        raise Http404
    return panel, _or_trouble(lambda: proxmox.figures(server, number, ranges.read(request.GET.dict())))


def _or_trouble(answer: Callable[[], Found]) -> Found:
    try:
        return answer()
    except Trouble as trouble:
        told = trouble
    except UnknownVariable:
        told = Trouble("choose", _("These panels show one thing: choose it in the fields above."), retry=0)
    return {"trouble": {"kind": told.kind, "sentence": told.sentence, "hint": told.hint, "retry": told.retry}}


def _json(request: HttpRequest, found: Found) -> HttpResponse:
    body = json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode()
    packed = len(body) > WORTH_PACKING and takes_gzip(request.headers.get("Accept-Encoding", ""))
    answer = HttpResponse(gzip.compress(body, 5) if packed else body, content_type="application/json")
    if packed:
        answer["Content-Encoding"] = "gzip"
    answer["Vary"] = "Accept-Encoding"
    return answer


def _file(panel: Panel, found: Found) -> HttpResponse:
    if trouble := found.get("trouble"):
        text = f"{trouble['sentence']} {trouble['hint']}".strip()
        return HttpResponse(f"{text}\n", status=503, content_type="text/plain; charset=utf-8")
    return files.answer(panel, found)
