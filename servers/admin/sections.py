"""The sections of the pages of servers, nodes, storages, clusters and backups. Facts first, then what belongs to it."""

from typing import Any, Final

from django.http import HttpRequest
from django.utils.translation import gettext as _

from portal.lib import show
from portal.lib.access import may
from portal.lib.buttons import list_url
from portal.lib.sections import Section, Table, section
from servers.admin import facts, labels, records
from servers.models import Backup, BackupRun, Cluster, Node, Server, StateChange, Storage

ROWS: Final = 10


def _facts(title: str, found: facts.Facts, note: Any = "", warning: Any = "") -> Section:
    return Section(title, "portal/facts.html", {"facts": found, "warning": warning}, icon="info", note=note, wide=True)


@section("servers.server:top", order=10)
def server_facts(request: HttpRequest, server: Server) -> Section:
    """What Proxmox says about a server."""
    found, note, warning = facts.of_server(server)
    return _facts(_("What Proxmox says"), found, note, warning)


@section("servers.node:top", order=10)
def node_facts(request: HttpRequest, node: Node) -> Section:
    """What Proxmox says about a node."""
    found, note, warning = facts.of_node(node)
    return _facts(_("What Proxmox says"), found, note, warning)


@section("servers.storage:top", order=10)
def storage_facts(request: HttpRequest, storage: Storage) -> Section:
    """What Proxmox says about a storage."""
    return _facts(_("What Proxmox says"), facts.of_storage(storage))


@section("servers.cluster:top", order=10)
def cluster_facts(request: HttpRequest, cluster: Cluster) -> Section:
    """How it goes with a cluster."""
    found = facts.of_cluster(cluster)
    return Section(
        _("How it goes"), "servers/cluster_state.html", {"facts": found, "cluster": cluster}, "sync", wide=True
    )


@section("servers.backup:top", order=10)
def backup_facts(request: HttpRequest, backup: Backup) -> Section:
    """What Proxmox says about a backup."""
    return _facts(_("What Proxmox says"), facts.of_backup(backup))


@section("servers.backuprun:top", order=10)
def run_facts(request: HttpRequest, run: BackupRun) -> Section:
    """What Proxmox says about a run."""
    return _facts(_("What Proxmox says"), facts.of_run(run))


@section("servers.statechange:top", order=10)
def change_facts(request: HttpRequest, change: StateChange) -> Section:
    """One change."""
    return _facts(_("What happened"), facts.of_change(change))


# --- lists below the form: a few rows each, and a link to the rest


def _table(  # noqa: PLR0913, PLR0917  (a table has that many parts)
    title: str, icon: str, head: list[Any], rows: list[list[Any]], empty: Any, url: str
) -> Section:
    context = {"table": Table(head, rows, empty)}
    return Section(title, context=context, icon=icon, url=url if rows else "", url_text=_("All of them"), wide=True)


def _changes(request: HttpRequest, url: str, *, subject: bool = False, **condition: Any) -> Section | None:
    if not may(request.user, "view", StateChange):
        return None
    found = StateChange.objects.filter(**condition).select_related("cluster", "server", "node", "storage__node")
    rows = [
        [
            show.moment(change.at),
            *([labels.to(change.subject)] if subject else []),
            records.change_kind(change),
            records.change_text(change),
        ]
        for change in found[:ROWS]
    ]
    head = [_("When"), *([_("What")] if subject else []), _("Kind"), _("Change")]
    return _table(_("History"), "history", head, rows, _("Nothing has changed since it was first seen."), url)


@section("servers.node", order=40)
def node_changes(request: HttpRequest, node: Node) -> Section | None:
    """A node's history."""
    return _changes(request, list_url(StateChange, node=node.pk), node=node, server=None, storage=None)


@section("servers.storage", order=40)
def storage_changes(request: HttpRequest, storage: Storage) -> Section | None:
    """A storage's history."""
    return _changes(request, list_url(StateChange, storage=storage.pk), storage=storage)


@section("servers.cluster", order=40)
def cluster_changes(request: HttpRequest, cluster: Cluster) -> Section | None:
    """What changed in a cluster."""
    return _changes(request, list_url(StateChange, cluster=cluster.pk), subject=True, cluster=cluster)


@section("servers.server", order=30)
def server_backups(request: HttpRequest, server: Server) -> Section | None:
    """A server's backups."""
    if not may(request.user, "view", Backup):
        return None
    found = Backup.objects.filter(server=server, gone_at=None).select_related("storage__node")[:ROWS]
    rows = [
        [
            show.moment(row.created_at),
            show.size(row.size),
            records.backup_marks(row),
            labels.to(row.storage),
            labels.to(row, records.volume(row)),
        ]
        for row in found
    ]
    empty = _("There is no backup of it on any storage. Put it into a backup job in Proxmox (Datacenter, Backup).")
    head = [_("Made"), _("Size"), _("Marks"), _("Storage"), _("Volume")]
    return _table(_("Backups"), "inventory_2", head, rows, empty, list_url(Backup, server=server.pk))


@section("servers.server", order=31)
def server_runs(request: HttpRequest, server: Server) -> Section | None:
    """A server's backup runs."""
    if not may(request.user, "view", BackupRun):
        return None
    found = BackupRun.objects.filter(server=server)[:ROWS]
    rows = [
        [labels.to(row, show.moment(row.started_at)), records.outcome(row), records.length(row), records.says(row)]
        for row in found
    ]
    head = [_("Started"), _("Outcome"), _("Duration"), _("Proxmox says")]
    return _table(
        _("Backup runs"), "backup", head, rows, _("No run of it is known."), list_url(BackupRun, server=server.pk)
    )


@section("servers.node", order=20)
def node_servers(request: HttpRequest, node: Node) -> Section | None:
    """The servers on a node: those that use most first is Prometheus's business; here they come by VMID."""
    if not may(request.user, "view", Server):
        return None
    found = Server.objects.filter(node=node, retired_at=None).order_by("vmid")[: ROWS * 5]
    rows = [
        [
            row.vmid,
            labels.to(row, row.name or _("unnamed")),
            labels.server_status(row),
            labels.kind_word(row),
            row.owner or show.DASH,
        ]
        for row in found
    ]
    head = [_("VMID"), _("Name"), _("Status"), _("Type"), _("Owner")]
    url = list_url(Server, node=node.pk, type="all")
    return _table(_("Servers on it"), "dns", head, rows, _("No server is on this node."), url)


@section("servers.node", order=30)
def node_storages(request: HttpRequest, node: Node) -> Section | None:
    """The storages of a node."""
    if not may(request.user, "view", Storage):
        return None
    found = Storage.objects.filter(node=node, retired_at=None).order_by("name")[: ROWS * 2]
    rows = [
        [
            labels.to(row, row.name),
            labels.storage_status(row),
            show.usage_bar(row.used, row.size),
            show.size(row.size),
            row.plugin_type,
        ]
        for row in found
    ]
    head = [_("Name"), _("Status"), _("In use"), _("Size"), _("Type")]
    return _table(
        _("Storages of its own"),
        "hard_drive",
        head,
        rows,
        _("It has none of its own."),
        list_url(Storage, node=node.pk),
    )


@section("servers.storage", order=20)
def storage_backups(request: HttpRequest, storage: Storage) -> Section | None:
    """The newest backups on a storage."""
    if not may(request.user, "view", Backup) or "backup" not in storage.content:
        return None
    found = Backup.objects.filter(storage=storage, gone_at=None).select_related("server")[:ROWS]
    rows = [
        [
            labels.to(row, show.moment(row.created_at)),
            records.of_server(row),
            show.size(row.size),
            records.backup_marks(row),
        ]
        for row in found
    ]
    head = [_("Made"), _("Server"), _("Size"), _("Marks")]
    return _table(
        _("Newest backups"),
        "inventory_2",
        head,
        rows,
        _("There is no backup on it."),
        list_url(Backup, storage=storage.pk),
    )


@section("servers.cluster", order=20)
def cluster_nodes(request: HttpRequest, cluster: Cluster) -> Section | None:
    """The nodes of a cluster."""
    if not may(request.user, "view", Node):
        return None
    found = Node.objects.filter(cluster=cluster, retired_at=None).order_by("name")[: ROWS * 4]
    rows = [
        [labels.to(row), labels.node_status(row), row.address or show.DASH, show.moment(row.status_since)]
        for row in found
    ]
    head = [_("Name"), _("Status"), _("Address"), _("Since")]
    return _table(
        _("Nodes"),
        "host",
        head,
        rows,
        _("No node is known yet: the first good sync brings them."),
        list_url(Node, cluster=cluster.pk),
    )
