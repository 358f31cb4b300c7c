"""The list of nodes and a node's page."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from portal.lib import show
from portal.lib.admin import SyncedAdmin
from portal.lib.buttons import list_url
from servers.admin import filters, labels
from servers.admin.usage import attach
from servers.models import Node, NodeStatus, Server


class NodeStatusFilter(filters.ExactFilter):
    """By a node's state."""

    title, parameter_name, column = _("status"), "status", "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> filters.Choices:
        """Proxmox's words."""
        return list(NodeStatus.choices)


@admin.register(Node)
class NodeAdmin(SyncedAdmin):
    """The machines of all clusters."""

    list_display = ("name", "state", "cluster_link", "servers", "cpu", "memory", "disk", "uptime", "address", "since")
    list_filter = (filters.ClusterFilter, NodeStatusFilter, filters.LivingFilter)
    list_select_related = ("cluster",)
    search_fields = ("name", "address")
    search_help_text = _("Name or address")
    ordering = ("name", "pk")
    export_columns = (
        "cluster__name",
        "name",
        "status",
        "address",
        "max_cpu",
        "max_memory",
        "max_disk",
        "support_level",
        "status_since",
        "first_seen",
        "retired_at",
    )
    empty_hint = _("Nodes appear with the first sync of their cluster.")

    def prepare(self, request: HttpRequest, rows: Sequence[Node]) -> None:
        """Usage from the cache, and the servers of each in one query."""
        attach(rows)
        living = Server.objects.filter(node__in=[row.pk for row in rows], retired_at=None, template=False).order_by()
        counted = living.values("node").annotate(all=Count("pk"), running=Count("pk", filter=Q(status="running")))
        counts = {row["node"]: (row["running"], row["all"]) for row in counted}
        for row in rows:
            row.counts = counts.get(row.pk, (0, 0))  # type: ignore[attr-defined]

    @display(description=_("status"), ordering="status")
    def state(self, node: Node) -> Any:
        """Its state."""
        return labels.node_status(node)

    @display(description=_("cluster"), ordering="cluster__name")
    def cluster_link(self, node: Node) -> Any:
        """Where it belongs."""
        return labels.to(node.cluster)

    @display(description=_("servers running"))
    def servers(self, node: Any) -> Any:
        """How many of its servers run, as a link to all of them."""
        running, total = node.counts
        text = _("%(part)d of %(all)d") % {"part": running, "all": total}
        return show.link(list_url(Server, node=node.pk, type="guest"), text)

    @display(description=_("CPU"), ordering="max_cpu")
    def cpu(self, node: Any) -> Any:
        """The part of its cores that is busy."""
        return show.bar(node.usage.cpu if node.usage else None, title=labels.cores(node.max_cpu))

    @display(description=_("memory"), ordering="max_memory")
    def memory(self, node: Any) -> Any:
        """The part of its memory that is in use."""
        return show.usage_bar(node.usage.memory if node.usage else None, node.max_memory)

    @display(description=_("root disk"), ordering="max_disk")
    def disk(self, node: Any) -> Any:
        """The part of its root disk that is in use."""
        return show.usage_bar(node.usage.disk if node.usage else None, node.max_disk)

    @display(description=_("uptime"))
    def uptime(self, node: Any) -> Any:
        """How long it has been up."""
        return labels.uptime(node.usage.uptime if node.usage else None)

    @display(description=_("so since"), ordering="status_since")
    def since(self, node: Node) -> Any:
        """How long it has been in this state."""
        return show.moment(node.status_since)
