"""Messages: what was said, when, and to whom."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from notifications import canary
from notifications.admin.inlines import DeliveryInline
from notifications.admin.shown import HistoryAdmin, said, severity_badge, status_badge
from notifications.models import Notification
from portal.lib import show


@admin.register(Notification)
class NotificationAdmin(HistoryAdmin):
    """Read-only: what was said stays said."""

    list_display = ("title", "severity_shown", "status_shown", "when", "told")
    list_filter = ("severity", "status", "created_at")
    search_fields = ("title", "incident")
    fields = ("title", "severity_shown", "status_shown", "when", "said", "incident")
    readonly_fields = fields
    inlines = (DeliveryInline,)
    empty_hint = _("Nothing was said yet: messages appear here when there is trouble, and when somebody sends a test.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notification]:
        """With the number of channels that were told. Without the canary, which says nothing to anybody."""
        said = super().get_queryset(request).exclude(incident=canary.INCIDENT)
        return said.annotate(told=Count("delivery"))

    @display(description=_("severity"), ordering="severity")
    def severity_shown(self, notification: Notification) -> SafeString:
        """How bad it is."""
        return severity_badge(notification.severity)

    @display(description=_("about"), ordering="status")
    def status_shown(self, notification: Notification) -> SafeString:
        """Trouble, recovery or test."""
        return status_badge(notification.status)

    @display(description=_("when"), ordering="created_at")
    def when(self, notification: Notification) -> SafeString:
        """When it was said."""
        return show.moment(notification.created_at)

    @display(description=_("channels"), ordering="told")
    def told(self, notification: Any) -> int:
        """How many channels it goes to."""
        return int(notification.told)

    @display(description=_("message"))
    def said(self, notification: Notification) -> SafeString:
        """Its text and labels."""
        return said(notification)
