"""What webhooks took, as it came, with the button that has it read once more."""

import json
from typing import Any, Final

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display

from monitoring import inbound
from monitoring.listening import ProxmoxListener
from monitoring.models import Inbound, Source
from portal.lib import show
from portal.lib.access import may
from portal.lib.admin import SyncedAdmin
from portal.lib.audit import note
from portal.lib.buttons import Confirmation, Outcome, list_url, object_button, object_url
from portal.lib.nudge import nudge_one
from portal.lib.sections import Section, Table, section
from servers.models import Cluster

SHOWN: Final = 20_000
ROWS: Final = 5


class SenderFilter(DropdownFilter):
    """By who sent it."""

    title, parameter_name = gettext_lazy("sender"), "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The senders."""
        return list(Source.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those of one sender."""
        return queryset.filter(source=self.value()) if self.value() else queryset


class StateFilter(DropdownFilter):
    """By what became of it."""

    title, parameter_name = gettext_lazy("state"), "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Waiting, or with something to say."""
        return [("waiting", _("waiting")), ("remarks", _("something was left out"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those in one state."""
        if self.value() == "waiting":
            return queryset.filter(processed_at=None)
        return queryset.exclude(error="") if self.value() == "remarks" else queryset


def _about_replaying(row: Inbound) -> Confirmation:
    return Confirmation(
        title=_("Process again"),
        question=_("Read this message of %(sender)s once more?") % {"sender": row.get_source_display()},
        points=[
            _("Nothing is doubled: an alert is known by sender, fingerprint and start."),
            _("What could not be understood is tried again; what is known already changes nothing."),
        ],
        button=_("Process again"),
    )


@admin.register(Inbound)
class InboundAdmin(SyncedAdmin):
    """Read-only but for reading it again."""

    list_display = ("sender", "of_cluster", "when", "state", "taken", "remark")
    list_filter = (SenderFilter, StateFilter)
    list_select_related = ("cluster",)
    search_fields = ("error", "cluster__name")
    search_help_text = gettext_lazy("What was left out and why, or cluster")
    ordering = ("-received_at", "-pk")
    actions_detail = ("replay",)
    export_columns = ("source", "cluster__name", "received_at", "processed_at", "attempts", "taken", "error")
    empty_hint = gettext_lazy(
        "Nobody has told the portal anything yet. Alertmanager, Grafana and Proxmox may: see Webhook tokens, and "
        "“Proxmox's notifications” on a cluster's page."
    )

    def has_replay_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the button is offered."""
        return self.allows(request, "replay", obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Inbound]:
        """A list needs no bodies: one may have megabytes. Nor the canary, which comes every minute."""
        rows: QuerySet[Inbound] = super().get_queryset(request)
        return rows.filter(canary=False).defer("body")

    @display(description=gettext_lazy("sender"), ordering="source")
    def sender(self, row: Inbound) -> str:
        """Who sent it."""
        return row.get_source_display()

    @display(description=gettext_lazy("cluster"), ordering="cluster__name")
    def of_cluster(self, row: Inbound) -> Any:
        """The cluster that sent it."""
        return show.link(object_url(row.cluster), row.cluster) if row.cluster else show.DASH

    @display(description=gettext_lazy("received"), ordering="received_at")
    def when(self, row: Inbound) -> Any:
        """When it came."""
        return show.moment(row.received_at)

    @display(description=gettext_lazy("state"), ordering="processed_at")
    def state(self, row: Inbound) -> Any:
        """Whether it was read."""
        return _state(row)

    @display(description=gettext_lazy("left out, and why"))
    def remark(self, row: Inbound) -> str:
        """The first of what was left out."""
        return Truncator(row.error.partition("\n")[0]).chars(90) or show.DASH

    @object_button(
        permission="replay",
        description=gettext_lazy("Process again"),
        path="process-again",
        icon="replay",
        confirmation=_about_replaying,
    )
    def replay(self, request: HttpRequest, row: Inbound) -> Outcome:
        """Have a worker read it once more."""
        if not inbound.again(row):
            return Outcome(_("It is being read already."), messages.INFO)
        note(row, {"processed_at": (row.processed_at, "")})
        self.log_change(request, row, _("Asked for it to be processed again."))
        from monitoring.tasks import take_waiting

        nudge_one(take_waiting)
        return Outcome(_("A worker reads it in a moment. Open this page again to see what came of it."))


@section("monitoring.inbound:top", order=10)
def facts(request: HttpRequest, row: Inbound) -> Section:
    """What became of a message."""
    found = [
        (_("Sender"), row.get_source_display()),
        (_("Cluster"), show.link(object_url(row.cluster), row.cluster) if row.cluster else show.DASH),
        (_("Received"), show.moment(row.received_at)),
        (_("State"), _state(row)),
        (_("Processed"), show.moment(row.processed_at, never=_("not yet"))),
        (_("Alerts taken"), row.taken),
        (_("Left out, and why"), _lines(row.error)),
    ]
    return Section(_("What became of it"), "portal/facts.html", {"facts": found}, icon="call_received", wide=True)


@section("servers.cluster", order=30)
def of_cluster(request: HttpRequest, cluster: Cluster) -> Section | None:
    """Whether Proxmox's notifications come here, and the last that came."""
    if not may(request.user, "view", Inbound):
        return None
    rows = list(Inbound.objects.filter(cluster=cluster).defer("body").order_by("-received_at")[:ROWS])
    listens = ProxmoxListener().listens(cluster)
    if not rows and not listens:
        return None
    cells = [[show.link(object_url(row), row), show.moment(row.received_at), _state(row), row.taken] for row in rows]
    table = Table([_("Message"), _("Received"), _("State"), _("Alerts taken")], cells, _("None has come yet."))
    words = _("Proxmox sends them here.") if listens else _("Proxmox does not send them here any more.")
    return Section(_("Proxmox's notifications"), context={"table": table}, icon="call_received", note=words, wide=True,
                   url=list_url(Inbound, q=cluster.name), url_text=_("All of them"))  # fmt: skip


@section("monitoring.inbound", order=10)
def body(request: HttpRequest, row: Inbound) -> Section:
    """The message as it came, laid out."""
    text = _laid_out(row.body)
    cut = _("The first %(count)d characters of it.") % {"count": SHOWN} if len(text) > SHOWN else ""
    context = {"text": text[:SHOWN]}
    return Section(_("As it came"), "monitoring/body.html", context, icon="data_object", note=cut, wide=True)


def _state(row: Inbound) -> SafeString:
    if row.processed_at is None:
        return show.badge(_("waiting"), show.CALM)
    return (
        show.badge(_("something was left out"), show.WARN)
        if row.error
        else show.badge(pgettext("message", "processed"), show.GOOD)
    )


def _lines(text: str) -> Any:
    return format_html_join(SafeString("<br>"), "{}", ((line,) for line in text.splitlines())) if text else show.DASH


def _laid_out(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
