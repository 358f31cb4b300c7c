"""Silences and maintenance windows: what is kept quiet, by whom, why, and until when."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display

from notifications import attending, summary
from notifications.explaining import clock_time
from notifications.models import Maintenance, Silence
from notifications.routing.matchers import BadMatcher
from notifications.ruleforms import MaintenanceForm, SilenceForm
from portal.lib import clock, show
from portal.lib.admin import GuardedAdmin
from portal.lib.buttons import Confirmation, Outcome, object_button

TONES = {"coming": show.MUTED, "active": show.WARN, "over": show.MUTED}


def means(row: Silence | Maintenance) -> SafeString:
    """What it covers: in words, and as it was written."""
    try:
        words = summary.conditions(row.parsed())
    except BadMatcher as error:
        words = str(error)
    return format_html(
        '<span class="pm-wrap">{}</span><span class="pm-sub pm-mono pm-wrap">{}</span>', words, row.matchers
    )


class ActiveFilter(DropdownFilter):
    """Those that are not over, unless all are asked for."""

    title = gettext_lazy("state")
    parameter_name = "state"
    all_option = None

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Not over, over, or all."""
        return [("", _("active and coming")), ("over", _("over")), ("all", _("all"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The living ones by default."""
        if self.value() == "all":
            return queryset
        over = {"ends_at__lte": clock.now()}
        return queryset.filter(**over) if self.value() == "over" else queryset.exclude(**over)


def _about_ending(silence: Silence) -> Confirmation:
    return Confirmation(
        title=_("End this silence"),
        question=_("End “%(name)s” now?") % {"name": silence},
        button=_("End it"),
        points=[_("What it kept back and still goes on is told at once.")],
    )


@admin.register(Silence)
class SilenceAdmin(GuardedAdmin):
    """Made and ended, never changed: it is part of why somebody was not told."""

    form = SilenceForm
    list_display = ("reason_shown", "covers", "state_shown", "until", "who")
    list_filter = (ActiveFilter,)
    search_fields = ("reason", "matchers", "created_by")
    ordering = ("-ends_at", "-pk")
    actions_detail = ("end",)
    empty_hint = gettext_lazy("Nothing is silenced. An incident's or a server's page has a link that begins one.")
    fields = ("matchers", "period", "ends_at", "starts_at", "reason")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The form for a new one, facts for one that is there."""
        if obj is None:
            return self.fields
        return ("reason_shown", "covers", "state_shown", "begins", "until", "who", "ended")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Nothing of it is changed."""
        return () if obj is None else self.get_fields(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: it is ended, and a new one made."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: it is ended."""
        return False

    def has_end_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the button is offered."""
        return self.allows(request, "end", obj)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """From the link of an incident or a server."""
        return {"period": "1", **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """With whose it is."""
        obj.starts_at, obj.ends_at = form.cleaned_data["starts_at"], form.cleaned_data["ends_at"]
        obj.created_by = str(request.user)
        super().save_model(request, obj, form, change)

    @object_button(
        permission="end",
        description=gettext_lazy("End it"),
        path="end",
        icon="notifications_active",
        confirmation=_about_ending,
    )
    def end(self, request: HttpRequest, silence: Silence) -> Outcome:
        """From now on it keeps nothing back."""
        try:
            attending.end_silence(silence, str(request.user))
        except attending.NotPossible as reason:
            return Outcome(str(reason), messages.WARNING)
        return Outcome(_("The silence is over."))

    # --- columns

    @display(description=gettext_lazy("why"), ordering="reason")
    def reason_shown(self, silence: Silence) -> str:
        """Why."""
        return silence.reason or show.DASH

    @display(description=gettext_lazy("keeps back"))
    def covers(self, silence: Silence) -> SafeString:
        """Which messages."""
        return means(silence)

    @display(description=gettext_lazy("state"))
    def state_shown(self, silence: Silence) -> SafeString:
        """Coming, active, or over."""
        state = silence.state(clock.now())
        words = {"coming": _("coming"), "active": _("active"), "over": _("over")}
        return show.badge(words[state], TONES[state])

    @display(description=gettext_lazy("from"), ordering="starts_at")
    def begins(self, silence: Silence) -> str:
        """When it began or begins."""
        return clock_time(silence.starts_at)

    @display(description=gettext_lazy("until"), ordering="ends_at")
    def until(self, silence: Silence) -> str:
        """When it ends or ended."""
        return clock_time(silence.ends_at)

    @display(description=gettext_lazy("by"), ordering="created_by")
    def who(self, silence: Silence) -> str:
        """Who made it."""
        return silence.created_by or show.DASH

    @display(description=gettext_lazy("ended by"))
    def ended(self, silence: Silence) -> str:
        """Who ended it early."""
        return silence.ended_by or show.DASH


@admin.register(Maintenance)
class MaintenanceAdmin(GuardedAdmin):
    """Planned work, every week or once."""

    form = MaintenanceForm
    list_display = ("name", "covers", "times", "state_shown", "reason")
    search_fields = ("name", "reason", "matchers")
    ordering = ("name",)
    empty_hint = gettext_lazy("No planned work is known. A window here keeps its messages back, every week or once.")
    fieldsets = (
        (None, {"fields": ["name", "enabled", "matchers", "reason"]}),
        (gettext_lazy("When"), {"fields": ["recurrence", "days", ("begins", "minutes"), "zone", "once_at"]}),
    )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """With whose it is; what an old window kept back is looked at again."""
        if not change:
            obj.created_by = str(request.user)
        super().save_model(request, obj, form, change)
        attending.look_again()

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """What it kept back is looked at again."""
        super().delete_model(request, obj)
        attending.look_again()

    @display(description=gettext_lazy("keeps back"))
    def covers(self, window: Maintenance) -> SafeString:
        """Which messages."""
        return means(window)

    @display(description=gettext_lazy("when"))
    def times(self, window: Maintenance) -> str:
        """Its times, in its own zone."""
        if window.recurrence == Maintenance.ONCE:
            return clock_time(window.once_at)
        return f"{summary.days_of(window.days)} {window.begins:%H:%M} ({window.zone}), {window.minutes} min"

    @display(description=gettext_lazy("state"))
    def state_shown(self, window: Maintenance) -> SafeString:
        """Whether it holds now, or when it does next."""
        moment = clock.now()
        span = window.window(moment) if window.enabled else None
        if not window.enabled:
            return show.badge(_("off"))
        if span is None:
            return show.badge(_("over"))
        if span[0] <= moment:
            return show.badge(_("until %s") % clock_time(span[1]), show.WARN)
        return show.badge(_("next: %s") % clock_time(span[0]))
