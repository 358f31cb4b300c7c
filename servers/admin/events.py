"""What happened to a server: a few events on its page, all of them on a page of their own, filtered and as a file."""

import csv
import json
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.lib import audit, show
from portal.lib.access import may
from portal.lib.buttons import object_url
from portal.lib.export import plain
from portal.lib.sections import Section, Table, section
from servers import events
from servers.admin import progress, records
from servers.models import Action, Operation, Server, StateChange

FEW: Final = 10
SHOWN: Final = 200
SORTS: Final[dict[str, Any]] = {
    events.OPERATION: gettext_lazy("asked of Proxmox"),
    events.CHANGE: gettext_lazy("seen by the sync"),
    events.EDIT: gettext_lazy("written here"),
}
COLUMNS: Final = ("at", "sort", "actor", "what", "old", "new")


def _table(found: list[events.Event]) -> Table:
    rows = [
        [show.moment(event.at), show.badge(SORTS[event.sort]), event.actor or show.DASH, *_words(event)]
        for event in found
    ]
    head = [_("When"), _("Where from"), _("Who"), _("What"), _("Change")]
    return Table(head, rows, _("Nothing has changed since it was first seen."))


def _words(event: events.Event) -> list[Any]:
    if isinstance(event.row, Operation):
        return [show.link(object_url(event.row), Action(event.row.action).label), _operation(event.row)]
    if isinstance(event.row, StateChange):
        return [records.change_kind(event.row), records.change_text(event.row)]
    old, new = (audit.value(Server, event.what, text) or show.DASH for text in (event.old, event.new))
    return [audit.column(Server, event.what), format_html("{} → {}", old, new)]


def _operation(row: Operation) -> Any:
    """What was asked for and what became of it, in the person's language."""
    message = row.message[:300] if row.message not in ("", "OK") else ""
    parts = [part for part in (progress.asked_for(row), message) if part]
    return format_html('<span class="pm-told">{} {}</span>', progress.state(row), "; ".join(parts))


@section("servers.server", order=20)
def server_events(request: HttpRequest, server: Server) -> Section:
    """The newest events."""
    found = events.of_server(server, limit=FEW)
    url = reverse("admin:servers_server_events", args=(server.pk,)) if found else ""
    context = {"table": _table(found)}
    return Section(_("Events"), context=context, icon="history", url=url, url_text=_("All of them"), wide=True)


class EventPages:
    """For the ModelAdmin of servers: the page of all events."""

    def get_urls(self) -> list[URLPattern]:
        """With that page."""
        admin: Any = self
        view = admin.admin_site.admin_view(self.events_view)
        above: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        return [path("<int:pk>/events/", view, name="servers_server_events"), *above]

    def events_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The list, or with ``as=csv`` or ``as=json`` a file of it. Raises Http404, PermissionDenied."""
        admin: Any = self
        server = admin.object_once(request, str(pk))
        if server is None:
            raise Http404
        if not may(request.user, "view", server):
            raise PermissionDenied
        sort, actor = request.GET.get("sort", ""), request.GET.get("actor", "")
        every = events.of_server(server, sort if sort in events.SORTS else "", actor)
        kind = request.GET.get("as", "")
        if kind in ("csv", "json"):
            return _as_file(server, every, kind)
        actors = sorted({event.actor for event in events.of_server(server) if event.actor})
        chosen = {"sort": sort, "actor": actor}
        context = {
            **admin.admin_site.each_context(request), "opts": admin.opts, "original": server,
            "title": _("Events: %(server)s") % {"server": server}, "table": _table(every[:SHOWN]),
            "sorts": SORTS.items(), "actors": actors, "chosen": chosen, "more": max(0, len(every) - SHOWN),
            "query": urlencode({name: value for name, value in chosen.items() if value}),
            "back_url": object_url(server), "media": admin.media,
        }  # fmt: skip
        return TemplateResponse(request, "servers/events.html", context)


def _as_file(server: Server, found: list[events.Event], kind: str) -> HttpResponse:
    rows = [[plain(getattr(event, column)) for column in COLUMNS] for event in found]
    name = f'attachment; filename="events-{server.vmid}.{kind}"'
    if kind == "json":
        text = json.dumps([dict(zip(COLUMNS, row, strict=True)) for row in rows], ensure_ascii=False, indent=1)
        return HttpResponse(text, content_type="application/json", headers={"Content-Disposition": name})
    answer = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8", headers={"Content-Disposition": name})
    csv.writer(answer).writerows([COLUMNS, *rows])
    return answer
