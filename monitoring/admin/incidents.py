"""The list of incidents, and the buttons on an incident's page."""

from collections.abc import Sequence
from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display

from monitoring import caring, setting_aside
from monitoring.admin import asking, incident_filters, shown
from monitoring.models import Incident
from notifications import has_channel, muting
from portal.lib import clock, show
from portal.lib.access import may
from portal.lib.admin import SyncedAdmin
from portal.lib.buttons import Outcome, list_url, object_button, object_url

AT_ONCE: Final = 500


@admin.register(Incident)
class IncidentAdmin(SyncedAdmin):
    """Read-only but for what people do about it: incidents open and close by themselves."""

    list_display = ("trouble", "grade", "state", "since", "lasted", "where", "sort")
    list_filter = (
        incident_filters.OpenFilter, incident_filters.SeverityFilter, incident_filters.ConditionFilter,
        incident_filters.ClusterFilter,
    )  # fmt: skip
    list_select_related = ("cluster", "node", "server", "acknowledged_by")
    list_before_template = "monitoring/incident/list_top.html"
    search_fields = ("title", "server__name", "=server__vmid", "node__name", "cluster__name")
    search_help_text = gettext_lazy("Trouble, server, VMID, node or cluster")
    ordering = ("-opened_at", "-pk")
    actions = ("acknowledge_selected",)
    actions_detail = ("acknowledge", "snooze", "close")
    export_columns = (
        "title", "severity", "condition", "cluster__name", "node__name", "server__name", "opened_at", "closed_at",
        "ending", "acknowledged_at", "acknowledged_by__username", "snoozed_until",
    )  # fmt: skip
    empty_title = gettext_lazy("All quiet")
    empty_hint = gettext_lazy("Nothing is wrong that the portal knows of.")
    nothing_hint = gettext_lazy("Those that are over are left out: choose “all” as state to see them.")

    def has_acknowledge_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the button is offered."""
        return self.allows(request, "acknowledge", obj)

    def has_close_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the button is offered."""
        return self.allows(request, "close", obj)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """None above the page: its first card has them, in reach of a thumb."""
        return []

    def prepare(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """What keeps the open ones quiet: the rules are read once for all of them."""
        mutes_of = muting() if any(row.is_open for row in rows) else None
        for row in rows:
            row.mutes = mutes_of(row.judged_labels) if mutes_of and row.is_open else []

    def get_urls(self) -> list[URLPattern]:
        """With the page that tells what was told to nobody."""
        page = self.admin_site.admin_view(self.tell_untold)
        return [path("tell/", page, name="monitoring_incident_tell"), *super().get_urls()]

    def tell_untold(self, request: HttpRequest) -> HttpResponse:
        """Asked first, done by the POST: a channel that was added later hears of what is there already."""
        if not may(request.user, "acknowledge", Incident):
            raise PermissionDenied
        found = caring.untold()
        if not has_channel():
            messages.warning(request, _("There is no channel that could tell it: add one first."))
        elif not found:
            messages.info(request, _("Of every open incident somebody was told, or it waits for its time."))
        elif request.method != "POST":
            return asking.about_telling(self, request, found)
        else:
            done = sum(caring.tell(row, request.user) for row in found)
            words = ngettext("%(count)d incident is told now, by the routes.",
                             "%(count)d incidents are told now, by the routes.", done)  # fmt: skip
            messages.success(request, words % {"count": done})
        return HttpResponseRedirect(list_url(Incident))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """With how many there are of each sort."""
        counted = {} if request.method == "POST" else {"counts": _counts(request)}
        return super().changelist_view(request, {**(extra_context or {}), **counted})

    @display(description=gettext_lazy("trouble"), ordering="title")
    def trouble(self, incident: Incident) -> Any:
        """Its title."""
        return format_html('<span class="pm-name">{}</span>', incident.title)

    @display(description=gettext_lazy("severity"), ordering="severity")
    def grade(self, incident: Incident) -> Any:
        """How bad it is."""
        return shown.severity(incident)

    @display(description=gettext_lazy("state"), ordering="closed_at")
    def state(self, incident: Incident) -> Any:
        """Open, acknowledged by whom, or over; and what keeps it quiet."""
        return format_html("{}{}", shown.state(incident), shown.suppressed(incident, getattr(incident, "mutes", ())))

    @display(description=gettext_lazy("since"), ordering="opened_at")
    def since(self, incident: Incident) -> Any:
        """When it began."""
        return show.moment(incident.opened_at)

    @display(description=gettext_lazy("lasted"))
    def lasted(self, incident: Incident) -> str:
        """How long it lasted, or has lasted."""
        return clock.span(incident.duration)

    @display(description=gettext_lazy("where"))
    def where(self, incident: Incident) -> Any:
        """The thing it is about."""
        return shown.subject(incident)

    @display(description=gettext_lazy("condition"), ordering="condition")
    def sort(self, incident: Incident) -> str:
        """What is wrong."""
        return incident.get_condition()

    # --- what people do about it

    @object_button(
        permission="acknowledge", description=gettext_lazy("Acknowledge"), path="acknowledge", icon="front_hand",
        confirmation=asking.about_acknowledging,
    )  # fmt: skip
    def acknowledge(self, request: HttpRequest, incident: Incident) -> Outcome:
        """Keep who looks after it, unless somebody was faster."""
        if not caring.acknowledge(incident, request.user):
            return Outcome(_("Somebody else was faster, or it is over."), messages.INFO)
        return Outcome(_("You look after “%(title)s” now.") % {"title": incident.title})

    @object_button(
        permission="acknowledge", description=gettext_lazy("Snooze"), path="snooze", icon="snooze",
        confirmation=asking.about_snoozing,
    )  # fmt: skip
    def snooze(self, request: HttpRequest, incident: Incident) -> Outcome:
        """Hear no more of it for a while."""
        until = caring.end_of(request.POST.get("choice", ""))
        if until is None:
            return Outcome(_("Choose one of the buttons: for how long?"), messages.ERROR, f"{_page(incident)}snooze/")
        if not caring.snooze(incident, until, request.user):
            sentence = _(
                "There is nothing to keep quiet: it was told to nobody, somebody looks after it, or it is over."
            )
            return Outcome(sentence, messages.INFO)
        return Outcome(_("Nobody is reminded of it until %s.") % shown.moment_words(until))

    @object_button(
        permission="close", description=gettext_lazy("Mark as over"), path="close", icon="task_alt",
        confirmation=asking.about_closing,
    )  # fmt: skip
    def close(self, request: HttpRequest, incident: Incident) -> Outcome:
        """Say that it is over, where nobody else will."""
        if setting_aside.close(incident, request.user):
            return Outcome(_("“%(title)s” is over.") % {"title": incident.title})
        sentence = _("It is over already, or the portal itself sees that it is there and closes it when it is not: "
                     "snooze it, silence it, or make an exception.")  # fmt: skip
        return Outcome(sentence, messages.WARNING)

    @admin.action(description=gettext_lazy("Acknowledge"), permissions=["acknowledge"])
    def acknowledge_selected(self, request: HttpRequest, queryset: QuerySet[Incident]) -> HttpResponse:
        """Asked first, done by the second POST."""
        rows = list(queryset.order_by("-opened_at")[:AT_ONCE])
        able = [row for row in rows if may(request.user, "acknowledge", row)]
        if not able:
            messages.warning(request, _("None of them waits for anybody: they are acknowledged already, or over."))
        elif "confirmed" not in request.POST:
            return asking.about_many(self, request, able, len(rows) - len(able))
        else:
            done = sum(caring.acknowledge(row, request.user) for row in able)
            words = ngettext("You look after %(count)d incident now.", "You look after %(count)d incidents now.", done)
            messages.success(request, words % {"count": done})
        return HttpResponseRedirect(list_url(Incident))


def _counts(request: HttpRequest) -> list[dict[str, Any]]:
    """How many there are of each sort, and those that were told to nobody, for whoever may tell them."""
    found = incident_filters.counts(request.GET.dict())
    if found[0]["number"] and may(request.user, "acknowledge", Incident) and (untold := len(caring.untold())):
        url = reverse("admin:monitoring_incident_tell")
        found.append({"words": _("told to nobody: tell them"), "number": untold, "url": url, "here": False})
    return found


def _page(incident: Incident) -> str:
    return object_url(incident).removesuffix("change/")
