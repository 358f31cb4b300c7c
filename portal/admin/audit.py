"""The audit trail: who changed what from what to what. Nobody adds, changes or deletes an entry."""

from typing import Any

import auditlog.admin  # noqa: F401  (registers its own page, which ours replaces)
from auditlog.models import LogEntry
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display

from portal.lib import audit, show
from portal.lib.admin import GuardedAdmin

admin.site.unregister(LogEntry)

ACTIONS = {
    LogEntry.Action.CREATE: (_("added"), show.GOOD),
    LogEntry.Action.UPDATE: (_("changed"), show.CALM),
    LogEntry.Action.DELETE: (_("deleted"), show.BAD),
    LogEntry.Action.ACCESS: (_("looked at"), show.MUTED),
}


@admin.register(LogEntry)
class LogEntryAdmin(GuardedAdmin):
    """Read-only."""

    list_display = ("when", "person", "deed", "thing", "summary")
    list_filter = (("action", ChoicesDropdownFilter), ("content_type", RelatedDropdownFilter))
    list_select_related = ("content_type", "actor")
    search_fields = ("object_repr", "actor__username")
    search_help_text = _("Name of the thing or of the person")
    fields = ("when", "person", "deed", "thing", "remote_addr", "values")
    readonly_fields = fields
    ordering = ("-timestamp",)
    export_columns = ("timestamp", "actor__username", "action", "content_type__model", "object_repr", "changes")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Entries are written by what happens."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was, was."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was, was."""
        return False

    @display(description=_("when"), ordering="timestamp")
    def when(self, entry: LogEntry) -> Any:
        """How long ago."""
        return show.moment(entry.timestamp)

    @display(description=_("who"), ordering="actor")
    def person(self, entry: LogEntry) -> Any:
        """The person, or the portal itself."""
        return format_html('<span class="pm-nowrap">{}</span>', entry.actor or _("the portal"))

    @display(description=_("did"))
    def deed(self, entry: LogEntry) -> Any:
        """Added, changed or deleted."""
        text, tone = ACTIONS.get(entry.action, (entry.get_action_display(), show.MUTED))
        return show.badge(text, tone)

    @display(description=_("what"))
    def thing(self, entry: LogEntry) -> str:
        """The kind of thing and its name."""
        return f"{entry.content_type.name}: {entry.object_repr}"

    @display(description=_("columns"))
    def summary(self, entry: LogEntry) -> str:
        """Which columns."""
        return Truncator(", ".join(_column(entry, name) for name in entry.changes or {})).chars(60) or show.DASH

    @display(description=_("values"))
    def values(self, entry: LogEntry) -> Any:
        """Each column from what to what."""
        model = entry.content_type.model_class()
        rows = (
            (_column(entry, name), *(audit.value(model, name, text) for text in _pair(change)))
            for name, change in (entry.changes or {}).items()
        )
        body = format_html_join("", "<tr><th>{}</th><td>{}</td><td>{}</td></tr>", rows)
        return format_html(
            '<table class="pm-table"><thead><tr><th></th><th>{}</th><th>{}</th></tr></thead><tbody>{}</tbody></table>',
            _("before"),
            _("after"),
            body,
        )


def _column(entry: LogEntry, name: str) -> str:
    return audit.column(entry.content_type.model_class(), name)


def _pair(change: Any) -> tuple[str, str]:
    """Old and new text of a change; a many-to-many change names its operation and its objects."""
    if isinstance(change, dict):
        return str(change.get("operation", "")), ", ".join(map(str, change.get("objects", [])))
    old, new = change
    return ("" if old in {None, "None"} else str(old)), ("" if new in {None, "None"} else str(new))
