"""The facts on the pages: what Proxmox says, or last said, in words and figures."""

from typing import Any

from django.utils.html import format_html
from django.utils.translation import gettext as _

from portal.lib import clock, show
from portal.lib.buttons import list_url
from servers import console
from servers.admin import labels, records, usage
from servers.figures import Figures
from servers.models import Backup, BackupRun, Cluster, Node, NodeStatus, Server, StateChange, Storage

# Title and value of each; the page leaves out those without a value.
Facts = list[tuple[str, Any]]


def of_server(server: Server) -> tuple[Facts, Any, str]:
    """The facts of a server, how old its figures are, and a warning where they are the past."""
    now = usage.of(server)
    running = server.status == "running"
    cpu = show.bar(now.cpu if now and running else None, title=labels.cores(server.max_cpu))
    memory = show.usage_bar(now.memory if now and running else None, server.max_memory)
    found: Facts = [
        (_("Status"), labels.server_status(server)),
        (_("In this state since"), show.moment(server.status_since)),
        (_("Type and VMID"), f"{labels.kind_word(server)} {server.vmid}"),
        (_("Cluster"), labels.to(server.cluster)),
        (_("Node"), labels.to(server.node)),
        (_("Address"), _address(server)),
        (_("Console"), _console(server)),
        (_("CPU"), format_html("{} <small>{}</small>", cpu, labels.cores(server.max_cpu))),
        (_("Memory"), format_html("{} <small>{}</small>", memory, show.size(server.max_memory))),
        (_("Disk"), _disk(server, now.disk if now else None)),
        (_("Up for"), labels.uptime(now.uptime) if now and now.uptime else ""),
        (_("Network in, out"), _pair(now.net_in, now.net_out) if now and running else ""),
        (_("Tags"), labels.tags(server) if server.tags else ""),
        (_("Pool"), server.pool),
        (_("HA state"), server.ha_state),
        (_("First seen"), show.moment(server.first_seen)),
        (_("Retired"), show.moment(server.retired_at) if server.retired_at else ""),
    ]
    return found, _figures_of(now), _staleness(server)


def _address(server: Server) -> Any:
    """Where it is reached, and who says so; or why nobody can say."""
    teller = _("its guest agent") if server.kind == "qemu" else _("its container")
    if server.operator_address:
        note = _("given by an operator")
    elif not server.agent_asked_at:
        return ""
    elif server.agent_error:
        note = _("asked %(when)s: %(error)s") % {"when": clock.ago(server.agent_asked_at), "error": server.agent_error}
    else:
        note = _("told by %(teller)s, %(when)s") % {"teller": teller, "when": clock.ago(server.agent_asked_at)}
    return format_html('{} <small class="pm-break">{}</small>', server.address or _("unknown"), note)


def _console(server: Server) -> Any:
    """A link to Proxmox's own console, and the line for a shell. Whoever opens it logs in there."""
    if server.is_retired or server.template:
        return ""
    url, line = console.url(server), console.shell_line(server)
    link = format_html('<a class="pm-link" href="{}" target="_blank" rel="noopener noreferrer">{}</a>',
                       url, _("Open in Proxmox")) if url else ""  # fmt: skip
    shell = format_html('<code class="pm-code">{}</code>', line) if line else ""
    return format_html("{} {}", link, shell) if link or shell else ""


def _disk(server: Server, used: int | None) -> Any:
    """Size, and use where Proxmox knows it: of a VM it does not."""
    if used is None:
        return show.size(server.max_disk)
    return format_html("{} <small>{}</small>", show.usage_bar(used, server.max_disk), show.size(server.max_disk))


def _pair(one: int | None, other: int | None) -> str:
    return f"{show.size(one)}, {show.size(other)}"


def _figures_of(now: Figures | None) -> Any:
    return format_html("{} {}", _("figures of"), show.moment(now.taken_at)) if now else _("no recent figures")


def _staleness(server: Server) -> str:
    if server.is_retired:
        return _("It is gone from Proxmox. What stands here is history.")
    if not labels.is_stale(server):
        return ""
    if server.node and server.node.status != NodeStatus.ONLINE:
        return _(
            "Its node %(node)s is %(status)s, so nobody can say how it is: what stands here is the last known."
        ) % {
            "node": server.node.name,
            "status": server.node.get_status_display(),
        }
    return _("Proxmox cannot say how it is: what stands here is the last known.")


def of_node(node: Node) -> tuple[Facts, Any, str]:
    """The facts of a node, how old its figures are, and a warning where it is not there."""
    now = usage.of(node)
    found: Facts = [
        (_("Status"), labels.node_status(node)),
        (_("In this state since"), show.moment(node.status_since)),
        (_("Cluster"), labels.to(node.cluster)),
        (_("Address"), node.address),
        (_("CPU"), format_html("{} <small>{}</small>", show.bar(now.cpu if now else None), labels.cores(node.max_cpu))),
        (_("Memory"), _used(now.memory if now else None, node.max_memory)),
        (_("Root disk"), _used(now.disk if now else None, node.max_disk)),
        (_("Up for"), labels.uptime(now.uptime) if now and now.uptime else ""),
        (_("Subscription"), node.support_level),
        (_("First seen"), show.moment(node.first_seen)),
        (_("Retired"), show.moment(node.retired_at) if node.retired_at else ""),
    ]
    down = node.status == NodeStatus.OFFLINE and not node.is_retired
    warning = _("It is offline: of its servers nobody can say how they are.") if down else ""
    return found, _figures_of(now), warning


def _used(used: int | None, whole: int | None) -> Any:
    return format_html("{} <small>{}</small>", show.usage_bar(used, whole), show.size(whole))


def of_storage(storage: Storage) -> Facts:
    """The facts of a storage."""
    return [
        (_("Status"), labels.storage_status(storage)),
        (_("In use"), show.usage_bar(storage.used, storage.size)),
        (_("Used"), show.size(storage.used)),
        (_("Size"), show.size(storage.size)),
        (_("Type"), storage.plugin_type),
        (_("Content"), storage.content.replace(",", ", ")),
        (_("Cluster"), labels.to(storage.cluster)),
        (_("Node"), labels.to(storage.node) if storage.node else _("shared by all nodes")),
        (_("First seen"), show.moment(storage.first_seen)),
        (_("Retired"), show.moment(storage.retired_at) if storage.retired_at else ""),
    ]


def _seconds(number: float | None) -> str:
    return _("%(seconds)s s") % {"seconds": f"{number:.1f}"} if number is not None else ""


def of_cluster(cluster: Cluster) -> Facts:
    """How the syncs go."""
    quorum = {True: show.badge(_("yes"), show.GOOD), False: show.badge(_("no"), show.BAD), None: ""}[cluster.quorate]
    return [
        (_("State"), labels.cluster_status(cluster)),
        (_("Last good sync"), show.moment(cluster.last_success_at)),
        (_("Last attempt"), show.moment(cluster.last_attempt_at)),
        (_("Next sync"), show.moment(cluster.due_at) if cluster.enabled and cluster.refusals > 1 else ""),
        (_("Took"), _seconds(cluster.last_duration)),
        (_("Failing since"), show.moment(cluster.failing_since) if cluster.failing_since else ""),
        (_("Failed in a row"), cluster.failures or ""),
        ("Proxmox VE", cluster.version),
        (_("Quorum"), quorum),
        (_("Servers"), show.link(list_url(Server, cluster=cluster.pk), _("show them"))),
        (_("Storages"), show.link(list_url(Storage, cluster=cluster.pk), _("show them"))),
        (_("Added"), show.moment(cluster.created_at)),
    ]


def of_backup(backup: Backup) -> Facts:
    """The facts of a backup."""
    return [
        (_("Volume"), records.volume(backup)),
        (_("Server"), records.of_server(backup)),
        (_("Made"), show.moment(backup.created_at)),
        (_("Size"), show.size(backup.size)),
        (_("Marks"), records.backup_marks(backup)),
        (_("Format"), backup.format),
        (_("Storage"), labels.to(backup.storage)),
        (_("Cluster"), labels.to(backup.cluster)),
        (_("Notes"), backup.notes),
        (_("Gone"), show.moment(backup.gone_at) if backup.gone_at else ""),
    ]


def of_run(run: BackupRun) -> Facts:
    """The facts of a backup run."""
    return [
        (_("Outcome"), records.outcome(run)),
        (_("Server"), records.of_server(run)),
        (_("Started"), show.moment(run.started_at)),
        (_("Took"), clock.span(run.ended_at - run.started_at) if run.ended_at else ""),
        (_("Node"), run.node_name),
        (_("User"), run.user),
        (_("Cluster"), labels.to(run.cluster)),
        (_("Proxmox says"), run.message),
        ("UPID", format_html('<span class="pm-mono pm-break">{}</span>', run.upid)),
    ]


def of_change(change: StateChange) -> Facts:
    """The facts of a change."""
    return [
        (_("When"), show.moment(change.at)),
        (_("What"), labels.to(change.subject)),
        (_("Kind"), records.change_kind(change)),
        (_("Column"), change.column),
        (_("Before"), change.before),
        (_("After"), change.after),
        (_("Cluster"), labels.to(change.cluster)),
    ]
