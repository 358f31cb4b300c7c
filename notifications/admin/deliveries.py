"""Deliveries: what became of each message in each channel, and the two things that one can do about it."""

from collections.abc import Callable
from typing import Any, Final

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display

from notifications import canary, operating
from notifications.admin.inlines import AttemptInline
from notifications.admin.shown import HistoryAdmin, answer, said, seconds, state_badge
from notifications.models import Delivery, DeliveryState
from notifications.models.delivery import PENDING
from portal.lib import show
from portal.lib.access import may
from portal.lib.buttons import Confirmation, Outcome, list_url, object_button, object_url

AT_ONCE: Final = 500


def _about_resending(delivery: Delivery) -> Confirmation:
    return Confirmation(
        title=_("Send again"),
        question=_("Send “%(title)s” to “%(channel)s” again?")
        % {"title": delivery.notification, "channel": delivery.channel_name},
        button=_("Send again"),
        points=[_("It keeps its idempotency key, so a receiver that had it already can tell.")],
    )


def _about_dismissing(delivery: Delivery) -> Confirmation:
    return Confirmation(
        title=_("Dismiss"),
        question=_("Give up sending “%(title)s” to “%(channel)s”?")
        % {"title": delivery.notification, "channel": delivery.channel_name},
        button=_("Dismiss it"),
        points=[
            _("It is not tried again and no longer counts as failed. It can still be sent again later.")
            if delivery.channel_id
            else _("Its channel was not saved, or was deleted: it cannot be sent again later.")
        ],
        danger=True,
    )


@admin.register(Delivery)
class DeliveryAdmin(HistoryAdmin):
    """Read-only but for sending again and dismissing."""

    list_display = (
        "message",
        "channel_name",
        "state_shown",
        "attempts",
        "queued",
        "took",
        "answer_shown",
        "last_error",
    )
    list_filter = ("state", "kind", "channel", "queued_at")
    list_select_related = ("notification", "channel")
    search_fields = ("notification__title", "channel_name", "incident")
    fields = (
        "message",
        "said",
        "channel_name",
        "state_shown",
        "last_error",
        "answer_shown",
        "took",
        "attempts",
        "queued",
        "next_try",
        "delivered",
        "idempotency_key",
    )
    readonly_fields = fields
    inlines = (AttemptInline,)
    actions = ("resend_selected", "dismiss_selected")
    actions_detail = ("resend", "dismiss")
    empty_hint = gettext_lazy("Nothing was sent yet. “Send test” on a channel's page sends the first one.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        """Without the canary, which says nothing to anybody."""
        return super().get_queryset(request).exclude(kind=canary.KIND)

    # --- columns

    @display(description=gettext_lazy("message"), ordering="notification__title")
    def message(self, delivery: Delivery) -> str:
        """What was to be said."""
        return delivery.notification.title

    @display(description=gettext_lazy("text"))
    def said(self, delivery: Delivery) -> SafeString:
        """Its text and labels."""
        return said(delivery.notification)

    @display(description=gettext_lazy("state"), ordering="state")
    def state_shown(self, delivery: Delivery) -> SafeString:
        """Where it stands."""
        return state_badge(delivery)

    @display(description=gettext_lazy("queued"), ordering="queued_at")
    def queued(self, delivery: Delivery) -> SafeString:
        """Since when."""
        return show.moment(delivery.queued_at)

    @display(description=gettext_lazy("next attempt"))
    def next_try(self, delivery: Delivery) -> Any:
        """When it is tried again."""
        return show.moment(delivery.due_at, never=show.DASH) if delivery.state in PENDING else show.DASH

    @display(description=gettext_lazy("delivered"), ordering="delivered_at")
    def delivered(self, delivery: Delivery) -> SafeString:
        """When it arrived."""
        return show.moment(delivery.delivered_at, never=_("not yet"))

    @display(description=gettext_lazy("duration"), ordering="duration_seconds")
    def took(self, delivery: Delivery) -> str:
        """How long the last attempt took."""
        return seconds(delivery.duration_seconds)

    @display(description=gettext_lazy("answer"), ordering="answer_code")
    def answer_shown(self, delivery: Delivery) -> str:
        """The receiver's number."""
        return answer(delivery.answer_code)

    # --- pages

    def has_resend_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether that person may send it again."""
        return self.allows(request, "resend", obj)

    def has_dismiss_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether that person may dismiss it."""
        return self.allows(request, "dismiss", obj)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The page looks again by itself while something is still to happen."""
        response = super().change_view(request, object_id, form_url, extra_context)
        delivery = self.object_once(request, object_id)
        if delivery is not None and request.method == "GET" and delivery.state in PENDING:
            response.headers["Refresh"] = "15" if delivery.state == DeliveryState.RETRYING else "2"
        return response

    @object_button(
        permission="resend",
        description=gettext_lazy("Send again"),
        path="resend",
        icon="replay",
        confirmation=_about_resending,
    )
    def resend(self, request: HttpRequest, delivery: Delivery) -> Outcome:
        """Queue it again."""
        return self._do(operating.resend, delivery, _("It is on its way again."))

    @object_button(
        permission="dismiss",
        description=gettext_lazy("Dismiss"),
        path="dismiss",
        icon="cancel",
        confirmation=_about_dismissing,
    )
    def dismiss(self, request: HttpRequest, delivery: Delivery) -> Outcome:
        """Stop trying."""
        return self._do(operating.dismiss, delivery, _("It was dismissed."))

    def _do(self, deed: Callable[[Delivery], None], delivery: Delivery, sentence: str) -> Outcome:
        try:
            deed(delivery)
        except operating.NotPossible as reason:
            return Outcome(str(reason), level=messages.ERROR, url=object_url(delivery))
        return Outcome(sentence, url=object_url(delivery))

    # --- for many

    @admin.action(description=gettext_lazy("Send again"))
    def resend_selected(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> HttpResponse | None:
        """Asked first, done by the second POST."""
        return self._many(request, queryset, "resend", operating.resend, _("Send again"))

    @admin.action(description=gettext_lazy("Dismiss"))
    def dismiss_selected(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> HttpResponse | None:
        """Asked first, done by the second POST."""
        return self._many(request, queryset, "dismiss", operating.dismiss, _("Dismiss"))

    def _many(
        self,
        request: HttpRequest,
        queryset: QuerySet[Delivery],
        permission: str,
        deed: Callable[[Delivery], None],
        title: str,
    ) -> HttpResponse | None:
        # Oldest first: an opening goes before its recovery.
        rows = list(queryset.select_related("notification", "channel").order_by("pk")[:AT_ONCE])
        able = [row for row in rows if may(request.user, permission, row)]
        if not able:
            sentence = _("None of the selected deliveries can be treated so, or you may not do it.")
            self.message_user(request, sentence, messages.WARNING)
            return HttpResponseRedirect(list_url(Delivery))
        if "confirmed" not in request.POST:
            return self._ask_many(request, able, len(rows) - len(able), permission, title)
        refusals = [refusal for row in able if (refusal := self._refusal(deed, row))]
        done = len(able) - len(refusals)
        if done:
            sentence = ngettext("%(count)d delivery: done.", "%(count)d deliveries: done.", done) % {"count": done}
            self.message_user(request, sentence, messages.SUCCESS)
        for refusal in list(dict.fromkeys(refusals))[:5]:
            self.message_user(request, refusal, messages.WARNING)
        return HttpResponseRedirect(list_url(Delivery))

    def _refusal(self, deed: Callable[[Delivery], None], delivery: Delivery) -> str:
        """Do it; why it could not be done, if so."""
        try:
            deed(delivery)
        except operating.NotPossible as reason:
            return str(reason)
        return ""

    def _ask_many(
        self, request: HttpRequest, able: list[Delivery], passed_over: int, permission: str, title: str
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "deliveries": able,
            "passed_over": passed_over,
            "action": f"{permission}_selected",
            "checkbox": ACTION_CHECKBOX_NAME,
            "back_url": list_url(Delivery),
            "media": self.media,
        }
        return TemplateResponse(request, "notifications/confirm_many.html", context)
