"""Exceptions: how a condition is judged for one server or one cluster."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from monitoring.models import Condition, ConditionOverride
from monitoring.models.watching import OF_CLUSTERS, OF_SERVERS
from portal.lib import show
from portal.lib.admin import GuardedAdmin
from portal.lib.buttons import object_url


@admin.register(ConditionOverride)
class ConditionOverrideAdmin(GuardedAdmin):
    """Few rows: what is not here is judged as usual."""

    list_display = ("condition", "about", "differs", "note")
    list_select_related = ("server", "cluster")
    list_filter = ("condition", "cluster")
    search_fields = ("server__name", "cluster__name", "note")
    search_help_text = gettext_lazy("Server, cluster or note")
    autocomplete_fields = ("server",)
    fields = ("condition", "server", "cluster", "muted", "threshold", "delay_minutes", "severity", "note")
    empty_hint = gettext_lazy(
        "Everything is judged as usual. Add an exception for a server or a cluster that is different."
    )

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Only conditions that an exception can be about."""
        if db_field.name == "condition":
            known = {**OF_SERVERS, **OF_CLUSTERS}
            kwargs["choices"] = [(one.value, one.label) for one in known]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """From a server's page: that server."""
        return {name: request.GET[name] for name in ("server", "cluster", "condition") if request.GET.get(name)}

    @display(description=gettext_lazy("for"))
    def about(self, row: ConditionOverride) -> SafeString:
        """The server or the cluster."""
        subject: Any = row.server or row.cluster
        return show.link(object_url(subject), subject)

    @display(description=gettext_lazy("differs in"))
    def differs(self, row: ConditionOverride) -> SafeString:
        """What is not as usual."""
        parts: list[tuple[object, str]] = []
        if row.muted:
            parts.append((_("never told"), show.MUTED))
        if row.threshold is not None:
            unit = {**OF_SERVERS, **OF_CLUSTERS}[Condition(row.condition)]
            parts.append((_("from %(value)g %(unit)s") % {"value": row.threshold, "unit": unit}, show.MUTED))
        if row.delay_minutes is not None:
            parts.append((_("after %(minutes)d min") % {"minutes": row.delay_minutes}, show.MUTED))
        if row.severity:
            parts.append((row.get_severity_display(), show.WARN))
        return show.badges(parts)
