"""The list of incidents and an incident's page."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display

from monitoring.admin import shown
from monitoring.admin.snoozing import SnoozeButtons
from monitoring.models import Condition, Incident, Severity
from notifications import acknowledged
from portal.lib import clock, show
from portal.lib.admin import SyncedAdmin
from portal.lib.audit import note
from portal.lib.buttons import Confirmation, Outcome, object_button


class OpenFilter(DropdownFilter):
    """Open ones unless all are asked for."""

    title = gettext_lazy("state")
    parameter_name = "state"
    all_option = None

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Open, waiting for a person, over, or all."""
        return [("", _("open")), ("new", _("not acknowledged")), ("over", _("over")), ("all", _("all"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The open ones by default."""
        kinds: dict[str, dict[str, Any]] = {
            "all": {},
            "over": {"closed_at__isnull": False},
            "new": {"closed_at": None, "acknowledged_at": None},
        }
        return queryset.filter(**kinds.get(self.value() or "", {"closed_at": None}))


class _Choice(DropdownFilter):
    column = ""
    choices_of: ClassVar[list[tuple[str, Any]]] = []

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return self.choices_of

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.column: self.value()}) if self.value() else queryset


class SeverityFilter(_Choice):
    """By how bad it is."""

    title, parameter_name, column = gettext_lazy("severity"), "severity", "severity"
    choices_of = list(Severity.choices)


class ConditionFilter(_Choice):
    """By what is wrong."""

    title, parameter_name, column = gettext_lazy("condition"), "condition", "condition"
    choices_of = list(Condition.choices)


def _about_acknowledging(incident: Incident) -> Confirmation:
    return Confirmation(
        title=_("Acknowledge"),
        question=_("Tell the others that you are looking after “%(title)s”?") % {"title": incident.title},
        points=[
            _("Your name and the time are kept with it."),
            _("It is neither repeated nor escalated any more. Its end is told all the same."),
        ],
        button=_("I look after it"),
    )


@admin.register(Incident)
class IncidentAdmin(SnoozeButtons, SyncedAdmin):
    """Read-only but for acknowledging: incidents open and close by themselves."""

    list_display = ("trouble", "grade", "state", "since", "lasted", "where")
    list_filter = (OpenFilter, SeverityFilter, ConditionFilter)
    list_select_related = ("cluster", "node", "server", "acknowledged_by")
    search_fields = ("title", "server__name", "=server__vmid", "node__name", "cluster__name")
    search_help_text = gettext_lazy("Trouble, server, VMID, node or cluster")
    ordering = ("-opened_at", "-pk")
    actions_detail = ("acknowledge", "snooze_hour", "snooze_four", "snooze_day")
    export_columns = (
        "title", "severity", "condition", "cluster__name", "node__name", "server__name", "opened_at", "closed_at",
        "ending", "acknowledged_at", "acknowledged_by__username",
    )  # fmt: skip
    empty_hint = gettext_lazy("Nothing is wrong that the portal knows of.")

    def has_acknowledge_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the button is offered."""
        return self.allows(request, "acknowledge", obj)

    @display(description=gettext_lazy("trouble"), ordering="title")
    def trouble(self, incident: Incident) -> str:
        """Its title."""
        return incident.title

    @display(description=gettext_lazy("severity"), ordering="severity")
    def grade(self, incident: Incident) -> Any:
        """How bad it is."""
        return shown.severity(incident)

    @display(description=gettext_lazy("state"), ordering="closed_at")
    def state(self, incident: Incident) -> Any:
        """Open, acknowledged by whom, or over."""
        return shown.state(incident)

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

    @object_button(
        permission="acknowledge",
        description=gettext_lazy("Acknowledge"),
        path="acknowledge",
        icon="front_hand",
        confirmation=_about_acknowledging,
    )
    def acknowledge(self, request: HttpRequest, incident: Incident) -> Outcome:
        """Keep who looks after it, unless somebody was faster."""
        with transaction.atomic():
            mine = Incident.objects.filter(pk=incident.pk, acknowledged_at=None, closed_at=None).order_by()
            if not mine.update(acknowledged_at=clock.now(), acknowledged_by=request.user):
                return Outcome(_("Somebody else was faster, or it is over."), messages.INFO)
            note(incident, {"acknowledged_by": ("", str(request.user))})
            acknowledged(incident.message_id, str(request.user))
        return Outcome(_("You look after “%(title)s” now.") % {"title": incident.title})
