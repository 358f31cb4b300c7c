"""The history: what changed, when, from what to what."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from portal.lib import show
from portal.lib.admin import SyncedAdmin
from servers.admin import filters, labels, records
from servers.models import ChangeKind, StateChange


class ChangeKindFilter(filters.ExactFilter):
    """By what sort of thing happened."""

    title, parameter_name, column = _("kind"), "kind", "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> filters.Choices:
        """The kinds."""
        return list(ChangeKind.choices)


@admin.register(StateChange)
class StateChangeAdmin(SyncedAdmin):
    """Read-only."""

    list_display = ("when", "what", "sort", "change", "cluster_link")
    list_filter = (
        filters.ClusterFilter,
        filters.ServerFilter,
        filters.OfNodeFilter,
        filters.StorageFilter,
        ChangeKindFilter,
    )
    list_select_related = ("cluster", "server", "node", "storage", "storage__node")
    search_fields = ("server__name", "=server__vmid", "node__name", "storage__name", "field", "old", "new")
    search_help_text = _("Server, VMID, node, storage, or a word of the change")
    ordering = ("-at", "-pk")
    export_columns = (
        "at",
        "cluster__name",
        "server__name",
        "server__vmid",
        "node__name",
        "storage__name",
        "kind",
        "field",
        "old",
        "new",
    )
    empty_hint = _("Every start, stop, move and change of a setting is kept here from the first sync on.")

    @display(description=_("when"), ordering="at")
    def when(self, change: StateChange) -> Any:
        """How long ago."""
        return show.moment(change.at)

    @display(description=_("what"))
    def what(self, change: StateChange) -> Any:
        """The thing that changed."""
        return labels.to(change.subject)

    @display(description=_("kind"), ordering="kind")
    def sort(self, change: StateChange) -> Any:
        """What sort of change it was."""
        return records.change_kind(change)

    @display(description=_("change"))
    def change(self, change: StateChange) -> Any:
        """From what to what."""
        return records.change_text(change)

    @display(description=_("cluster"), ordering="cluster__name")
    def cluster_link(self, change: StateChange) -> Any:
        """Where it happened."""
        return labels.to(change.cluster)
