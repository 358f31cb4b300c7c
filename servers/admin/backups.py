"""The lists of backups that exist and of the runs that make them."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from portal.lib import clock, show
from portal.lib.admin import SyncedAdmin
from servers.admin import filters, labels, records
from servers.admin.creating.restoring import RestoreNewOfBackup
from servers.models import Backup, BackupRun, Outcome


class VerificationFilter(filters.ExactFilter):
    """By what Proxmox Backup Server found."""

    title, parameter_name, column = _("verification"), "verification", "verification"

    def lookups(self, request: HttpRequest, model_admin: Any) -> filters.Choices:
        """Verified, failed, or never looked at."""
        return [("ok", _("verified")), ("failed", _("verification failed")), ("never", _("not verified"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Those."""
        return queryset.filter(verification="") if self.value() == "never" else super().queryset(request, queryset)


class OutcomeFilter(filters.ExactFilter):
    """By how the run ended."""

    title, parameter_name, column = _("outcome"), "outcome", "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> filters.Choices:
        """The outcomes."""
        return list(Outcome.choices)


class StartedFilter(filters.ExactFilter):
    """By when the run started."""

    title, parameter_name, column = _("started"), "started", "started_at"

    def lookups(self, request: HttpRequest, model_admin: Any) -> filters.Choices:
        """Recent ones."""
        return [("day", _("within a day")), ("week", _("within a week"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Those that started since."""
        days = {"day": 1, "week": 7}.get(self.value() or "")
        return queryset.filter(started_at__gte=clock.now() - timedelta(days=days)) if days else queryset


@admin.register(Backup)
class BackupAdmin(RestoreNewOfBackup, SyncedAdmin):
    """Every backup on every storage."""

    list_display = ("made", "server_link", "weight", "marks", "storage_link", "volume")
    list_filter = (
        filters.ClusterFilter,
        VerificationFilter,
        filters.ServerFilter,
        filters.StorageFilter,
        filters.BackupLivingFilter,
    )
    list_select_related = ("cluster", "storage", "storage__node", "server")
    search_fields = ("volid", "=vmid", "notes", "server__name")
    search_help_text = _("Volume, VMID, notes or server")
    ordering = ("-created_at", "-pk")
    export_columns = (
        "cluster__name",
        "storage__name",
        "volid",
        "vmid",
        "server__name",
        "size",
        "created_at",
        "verification",
        "protected",
        "encrypted",
        "notes",
        "gone_at",
    )
    empty_hint = _("Backups on the clusters' storages appear within a few minutes of the first sync.")

    @display(description=_("volume"), ordering="volid")
    def volume(self, backup: Backup) -> Any:
        """What Proxmox calls it, without the storage's name."""
        return records.volume(backup)

    @display(description=_("server"), ordering="vmid")
    def server_link(self, backup: Backup) -> Any:
        """The server it is of, or the bare VMID where we know no such server."""
        return records.of_server(backup)

    @display(description=_("made"), ordering="created_at")
    def made(self, backup: Backup) -> Any:
        """How long ago."""
        return show.moment(backup.created_at)

    @display(description=_("size"), ordering="size")
    def weight(self, backup: Backup) -> str:
        """Its size on the storage."""
        return show.size(backup.size)

    @display(description=_("marks"))
    def marks(self, backup: Backup) -> Any:
        """Gone, verified, protected, encrypted."""
        return records.backup_marks(backup)

    @display(description=_("storage"), ordering="storage__name")
    def storage_link(self, backup: Backup) -> Any:
        """Where it lies, with the cluster below."""
        return labels.with_sub(labels.to(backup.storage), labels.to(backup.cluster))


@admin.register(BackupRun)
class BackupRunAdmin(SyncedAdmin):
    """Every vzdump task that the clusters told of."""

    list_display = ("started", "server_link", "result", "duration", "says", "place", "user")
    list_filter = (filters.ClusterFilter, OutcomeFilter, StartedFilter, filters.ServerFilter)
    list_select_related = ("cluster", "server")
    list_display_links = ("started",)
    search_fields = ("upid", "=vmid", "message", "node_name", "server__name")
    search_help_text = _("UPID, VMID, node, server or message")
    ordering = ("-started_at", "-pk")
    export_columns = (
        "cluster__name",
        "node_name",
        "vmid",
        "server__name",
        "started_at",
        "ended_at",
        "outcome",
        "message",
        "user",
        "upid",
    )
    empty_hint = _("Runs of vzdump appear within a few minutes after they start.")

    @display(description=_("started"), ordering="started_at")
    def started(self, run: BackupRun) -> Any:
        """How long ago."""
        return show.moment(run.started_at)

    @display(description=_("server"), ordering="vmid")
    def server_link(self, run: BackupRun) -> Any:
        """The server, the bare VMID, or that it was a job of several."""
        return records.of_server(run)

    @display(description=_("outcome"), ordering="outcome")
    def result(self, run: BackupRun) -> Any:
        """How it ended."""
        return records.outcome(run)

    @display(description=_("duration"))
    def duration(self, run: BackupRun) -> str:
        """How long it took."""
        return records.length(run)

    @display(description=_("Proxmox says"))
    def says(self, run: BackupRun) -> Any:
        """The last word of the task, shortened."""
        return records.says(run)

    @display(description=_("node"), ordering="node_name")
    def place(self, run: BackupRun) -> Any:
        """Where it ran, with the cluster below."""
        return labels.with_sub(run.node_name, labels.to(run.cluster))
