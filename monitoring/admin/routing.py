"""What routes and silences have to do with a server, a node or a cluster, on their pages."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from monitoring import caring
from monitoring.models import Incident
from monitoring.things import identity_of, labels_of
from notifications import may_see_rules, may_silence, muted_now, reach, silence_url, try_url
from portal.lib import show
from portal.lib.access import may
from portal.lib.sections import Section, section
from servers.models import Cluster, Node, Server


@section("servers.server", order=12)
def server_silences(request: HttpRequest, server: Server) -> Section | None:
    """What keeps a server quiet, whether anybody would be told, and a link that begins a silence."""
    return None if server.is_retired or server.template else _of(request, server)


@section("servers.node", order=12)
def node_silences(request: HttpRequest, node: Node) -> Section | None:
    """The same of a node and what is on it."""
    return _of(request, node)


@section("servers.cluster", order=12)
def cluster_silences(request: HttpRequest, cluster: Cluster) -> Section | None:
    """The same of a cluster and everything in it."""
    return _of(request, cluster)


@section("notifications.alertchannel:top", order=10)
def untold_incidents(request: HttpRequest, channel: Any) -> Section | None:
    """What began before there was a channel: it is told to a new one only if somebody says so."""
    if not channel.enabled or not may(request.user, "acknowledge", Incident) or not (found := caring.untold()):
        return None
    words = ngettext("%(count)d incident is open of which nobody was told, as it began before there was a channel.",
                     "%(count)d incidents are open of which nobody was told, as they began before there was a channel.",
                     len(found))  # fmt: skip
    link = show.link(reverse("admin:monitoring_incident_tell"), _("Tell them now"), "pm-button")
    facts = [(_("Not told"), words % {"count": len(found)}), (_("Say it after all"), link)]
    return Section(_("Open incidents"), "portal/facts.html", {"facts": facts}, icon="campaign", wide=True)


def _of(request: HttpRequest, thing: Server | Node | Cluster) -> Section | None:
    links = [(_("Silence it"), silence_url(identity_of(thing)))]
    return _quiet(request, labels_of(thing), links)


def _quiet(request: HttpRequest, labels: dict[str, str], links: list[tuple[str, str]]) -> Section | None:
    if not may_see_rules(request.user):
        return None
    found = [
        _("%(name)s, until %(until)s") % {"name": mute.name, "until": _when(mute.until)} for mute in muted_now(labels)
    ]
    offered = [show.link(url, text, "pm-button") for text, url in links] if may_silence(request.user) else []
    told = (
        show.badge(_("somebody is told"), show.GOOD) if reach()(labels) else show.badge(_("nobody is told"), show.BAD)
    )
    facts = [
        (_("Kept quiet by"), "; ".join(found) or _("nothing")),
        (_("If it is critical"), told),
        (_("Who would be told"), show.link(try_url(labels), _("Try the routes"))),
        (_("Keep it quiet"), SafeString(" ".join(offered))),
    ]
    return Section(
        _("Messages about it"), "portal/facts.html", {"facts": facts}, icon="notifications_paused", wide=True
    )


def _when(moment: Any) -> str:
    return formats.date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT")
