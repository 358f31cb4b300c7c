"""Decisions: why somebody was told, or was not."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display

from notifications import canary, explaining
from notifications.admin.shown import HistoryAdmin
from notifications.models import Decision, Notification
from notifications.routing.reasons import SUPPRESSED
from portal.lib import show
from portal.lib.buttons import object_url
from portal.lib.sections import Section, Table, section


class ReasonFilter(DropdownFilter):
    """By what was decided."""

    title = gettext_lazy("decision")
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Everything that kept somebody from being told, and each by itself."""
        return [("suppressed", _("not told")), *((str(reason), name) for reason, name in explaining.NAMES.items())]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Those rows."""
        if self.value() == "suppressed":
            return queryset.filter(reason__in=SUPPRESSED)
        return queryset.filter(reason=self.value()) if self.value() else queryset


@admin.register(Decision)
class DecisionAdmin(HistoryAdmin):
    """Read-only: what was decided stays decided."""

    list_display = ("when", "message", "route_name", "channel_name", "decided", "why")
    list_display_links = None
    list_filter = (ReasonFilter, "route", "channel")
    list_select_related = ("notification", "delivery")
    search_fields = ("incident", "notification__title", "route_name", "channel_name")
    ordering = ("-pk",)
    fields = readonly_fields = ("when", "message", "route_name", "channel_name", "decided", "why")
    empty_hint = gettext_lazy("Nothing had to be decided yet: there was no message.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Decision]:
        """Without the canary, of which nobody is told."""
        return super().get_queryset(request).exclude(incident=canary.INCIDENT)

    @display(description=gettext_lazy("when"), ordering="at")
    def when(self, row: Decision) -> SafeString:
        """When it was decided."""
        return show.moment(row.at)

    @display(description=gettext_lazy("message"))
    def message(self, row: Decision) -> Any:
        """Leads to the message."""
        return show.link(object_url(row.notification), row.notification) if row.notification else row.incident

    @display(description=gettext_lazy("decision"), ordering="reason")
    def decided(self, row: Decision) -> SafeString:
        """What was decided."""
        return explaining.badge(row.reason)

    @display(description=gettext_lazy("why"))
    def why(self, row: Decision) -> str:
        """In a sentence."""
        return explaining.sentence(row)


@section("notifications.notification", order=10)
def why_told(request: HttpRequest, notification: Notification) -> Section:
    """Why somebody was told of that message's trouble, or was not, on the message's page."""
    return why_section(explaining.of(notification.incident))


def why_section(lines: list[explaining.Line]) -> Section:
    """The decisions as a card of a page."""
    rows = [[show.moment(line.at), line.route or show.DASH, line.channel or show.DASH, line.badge, line.sentence]
            for line in lines]  # fmt: skip
    head = [_("When"), _("Route"), _("Channel"), _("Decision"), _("Why")]
    table = Table(head, rows, _("Nothing was decided about it: it was told before decisions were kept."))
    return Section(_("Why it was told, or not"), context={"table": table}, icon="alt_route", wide=True)
