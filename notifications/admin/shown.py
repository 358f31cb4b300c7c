"""How messages and deliveries look in lists and on pages."""

from typing import Any, Final

from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from notifications.message import Severity, Status
from notifications.models import Delivery, DeliveryAttempt, DeliveryState, Notification
from portal.lib import show
from portal.lib.admin import GuardedAdmin

SEVERITY_TONES: Final = {Severity.INFO: show.CALM, Severity.WARNING: show.WARN, Severity.CRITICAL: show.BAD}
STATE_TONES: Final = {
    DeliveryState.QUEUED: show.CALM,
    DeliveryState.SENDING: show.CALM,
    DeliveryState.RETRYING: show.WARN,
    DeliveryState.DELIVERED: show.GOOD,
    DeliveryState.DEAD: show.BAD,
    DeliveryState.DISMISSED: show.MUTED,
}
ATTEMPT_TONES: Final = {
    DeliveryAttempt.SENDING: show.CALM,
    DeliveryAttempt.DELIVERED: show.GOOD,
    DeliveryAttempt.FAILED: show.BAD,
    DeliveryAttempt.LOST: show.WARN,
}


class HistoryAdmin(GuardedAdmin):
    """Rows that the portal writes: to read, and to act on by buttons only."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: it is the record of what was said."""
        return False


def severity_badge(severity: str) -> SafeString:
    """A severity in its tone."""
    names = {Severity.INFO: _("info"), Severity.WARNING: _("warning"), Severity.CRITICAL: _("critical")}
    known = Severity(severity)
    return show.badge(names[known], SEVERITY_TONES[known])


def status_badge(status: str) -> SafeString:
    """What sort of message it is."""
    if status == Status.RESOLVED:
        return show.badge(_("recovery"), show.GOOD)
    return show.badge(_("test"), show.MUTED) if status == Status.TEST else show.badge(_("trouble"), show.WARN)


def state_badge(delivery: Delivery) -> SafeString:
    """Where a delivery stands."""
    return show.badge(delivery.get_state_display(), STATE_TONES[DeliveryState(delivery.state)])


def seconds(number: float | None) -> str:
    """A duration, as exactly as anybody wants it."""
    if number is None:
        return show.DASH
    return _("%d ms") % round(number * 1000) if number < 1 else _("%(seconds)s s") % {"seconds": f"{number:.1f}"}


def answer(code: int | None) -> str:
    """The number that the receiver answered."""
    return str(code) if code else show.DASH


def said(notification: Notification) -> SafeString:
    """What the message says: its text and its labels."""
    message = notification.message
    rows = format_html_join("", '<div><span class="pm-unknown">{}</span> {}</div>', message.labels.items())
    return format_html('<div style="white-space:pre-line">{}</div>{}', message.text, rows)
