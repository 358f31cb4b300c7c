"""The list of servers and a server's page."""

from collections.abc import Sequence
from typing import Any, Final

from django.contrib import admin
from django.db.models import Max
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from portal.lib import show
from portal.lib.admin import SyncedAdmin
from servers.admin import filters, labels
from servers.admin.changing import ChangingPages
from servers.admin.creating.button import NewServerButton
from servers.admin.creating.restoring import RestoreNewOfServer
from servers.admin.events import EventPages
from servers.admin.many import ManyActions
from servers.admin.power import PowerButtons
from servers.admin.usage import attach
from servers.models import Backup, Cluster, Server

LONGEST_VMID: Final = 9  # Proxmox's greatest is 999999999


@admin.register(Server)
class ServerAdmin(
    NewServerButton, RestoreNewOfServer, EventPages, ChangingPages, PowerButtons, ManyActions, SyncedAdmin
):
    """Every virtual machine and container, of all clusters."""

    list_display = (
        "title",
        "state",
        "place",
        "cpu",
        "memory",
        "disk",
        "newest_backup_age",
        "owned",
        "tag_labels",
    )
    list_filter = (
        filters.ClusterFilter,
        filters.NodeFilter,
        filters.StatusFilter,
        filters.KindFilter,
        filters.OwnerFilter,
        filters.TagFilter,
        filters.EnvironmentFilter,
        filters.BackupAgeFilter,
        filters.LivingFilter,
    )
    list_select_related = ("cluster", "node")
    actions_detail: Sequence[Any] = (*PowerButtons.actions_detail, *ChangingPages.changing_menu)
    search_fields = ("name", "=vmid", "owner", "tags", "notes")
    search_help_text = _("Name, owner, tag, notes or whole VMID")
    ordering = ("vmid", "pk")
    operator_fields = ("owner", "environment", "expected_state", "exporter_port", "operator_address", "notes")
    export_columns = (
        "cluster__name",
        "vmid",
        "name",
        "kind",
        "status",
        "last_known_status",
        "node__name",
        "template",
        "tag_list",
        "pool",
        "lock",
        "max_cpu",
        "max_memory",
        "max_disk",
        "owner",
        "environment",
        "expected_state",
        "exporter_port",
        "operator_address",
        "notes",
        "first_seen",
        "status_since",
        "retired_at",
    )
    nothing_hint = _("Templates and retired servers are shown only where the filters “type” and “show” ask for them.")

    @property
    def empty_hint(self) -> Any:
        """Why there is none, and what to do first."""
        if not Cluster.objects.exists():
            return _("There is no cluster yet: add one under Clusters, and its servers appear here a moment later.")
        return _("A server appears here with the next sync after it appears in Proxmox.")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """A number that is somebody's VMID finds exactly those guests, and not every name with these digits."""
        term = search_term.strip()
        if term.isdecimal() and len(term) <= LONGEST_VMID:
            exact = queryset.filter(vmid=int(term))
            if exact.exists():
                return exact, False
        return super().get_search_results(request, queryset, search_term)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """What the operator says about it."""
        rows = [("owner", "environment"), ("expected_state", "exporter_port"), "operator_address", "notes"]
        words = _("Yours to write: the sync never touches it, and Proxmox never hears of it.")
        return [(_("What you say about it"), {"fields": rows, "description": words})]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Notes are a few lines, not a novel."""
        found = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "notes":
            found.widget.attrs["rows"] = 4
        return found

    def prepare(self, request: HttpRequest, rows: Sequence[Server]) -> None:
        """Usage from the cache, and the newest backups in one query."""
        attach(rows)
        kept = Backup.objects.filter(server__in=[row.pk for row in rows], gone_at=None).order_by().values("server")
        newest = dict(kept.annotate(newest=Max("created_at")).values_list("server", "newest"))
        for row in rows:
            row.newest = newest.get(row.pk)  # type: ignore[attr-defined]

    @display(description=_("server"), ordering="name")
    def title(self, server: Server) -> Any:
        """Name, with VMID and kind below."""
        kind = labels.kind_word(server)
        return format_html(
            '<span class="pm-name">{}</span><span class="pm-sub">{} {}</span>',
            server.name or _("unnamed"),
            kind,
            server.vmid,
        )

    @display(description=_("status"), ordering="status")
    def state(self, server: Server) -> Any:
        """Its state, lock and whether it is known."""
        return labels.server_status(server)

    @display(description=_("node"), ordering="node__name")
    def place(self, server: Server) -> Any:
        """The machine it is on, with its cluster below."""
        return labels.with_sub(labels.to(server.node), labels.to(server.cluster))

    @display(description=_("CPU"), ordering="max_cpu")
    def cpu(self, server: Any) -> Any:
        """The part of its cores that is busy."""
        part = server.usage.cpu if server.usage and server.status == "running" else None
        return show.bar(part, title=labels.cores(server.max_cpu))

    @display(description=_("memory"), ordering="max_memory")
    def memory(self, server: Any) -> Any:
        """The part of its memory that is in use."""
        used = server.usage.memory if server.usage and server.status == "running" else None
        return show.usage_bar(used, server.max_memory)

    @display(description=_("disk"), ordering="max_disk")
    def disk(self, server: Any) -> Any:
        """The part of its disk that is in use; of a VM Proxmox knows the size only."""
        used = server.usage.disk if server.usage else None
        return show.size(server.max_disk) if used is None else show.usage_bar(used, server.max_disk)

    @display(description=_("last backup"))
    def newest_backup_age(self, server: Any) -> Any:
        """How old the newest existing backup is."""
        return show.moment(server.newest, never=_("none"))

    @display(description=_("owner"), ordering="owner")
    def owned(self, server: Server) -> Any:
        """Whose it is, with its environment below."""
        return labels.with_sub(server.owner or show.DASH, server.environment)

    @display(description=_("tags"), ordering="tags")
    def tag_labels(self, server: Server) -> Any:
        """Its tags."""
        return labels.tags(server)
