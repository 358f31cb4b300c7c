"""The list of storages and a storage's page."""

from typing import Any

from django.contrib import admin
from django.db.models import F
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from portal.lib import show
from portal.lib.admin import SyncedAdmin
from servers.admin import filters, labels
from servers.models import Storage


class SharedFilter(filters.ExactFilter):
    """Shared by all nodes, or of one node."""

    title, parameter_name, column = _("shared"), "shared", "shared"

    def lookups(self, request: HttpRequest, model_admin: Any) -> filters.Choices:
        """Yes or no."""
        return [("1", _("shared")), ("0", _("of one node"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Those that are, or are not."""
        return queryset.filter(shared=self.value() == "1") if self.value() in {"0", "1"} else queryset


class StorageStatusFilter(filters.ExactFilter):
    """By whether Proxmox can reach it."""

    title, parameter_name, column = _("status"), "status", "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> filters.Choices:
        """Available or not."""
        return [("available", _("available")), ("unknown", _("unknown"))]


class UsageFilter(filters.ExactFilter):
    """By how full it is."""

    title, parameter_name, column = _("in use"), "usage", "used"

    def lookups(self, request: HttpRequest, model_admin: Any) -> filters.Choices:
        """From where a bar turns red."""
        return [("full", _("90 % and more"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Those that are as full."""
        full = {"size__gt": 0, "used__gte": F("size") * show.BAD_FROM}
        return queryset.filter(**full) if self.value() == "full" else queryset


@admin.register(Storage)
class StorageAdmin(SyncedAdmin):
    """The storages of all clusters; a shared one once."""

    list_display = ("name", "state", "usage", "used_size", "whole_size", "kind", "cluster_link", "node_link", "holds")
    list_filter = (
        filters.ClusterFilter,
        filters.NodeFilter,
        StorageStatusFilter,
        UsageFilter,
        SharedFilter,
        filters.LivingFilter,
    )
    list_select_related = ("cluster", "node")
    search_fields = ("name", "plugin_type", "content")
    search_help_text = _("Name, type or content")
    ordering = ("name", "pk")
    export_columns = (
        "cluster__name",
        "node__name",
        "name",
        "plugin_type",
        "content",
        "shared",
        "status",
        "used",
        "size",
        "first_seen",
        "retired_at",
    )
    empty_hint = _("Storages appear with the first sync of their cluster.")

    @display(description=_("status"), ordering="status")
    def state(self, storage: Storage) -> Any:
        """Whether it can be reached."""
        return labels.storage_status(storage)

    @display(description=_("in use"), ordering="used")
    def usage(self, storage: Storage) -> Any:
        """The part that is in use."""
        return show.usage_bar(storage.used, storage.size)

    @display(description=_("used"), ordering="used")
    def used_size(self, storage: Storage) -> str:
        """Used space."""
        return show.size(storage.used)

    @display(description=_("size"), ordering="size")
    def whole_size(self, storage: Storage) -> str:
        """Whole space."""
        return show.size(storage.size)

    @display(description=_("type"), ordering="plugin_type")
    def kind(self, storage: Storage) -> Any:
        """Proxmox's word for it, and whether it is shared."""
        found: list[tuple[object, str]] = [(storage.plugin_type or show.DASH, show.MUTED)]
        if storage.shared:
            found.append((_("shared"), show.CALM))
        return show.badges(found)

    @display(description=_("cluster"), ordering="cluster__name")
    def cluster_link(self, storage: Storage) -> Any:
        """Where it belongs."""
        return labels.to(storage.cluster)

    @display(description=_("node"), ordering="node__name")
    def node_link(self, storage: Storage) -> Any:
        """Its node; a shared one has none."""
        return labels.to(storage.node) if storage.node else _("all nodes")

    @display(description=_("content"))
    def holds(self, storage: Storage) -> str:
        """What it may hold."""
        return storage.content.replace(",", ", ") or show.DASH
