"""Tables on other rows' pages: who was told, and every try. To read only."""

from typing import Any

from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import display

from notifications.admin.shown import ATTEMPT_TONES, answer, seconds, state_badge
from notifications.models import Delivery, DeliveryAttempt
from portal.lib import show
from portal.lib.buttons import object_url


class HistoryInline(TabularInline):
    """Whoever sees the page sees the table, and nobody edits it."""

    extra = 0
    can_delete = False
    hide_title = True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever sees the page."""
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    @display(description=_("duration"))
    def took(self, row: Delivery | DeliveryAttempt) -> str:
        """How long the attempt took, or the last one."""
        return seconds(row.duration_seconds)


class DeliveryInline(HistoryInline):
    """Who was told, on the message's page."""

    model = Delivery
    fields = readonly_fields = ("channel_link", "state_shown", "attempts", "took", "last_error")
    ordering = ("pk",)

    @display(description=_("channel"))
    def channel_link(self, delivery: Delivery) -> SafeString:
        """Leads to the delivery."""
        return show.link(object_url(delivery), delivery.channel_name)

    @display(description=_("state"))
    def state_shown(self, delivery: Delivery) -> SafeString:
        """Where it stands."""
        return state_badge(delivery)


class AttemptInline(HistoryInline):
    """Every try, on the delivery's page."""

    model = DeliveryAttempt
    fields = readonly_fields = ("when", "outcome_shown", "took", "answer_shown", "sentence")

    @display(description=_("when"))
    def when(self, attempt: DeliveryAttempt) -> SafeString:
        """When it began."""
        return show.moment(attempt.at)

    @display(description=_("outcome"))
    def outcome_shown(self, attempt: DeliveryAttempt) -> SafeString:
        """How it ended."""
        return show.badge(attempt.get_outcome_display(), ATTEMPT_TONES[attempt.outcome])

    @display(description=_("answer"))
    def answer_shown(self, attempt: DeliveryAttempt) -> str:
        """The receiver's number."""
        return answer(attempt.answer_code)
