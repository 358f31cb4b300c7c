"""The inventory's part of the front page."""

from typing import Any, Final

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.lib import show
from portal.lib.access import may
from portal.lib.buttons import list_url, object_url
from portal.lib.sections import FRONT, TILES, Section, Table, section, tile
from servers.admin import ages, labels, numbers, records
from servers.admin.usage import attach
from servers.models import Backup, BackupRun, Cluster, Node, NodeStatus, Server, ServerStatus, StateChange, Storage

AGE_TONES: Final[dict[str, str]] = {"day": show.GOOD, "week": show.CALM, "old": show.WARN, "none": show.BAD}


# --- the first row


@section(TILES, order=30)
def servers_tile(request: HttpRequest, _subject: None) -> Section | None:
    """Running servers of all."""
    if not may(request.user, "view", Server):
        return None
    counts = numbers.of(request).servers
    total = sum(counts.values())
    below = ngettext("of %(count)d server", "of %(count)d servers", total) % {"count": total}
    url = list_url(Server, status=ServerStatus.RUNNING, type="guest")
    return tile(_("Running"), counts.get(ServerStatus.RUNNING, 0), below, icon="dns", url=url)


@section(TILES, order=31)
def nodes_tile(request: HttpRequest, _subject: None) -> Section | None:
    """Online nodes of all."""
    if not may(request.user, "view", Node):
        return None
    counts = numbers.of(request).nodes
    total, online = sum(counts.values()), counts.get(NodeStatus.ONLINE, 0)
    lost = total - online
    below = ngettext("of %(count)d node", "of %(count)d nodes", total) % {"count": total}
    if lost:
        below = ngettext("%(count)d is not there", "%(count)d are not there", lost) % {"count": lost}
    return tile(_("Nodes online"), online, below, icon="host", url=list_url(Node), alarm=bool(lost))


@section(TILES, order=32)
def storage_tile(request: HttpRequest, _subject: None) -> Section | None:
    """How full the fullest storage is."""
    fullest = numbers.of(request).fullest_storages if may(request.user, "view", Storage) else []
    if not fullest:
        return None
    first = fullest[0]
    part = first.usage_ratio
    alarm = show.load_tone(part) == show.BAD
    return tile(
        _("Fullest storage"), show.share(part), str(first), icon="hard_drive", url=object_url(first), alarm=alarm
    )


@section(TILES, order=33)
def backups_tile(request: HttpRequest, _subject: None) -> Section | None:
    """Servers with a backup of the last day."""
    if not (may(request.user, "view", Server) and may(request.user, "view", Backup)):
        return None
    counts = numbers.of(request).backups
    below = ngettext("%(count)d has no backup", "%(count)d have no backup", counts["none"]) % {"count": counts["none"]}
    if numbers.of(request).backups_unread:
        below = _("not read yet")
    url = list_url(Server, backup="day", type="guest")
    return tile(_("Backed up today"), counts["day"], below, icon="inventory_2", url=url)


@section(TILES, order=34)
def clusters_tile(request: HttpRequest, _subject: None) -> Section | None:
    """Clusters whose sync works."""
    if not may(request.user, "view", Cluster):
        return None
    enabled = [cluster for cluster in numbers.of(request).clusters if cluster.enabled]
    good = sum(1 for cluster in enabled if cluster.healthy)
    failing = len([cluster for cluster in enabled if cluster.last_error])
    below = ngettext("of %(count)d cluster", "of %(count)d clusters", len(enabled)) % {"count": len(enabled)}
    if failing:
        below = ngettext("%(count)d fails", "%(count)d fail", failing) % {"count": failing}
    return tile(_("Syncs that work"), good, below, icon="hub", url=list_url(Cluster), alarm=bool(failing))


# --- the cards


def _count(text: Any, tone: str, number: int, url: str) -> dict[str, Any]:
    return {"text": text, "tone": tone, "number": number, "url": url}


@section(FRONT, order=30)
def servers_card(request: HttpRequest, _subject: None) -> Section | None:
    """Servers by status."""
    if not may(request.user, "view", Server):
        return None
    found = numbers.of(request).servers
    order = [status for status in ServerStatus.values if status in found]
    order += sorted(set(found) - set(order))
    counts = [
        _count(
            labels.status_word(status),
            labels.STATUS_TONES.get(status, show.WARN),
            found[status],
            list_url(Server, status=status, type="guest"),
        )
        for status in order
    ]
    empty = _("No server is known yet: the first good sync brings them.")
    context = {"counts": counts, "empty": empty}
    return Section(
        _("Servers by status"), "portal/counts.html", context, "dns", url=list_url(Server), url_text=_("All servers")
    )


@section(FRONT, order=31)
def backups_card(request: HttpRequest, _subject: None) -> Section | None:
    """Servers by the age of their newest backup."""
    if not (may(request.user, "view", Server) and may(request.user, "view", Backup)):
        return None
    found = numbers.of(request).backups
    steps = [(key, words) for key, words, _younger, _older in ages.BACKUP_AGES] + [("none", _("none at all"))]
    counts = [
        _count(words, AGE_TONES[key], found[key], list_url(Server, backup=key, type="guest")) for key, words in steps
    ]
    failed = numbers.of(request).failed_runs
    note: Any = ""
    if failed:
        words = ngettext("%(count)d run failed today", "%(count)d runs failed today", failed) % {"count": failed}
        note = show.link(list_url(BackupRun, outcome="failure", started="day"), words, "pm-link pm-ink-bad")
    context = {"counts": counts if sum(found.values()) else [], "empty": _("No server is known yet.")}
    if numbers.of(request).backups_unread:
        context = {
            "counts": [],
            "empty": _("The storages are being asked for their backups: this takes a few minutes."),
        }
    return Section(
        _("Newest backup of each server"),
        "portal/counts.html",
        context,
        "inventory_2",
        note,
        list_url(Backup),
        _("All backups"),
    )


@section(FRONT, order=32)
def nodes_card(request: HttpRequest, _subject: None) -> Section | None:
    """Some nodes with their load, those in trouble first."""
    if not may(request.user, "view", Node):
        return None
    several = len(numbers.of(request).clusters) > 1
    nodes: list[Any] = numbers.of(request).first_nodes
    attach(nodes)
    rows = []
    for node in nodes:
        now = node.usage
        cpu = show.bar(now.cpu if now else None)
        memory = show.usage_bar(now.memory if now else None, node.max_memory)
        name = labels.with_sub(labels.to(node), node.cluster.name if several else "")
        rows.append([name, labels.node_status(node), cpu, memory])
    table = Table([_("Node"), _("Status"), _("CPU"), _("Memory")], rows, _("No node is known yet."))
    return Section(_("Nodes"), context={"table": table}, icon="host", url=list_url(Node), url_text=_("All nodes"))


@section(FRONT, order=33)
def storages_card(request: HttpRequest, _subject: None) -> Section | None:
    """The fullest storages."""
    if not may(request.user, "view", Storage):
        return None
    rows = [
        [labels.to(row), show.usage_bar(row.used, row.size), show.size(row.size), labels.to(row.cluster)]
        for row in numbers.of(request).fullest_storages
    ]
    counts = numbers.of(request).storages
    note: Any = ""
    if counts["full"]:
        words = ngettext("%(count)d is full", "%(count)d are full", counts["full"]) % {"count": counts["full"]}
        note = show.link(list_url(Storage, usage="full"), words, "pm-link pm-ink-bad")
    table = Table([_("Storage"), _("In use"), _("Size"), _("Cluster")], rows, _("No storage tells how full it is yet."))
    all_text = _("All %(count)d storages") % {"count": counts["all"]}
    return Section(
        _("Fullest storages"), "portal/table.html", {"table": table}, "hard_drive", note, list_url(Storage), all_text
    )


@section(FRONT, order=40)
def clusters_card(request: HttpRequest, _subject: None) -> Section | None:
    """The last sync of each cluster, with its error."""
    if not may(request.user, "view", Cluster):
        return None
    rows = [
        [
            labels.to(cluster),
            labels.cluster_status(cluster),
            show.moment(cluster.last_success_at),
            cluster.last_error,
        ]
        for cluster in numbers.of(request).clusters
    ]
    table = Table([_("Cluster"), _("State"), _("Last good sync"), _("Error")], rows, folds=True)
    return Section(
        _("Clusters"),
        context={"table": table},
        icon="hub",
        url=list_url(Cluster),
        url_text=_("All clusters"),
        wide=True,
    )


@section(FRONT, order=50)
def changes_card(request: HttpRequest, _subject: None) -> Section | None:
    """The latest changes."""
    if not may(request.user, "view", StateChange):
        return None
    rows = [
        [show.moment(change.at), labels.to(change.subject), records.change_kind(change), records.change_text(change)]
        for change in numbers.of(request).changes
    ]
    empty = _("Nothing has changed since the first sync.")
    table = Table([_("When"), _("What"), _("Kind"), _("Change")], rows, empty, folds=True)
    url = list_url(StateChange)
    return Section(
        _("Latest changes"), context={"table": table}, icon="history", url=url, url_text=_("All changes"), wide=True
    )
