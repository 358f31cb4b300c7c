"""A server's snapshots, on its page."""

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.lib import show
from portal.lib.access import may
from portal.lib.sections import Section, Table, section
from servers.admin.changing.pages import form_url
from servers.models import Action, GuestSnapshot, Server

SHOWN = 20


@section("servers.server", order=28)
def server_snapshots(request: HttpRequest, server: Server) -> Section | None:
    """Its snapshots, the newest first; nothing where Proxmox has not told of any."""
    if server.is_retired or server.template:
        return None
    found = list(GuestSnapshot.objects.filter(server=server)[: SHOWN + 1])
    rows = [
        [
            row.name,
            show.moment(row.taken_at, never=_("not told")),
            show.badge(_("with memory"), show.CALM) if row.memory else "",
            row.parent or show.DASH,
            row.description,
        ]
        for row in found[:SHOWN]
    ]
    table = Table([_("Name"), _("Taken"), "", _("After"), _("Description")], rows, _empty(server))
    url = form_url(server, Action.SNAPSHOT) if may(request.user, "operate", server) else ""
    note = ngettext("%(count)d snapshot", "%(count)d snapshots", len(rows)) % {"count": len(rows)} if rows else ""
    return Section(
        _("Snapshots"), context={"table": table}, icon="photo_camera", note=note, url=url,
        url_text=_("Take a snapshot"), wide=True,
    )  # fmt: skip


def _empty(server: Server) -> str:
    if server.snapshots_due_at is None:
        return _("Proxmox has not been asked yet which snapshots it has: that takes a few minutes.")
    return _("It has no snapshot.")
