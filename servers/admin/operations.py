"""Operations: the list, what is in progress (it refreshes itself), and one operation's page with its log."""

from typing import Any, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from portal.lib import clock, show
from portal.lib.access import may
from portal.lib.admin import SyncedAdmin
from portal.lib.buttons import list_url, object_url
from portal.lib.sections import FRONT, Section, Table, section
from servers.admin import batches, filters, labels, progress
from servers.admin.batches import BatchPages
from servers.admin.progress import RetryButtons, state
from servers.models import Action, Operation, OperationState, Server

SHOWN: Final = 20


class StateFilter(filters.ExactFilter):
    """By where it is; “in progress” takes all that are not over, “something is left” what could not be cleaned up."""

    title, parameter_name, column = gettext_lazy("state"), "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> filters.Choices:
        """The states, the active ones together, and those that left something in Proxmox."""
        return [("active", _("in progress")), *OperationState.choices, ("left", _("failed, and something is left"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those in that state."""
        if self.value() == "active":
            return queryset.filter(state__in=Operation.ACTIVE)
        if self.value() == "left":
            return queryset.filter(kept__has_key="left")
        return super().queryset(request, queryset)


class ActionFilter(filters.ExactFilter):
    """By what was asked."""

    title, parameter_name, column = gettext_lazy("action"), "action", "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> filters.Choices:
        """The actions."""
        return list(Action.choices)


@admin.register(Operation)
class OperationAdmin(RetryButtons, BatchPages, SyncedAdmin):
    """Read-only: operations are made by the buttons on servers."""

    list_display = ("what", "state_label", "server_link", "cluster_link", "who", "when", "took", "words")
    list_filter = (filters.ClusterFilter, filters.ServerFilter, StateFilter, ActionFilter)
    list_select_related = ("cluster", "server")
    search_fields = ("server__name", "=server__vmid", "requester", "message", "upid")
    search_help_text = gettext_lazy("Server, VMID, person, or Proxmox's words")
    ordering = ("-requested_at", "-pk")
    list_before_template = "servers/operations_top.html"
    actions_detail = ("retry", "rework")
    export_columns = (
        "requested_at", "requester", "action", "state", "cluster__name", "server__name", "server__vmid", "node_name",
        "finished_at", "message", "upid",
    )  # fmt: skip
    empty_hint = gettext_lazy("Start, stop and the like are kept here: press a button on a server's page.")

    def get_urls(self) -> list[URLPattern]:
        """The parts of pages that refresh themselves."""
        return [
            path("live/", self.admin_site.admin_view(self.live_list), name="servers_operation_live"),
            path("<int:pk>/live/", self.admin_site.admin_view(self.live_one), name="servers_operation_live_one"),
            *super().get_urls(),
        ]

    def live_list(self, request: HttpRequest) -> HttpResponse:
        """What is in progress, without the page around it."""
        if not may(request.user, "view", Operation):
            raise PermissionDenied
        return render(request, "portal/table.html", {"table": in_progress()})

    def live_one(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One operation, without the page around it."""
        operation = get_object_or_404(Operation.objects.select_related("server", "cluster", "retry_of"), pk=pk)
        if not may(request.user, "view", operation):
            raise PermissionDenied
        return render(request, "servers/operation_live.html", _context(operation))

    @display(description=gettext_lazy("action"), ordering="action")
    def what(self, operation: Operation) -> str:
        """What was asked."""
        return operation.get_action_display()

    @display(description=gettext_lazy("state"), ordering="state")
    def state_label(self, operation: Operation) -> Any:
        """Where it is."""
        return state(operation)

    @display(description=gettext_lazy("server"), ordering="server__name")
    def server_link(self, operation: Operation) -> Any:
        """Of which server."""
        return labels.to(operation.server) if operation.server else operation.subject

    @display(description=gettext_lazy("cluster"), ordering="cluster__name")
    def cluster_link(self, operation: Operation) -> Any:
        """Where."""
        return labels.to(operation.cluster)

    @display(description=gettext_lazy("asked by"), ordering="requester")
    def who(self, operation: Operation) -> str:
        """Who asked."""
        return operation.requester or show.DASH

    @display(description=gettext_lazy("asked"), ordering="requested_at")
    def when(self, operation: Operation) -> Any:
        """When."""
        return show.moment(operation.requested_at)

    @display(description=gettext_lazy("took"))
    def took(self, operation: Operation) -> str:
        """How long it took, or has taken."""
        return clock.span(operation.duration)

    @display(description=gettext_lazy("Proxmox says"))
    def words(self, operation: Operation) -> Any:
        """Proxmox's last word, or what is waited for."""
        return says(operation)


def says(operation: Operation) -> SafeString | str:
    """Proxmox's last word; while there is none, what is waited for or the last line of the log."""
    words = operation.message or operation.waiting_for
    if not words and operation.log:
        words = operation.log.rstrip().rpartition("\n")[2]
    return format_html('<span title="{}">{}</span>', words, words[:80]) if words else show.DASH


def in_progress() -> Table:
    """The table of what is not over."""
    found = Operation.objects.filter(state__in=Operation.ACTIVE).select_related("server", "cluster")
    rows = [
        [
            show.link(object_url(row), row.get_action_display()),
            labels.to(row.server) if row.server else row.subject,
            state(row),
            says(row),
            row.requester,
            clock.span(row.duration),
        ]
        for row in found.order_by("requested_at")[:SHOWN]
    ]
    head = [_("Action"), _("Server"), _("State"), _("Proxmox says"), _("Asked by"), _("For")]
    return Table(head, rows, _("Nothing is in progress."))


@section("servers.operation:top", order=10)
def operation_state(request: HttpRequest, operation: Operation) -> Section:
    """An operation's state and log, refreshing itself until it is over."""
    address = reverse("admin:servers_operation_live_one", args=(operation.pk,)) if operation.is_active else ""
    context = {**_context(operation), "live_url": address}
    return Section(str(operation), "servers/operation.html", context, icon="bolt", wide=True)


@section("servers.server", order=12)
def server_operations(request: HttpRequest, server: Server) -> Section | None:
    """What was asked of a server."""
    if not may(request.user, "view", Operation):
        return None
    rows = [
        [
            show.link(object_url(row), row.get_action_display()),
            state(row),
            says(row),
            row.requester,
            show.moment(row.requested_at),
        ]
        for row in Operation.objects.filter(server=server)[:8]
    ]
    if not rows:
        return None
    table = Table([_("Action"), _("State"), _("Proxmox says"), _("Asked by"), _("When")], rows)
    url = list_url(Operation, server=server.pk)
    return Section(
        _("Operations"), context={"table": table}, icon="bolt", url=url, url_text=_("All of them"), wide=True
    )


@section(FRONT, order=20)
def front_operations(request: HttpRequest, _subject: Any) -> Section | None:
    """What is in progress, on the front page; nothing where nothing is."""
    if not may(request.user, "view", Operation):
        return None
    table = in_progress()
    if not table.rows:
        return None
    url = list_url(Operation, state="active")
    return _card(_("In progress"), table, url)


def _card(title: str, table: Table, url: str) -> Section:
    return Section(title, context={"table": table}, icon="bolt", url=url, url_text=_("All of them"), wide=True)


def _context(operation: Operation) -> dict[str, Any]:
    return {"operation": operation, "facts": _facts(operation), "table": progress.stages(operation)}


def _facts(operation: Operation) -> list[tuple[str, Any]]:
    before = operation.retry_of
    return [
        (_("State"), state(operation)),
        (_("Server"), labels.to(operation.server) if operation.server else operation.subject),
        (_("Node"), operation.node_name),
        (_("Asked by"), operation.requester),
        (_("Asked"), show.moment(operation.requested_at)),
        (_("Asked for"), progress.asked_for(operation)),
        (_("Asked together"), batches.together(operation)),
        (_("Another try of"), show.link(object_url(before), f"#{before.pk}") if before else ""),
        (_("Sent"), show.moment(operation.sent_at, never=_("not yet")) if len(operation.plan.stages) == 1 else ""),
        (_("Took"), clock.span(operation.duration)),
        (_("Waiting for"), operation.waiting_for),
        (_("Proxmox says"), " ".join([operation.message, *progress.refusals(operation)]).strip()),
        (_("UPID"), operation.upid),
    ]
