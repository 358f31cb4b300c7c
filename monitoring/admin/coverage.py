"""The list of servers with what of monitoring they lack, and the card that counts them."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display

from monitoring import coverage, stack
from monitoring.models import ServerCoverage
from portal.lib import clock, show
from portal.lib.admin import SyncedAdmin
from portal.lib.buttons import object_url
from servers.models import Backup, Cluster, Server

Choices = list[tuple[str, Any]]


class GapFilter(DropdownFilter):
    """Those that lack something, unless others are asked for."""

    title, parameter_name = gettext_lazy("what is missing"), "gap"
    all_option = None

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """Each part, any of them, nothing, or all servers."""
        return [("", _("anything")), *coverage.PARTS.items(), ("none", _("nothing")), ("every", _("all servers"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those with a gap by default."""
        value = self.value() or coverage.ALL
        if value == "every":
            return queryset
        if value == "none":
            return queryset.exclude(coverage.without(coverage.ALL))
        known = value if value in coverage.PARTS else coverage.ALL
        return queryset.filter(coverage.without(known))


class _ValueFilter(DropdownFilter):
    column = ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset.filter(**{self.column: value}) if value else queryset


class ClusterFilter(_ValueFilter):
    """By cluster."""

    title, parameter_name, column = gettext_lazy("cluster"), "cluster", "cluster__name"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """Every cluster."""
        return [(name, name) for name in Cluster.objects.values_list("name", flat=True)]


class EnvironmentFilter(_ValueFilter):
    """By environment."""

    title, parameter_name, column = gettext_lazy("environment"), "environment", "environment"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """Every environment that occurs."""
        found = Server.objects.filter(retired_at=None).exclude(environment="").order_by("environment")
        return [(name, name) for name in found.values_list("environment", flat=True).distinct()]


@admin.register(ServerCoverage)
class ServerCoverageAdmin(SyncedAdmin):
    """Read-only: what is missing is mended on the server's own page."""

    list_display = ("server", "cluster_name", "lacks", "exporter", "newest", "owned_by", "environment")
    list_display_links = None
    list_filter = (GapFilter, ClusterFilter, EnvironmentFilter)
    list_select_related = ("cluster",)
    search_fields = ("name", "=vmid", "owner", "tags")
    search_help_text = gettext_lazy("Name, VMID, owner or tag")
    ordering = ("cluster__name", "vmid")
    export_columns = (
        "name", "vmid", "cluster__name", "environment", "owner", "exporter_port", "newest_backup", "has_backup",
    )  # fmt: skip

    @property
    def empty_title(self) -> str:
        """An empty list is good news, unless there is nothing to judge."""
        return _("Nothing is missing") if _servers_exist() else _("No server yet")

    @property
    def empty_hint(self) -> str:
        """Why it is empty."""
        if not _servers_exist():
            return _("What your servers lack is listed here as soon as a cluster was synced.")
        return _("Every server has an exporter, a recent backup and an owner, and somebody would be told.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The living servers, judged."""
        return coverage.judged(super().get_queryset(request), clock.now())

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """With a word while the backups of a new cluster are being listed."""
        if Backup.are_unread(Cluster.objects.all()):
            words = _("The backups of a new cluster are still being listed: servers may seem to have none.")
            messages.info(request, words)
        return super().changelist_view(request, extra_context)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """The server's own page."""
        return HttpResponseRedirect(reverse("admin:servers_server_change", args=(object_id,)))

    def prepare(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """What Prometheus says of their exporters was asked by the stack's page."""
        report = stack.kept()
        health = {target.labels.get("server_id"): target for target in report.targets} if report else {}
        for row in rows:
            row.gaps = coverage.gaps(row)
            row.target = health.get(str(row.pk))

    @display(description=gettext_lazy("server"), ordering="name")
    def server(self, row: Any) -> Any:
        """A link to its page, where the gap is closed."""
        return show.link(reverse("admin:servers_server_change", args=(row.pk,)), row, "pm-name")

    @display(description=gettext_lazy("cluster"), ordering="cluster__name")
    def cluster_name(self, row: Any) -> Any:
        """Where it is."""
        return show.link(object_url(row.cluster), row.cluster)

    @display(description=gettext_lazy("missing"))
    def lacks(self, row: Any) -> Any:
        """Its gaps."""
        if not row.gaps:
            return show.badge(_("nothing"), show.GOOD)
        return show.badges((coverage.SHORT[part], show.WARN) for part in row.gaps)

    @display(description=gettext_lazy("exporter"), ordering="exporter_port")
    def exporter(self, row: Any) -> Any:
        """Its port, and whether Prometheus reaches it."""
        if row.exporter_port is None:
            return show.DASH
        if row.target is None:
            return str(row.exporter_port)
        up = row.target.health == "up"
        words = _("%(port)d, up") if up else _("%(port)d, down")
        tone = show.GOOD if up else show.BAD
        return show.badge(words % {"port": row.exporter_port}, tone, title=row.target.error)

    @display(description=gettext_lazy("newest backup"), ordering="newest_backup")
    def newest(self, row: Any) -> Any:
        """Its age."""
        return show.moment(row.newest_backup)

    @display(description=gettext_lazy("owner"), ordering="owner")
    def owned_by(self, row: Any) -> str:
        """Whose it is."""
        return row.owner or show.DASH


def _servers_exist() -> bool:
    return Server.objects.filter(retired_at=None, template=False).exists()
