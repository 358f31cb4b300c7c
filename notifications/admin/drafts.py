"""A channel's form before it is saved: test what is typed, and see what a template makes of a message."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from notifications import channels
from notifications.dispatch import publish_test
from notifications.forms import ChannelForm, channel_form
from notifications.message import Message, Severity
from notifications.models import AlertChannel
from portal.lib.access import may
from portal.lib.buttons import list_url, object_url


def draft_urls(kind: str, channel: AlertChannel | None) -> dict[str, str]:
    """The addresses of the form's extra buttons, by the names that its template knows."""
    args = (kind, channel.pk if channel else 0)
    urls = {"test_url": reverse("admin:notifications_alertchannel_test_draft", args=args)}
    if channels.get(kind).preview({}, sample()) is not None:
        urls["preview_url"] = reverse("admin:notifications_alertchannel_preview_draft", args=args)
    return urls


def sample() -> Message:
    """A message such as the portal sends, to try a template with."""
    return Message(
        id="incident-0",
        title=_("“web-1” is not running"),
        text=_("It stopped without having been asked to."),
        severity=Severity.CRITICAL,
        labels={"condition": "guest_down", "cluster": "demo", "server": "web-1", "node": "pve1"},
        link="https://portal.example.org/admin/monitoring/incident/0/change/",
    )


class DraftPages(admin.ModelAdmin):
    """The two addresses that a form is posted to without being saved. They open in a tab of their own, so that what
    was typed (secrets are never rendered back) stays in the form."""

    def get_urls(self) -> list[URLPattern]:
        """With those two."""
        views = {"test": self.test_draft, "preview": self.preview_draft}
        own = [
            path(
                f"{name}/<slug:kind>/<int:pk>/",
                self.admin_site.admin_view(view),
                name=f"notifications_alertchannel_{name}_draft",
            )
            for name, view in views.items()
        ]
        return [*own, *super().get_urls()]

    def test_draft(self, request: HttpRequest, kind: str, pk: int) -> HttpResponse:
        """Send a test with what the form holds."""
        form = self._typed(request, kind, pk, _("The test was not sent"))
        if isinstance(form, HttpResponse):
            return form
        name = str(request.POST.get("name", "")).strip()[:80]
        delivery = publish_test(form.instance if pk else None, kind=kind, name=name, draft=form.values)
        return HttpResponseRedirect(object_url(delivery))

    def preview_draft(self, request: HttpRequest, kind: str, pk: int) -> HttpResponse:
        """Show what the form's values make of a sample, sending nothing."""
        form = self._typed(request, kind, pk, _("There is no preview"))
        if isinstance(form, HttpResponse):
            return form
        message = sample()
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("What would be sent"),
            "opening": channels.get(kind).preview(form.values, message),
            "recovery": channels.get(kind).preview(form.values, message.resolved()),
        }
        return TemplateResponse(request, "notifications/preview.html", context)

    def _typed(self, request: HttpRequest, kind: str, pk: int, title: str) -> ChannelForm | HttpResponse:
        """The form with what was typed, judged; or the answer that says why there is none."""
        channel = AlertChannel.objects.filter(pk=pk, kind=kind).first() if pk else None
        if kind not in channels.KINDS or (pk and channel is None):
            messages.error(request, _("This channel does not exist any more."))
            return HttpResponseRedirect(list_url(AlertChannel))
        self._check_may_test(request, channel)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        form = channel_form(kind)(request.POST, instance=channel or AlertChannel(kind=kind))
        form.full_clean()
        found = [
            (form.fields[at].label if at in form.fields else "", said)
            for at, said in form.errors.items()
            if at != "name"
        ]
        if not found:
            return form
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "errors": found,
            "title": title,
        }
        return TemplateResponse(request, "notifications/test_refused.html", context, status=400)

    def _check_may_test(self, request: HttpRequest, channel: AlertChannel | None) -> None:
        """What is typed goes out, so it takes the right to save it too."""
        edits = self.has_change_permission(request, channel) if channel else self.has_add_permission(request)
        if not edits or not may(request.user, "test", channel or AlertChannel):
            raise PermissionDenied
