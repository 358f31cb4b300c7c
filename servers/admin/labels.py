"""The words and colours of states, the same on every page."""

from datetime import timedelta
from typing import Any, Final

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.lib import clock, show
from portal.lib.buttons import list_url, object_url
from servers.models import Cluster, Node, NodeStatus, Server, ServerStatus, Storage

STATUS_TONES: Final[dict[str, str]] = {
    ServerStatus.RUNNING: show.GOOD,
    ServerStatus.STOPPED: show.MUTED,
    ServerStatus.PAUSED: show.WARN,
    ServerStatus.SUSPENDED: show.WARN,
    ServerStatus.PRELAUNCH: show.CALM,
    ServerStatus.IO_ERROR: show.BAD,
    ServerStatus.UNKNOWN: show.WARN,
}
NODE_TONES: Final[dict[str, str]] = {
    NodeStatus.ONLINE: show.GOOD,
    NodeStatus.OFFLINE: show.BAD,
    NodeStatus.UNKNOWN: show.WARN,
}


def status_word(status: str) -> str:
    """A server's state in the person's language; a state that we have no word for stays as Proxmox spells it."""
    return str(dict(ServerStatus.choices).get(status, status)) or show.DASH


def is_stale(server: Server) -> bool:
    """Whether what we know of it is the past: its node is not there, so nobody can say."""
    return server.status == ServerStatus.UNKNOWN


def server_status(server: Server) -> SafeString:
    """Its state as a label, with what it was last known to be, and with its lock."""
    if server.is_retired:
        return show.badge(_("retired"), show.MUTED)
    labels: list[tuple[object, str]] = [(status_word(server.status), STATUS_TONES.get(server.status, show.WARN))]
    if is_stale(server) and server.last_known_status:
        was = _("last known: %(status)s") % {"status": status_word(server.last_known_status)}
        labels.append((was, show.MUTED))
    if server.lock:
        labels.append((_("locked: %(lock)s") % {"lock": server.lock}, show.WARN))
    if server.template:
        labels.append((_("template"), show.CALM))
    return show.badges(labels)


def node_status(node: Node) -> SafeString:
    """Its state as a label."""
    if node.is_retired:
        return show.badge(_("retired"), show.MUTED)
    return show.badge(node.get_status_display(), NODE_TONES.get(node.status, show.WARN))


def storage_status(storage: Storage) -> SafeString:
    """Whether Proxmox can reach it."""
    if storage.is_retired:
        return show.badge(_("retired"), show.MUTED)
    words = {"available": _("available"), "unknown": _("unknown"), "": _("unknown")}
    tone = show.GOOD if storage.status == "available" else show.WARN
    return show.badge(words.get(storage.status, storage.status), tone)


def cluster_status(cluster: Cluster) -> SafeString:
    """How the last sync went, whether it is stale, and whether the cluster has its quorum."""
    if not cluster.enabled:
        return show.badge(_("disabled"), show.MUTED)
    if cluster.last_success_at is None and not cluster.last_error:
        return show.badge(_("first sync is due"), show.CALM)
    labels: list[tuple[object, str]] = [
        (_("sync works"), show.GOOD) if cluster.healthy else (_("sync fails"), show.BAD)
    ]
    if cluster.quorate is False:
        labels.append((_("no quorum"), show.BAD))
    if cluster.last_success_at and not cluster.is_fresh(clock.now()):
        labels.append((_("stale"), show.WARN))
    if cluster.held_retirements:
        labels.append((_("asks about retirements"), show.WARN))
    return show.badges(labels)


def tags(server: Server) -> SafeString | str:
    """Its tags, each a link to the servers that have it too."""
    if not server.tag_list:
        return show.DASH
    found = [show.link(list_url(Server, tag=tag), tag, "pm-badge pm-tag") for tag in server.tag_list]
    return format_html('<span class="pm-badges">{}</span>', SafeString("".join(found)))


def to(subject: Any, text: object = "") -> SafeString | str:
    """A link to that thing's page; a dash where there is none."""
    return show.link(object_url(subject), text or subject) if subject is not None else show.DASH


def with_sub(first: object, second: object) -> SafeString:
    """Two things in one cell, the second one small below the first; nothing below where there is none."""
    if not second or second == show.DASH:
        return format_html("{}", first)
    return format_html('{}<span class="pm-sub">{}</span>', first, second)


def kind_word(server: Server) -> str:
    """What sort of guest it is."""
    return str(_("template") if server.template else server.get_kind_display())


def cores(number: int | None) -> str:
    """A number of processor cores."""
    return ngettext("%d core", "%d cores", number) % number if number else show.DASH


def uptime(seconds: int | None) -> str:
    """How long it has been up; a dash where that is unknown."""
    return clock.span(timedelta(seconds=seconds)) if seconds else show.DASH
