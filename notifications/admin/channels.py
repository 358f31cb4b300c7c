"""Channels: the list, the choice of a kind, the form, and tests before and after saving."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from notifications import channels
from notifications.admin.drafts import DraftPages, draft_urls
from notifications.admin.shown import severity_badge
from notifications.dispatch import publish_test
from notifications.environment import EDITED, VARIABLE
from notifications.forms import channel_form, field_names
from notifications.models import AlertChannel
from notifications.reaching import unreached_channels
from portal.lib import clock, show
from portal.lib.access import may
from portal.lib.admin import GuardedAdmin
from portal.lib.buttons import Confirmation, Outcome, object_button, object_url

HEALTH = ("last_success", "last_failure", "why_disabled")


def _about_test(channel: AlertChannel) -> Confirmation:
    return Confirmation(
        title=_("Send a test"),
        question=_("Send a test message through “%(name)s” now?") % {"name": channel},
        button=_("Send the test"),
        points=[_("It goes to %(target)s, on the way that real messages take.") % {"target": channel.target()}],
    )


@admin.register(AlertChannel)
class AlertChannelAdmin(DraftPages, GuardedAdmin):
    """The kind is chosen first and stays; the form follows from what the kind declares."""

    list_display = ("name", "kind_shown", "target_shown", "state", "severity", "last_success", "last_failure")
    list_filter = ("enabled", "minimum_severity")
    search_fields = ("name",)
    actions_detail = ("send_test",)
    change_form_after_template = "notifications/test_button.html"
    empty_hint = gettext_lazy("Nobody is told of trouble yet. Add a channel: e-mail, Slack or a webhook.")

    def prepare(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """Which of them no route reaches."""
        unreached = unreached_channels()
        for row in rows:
            row.unreached = row.pk in unreached

    # --- columns

    @display(description=gettext_lazy("kind"), ordering="kind")
    def kind_shown(self, channel: AlertChannel) -> str:
        """What its kind is called."""
        return channel.kind_label()

    @display(description=gettext_lazy("goes to"))
    def target_shown(self, channel: AlertChannel) -> str:
        """Where it leads, nothing secret."""
        return channel.target() or show.DASH

    @display(description=gettext_lazy("state"), ordering="enabled")
    def state(self, channel: AlertChannel) -> SafeString:
        """Whether it works."""
        if not channel.enabled:
            return show.badge(_("disabled by the portal"), show.BAD) if channel.disabled_at else show.badge(_("off"))
        if getattr(channel, "unreached", False):
            return show.badge(
                _("no route reaches it"), show.WARN, title=_("Name it in a route, or nobody is told here.")
            )
        if channel.last_error:
            return show.badge(_("failing"), show.WARN)
        return show.badge(_("works"), show.GOOD) if channel.last_success_at else show.badge(_("not tried yet"))

    @display(description=gettext_lazy("from severity"), ordering="minimum_severity")
    def severity(self, channel: AlertChannel) -> SafeString:
        """The least severe that it gets."""
        return severity_badge(channel.minimum_severity)

    @display(description=gettext_lazy("last success"), ordering="last_success_at")
    def last_success(self, channel: AlertChannel) -> SafeString:
        """When a message arrived."""
        return show.moment(channel.last_success_at)

    @display(description=gettext_lazy("last error"), ordering="last_error_at")
    def last_failure(self, channel: AlertChannel) -> str:
        """What went wrong since, and when."""
        if not channel.last_error:
            return show.DASH
        return f"{channel.last_error} ({clock.ago(channel.last_error_at)})"

    @display(description=gettext_lazy("why it was disabled"))
    def why_disabled(self, channel: AlertChannel) -> str:
        """The reason, if the portal disabled it."""
        return channel.disabled_reason or show.DASH

    # --- the form

    def _kind(self, request: HttpRequest, obj: AlertChannel | None) -> str:
        kind = obj.kind if obj else request.GET.get("kind", "")
        return kind if kind in channels.KINDS else ""

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form of the kind, for those who may edit."""
        kind = self._kind(request, obj)
        editing = self.has_change_permission(request, obj) if change else self.has_add_permission(request)
        if kind and editing:
            kwargs["form"] = channel_form(kind)
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """What everyone sees, what the kind asks for, and how it fares."""
        kind = self._kind(request, obj)
        general = (None, {"fields": ["name", "enabled", "minimum_severity", "max_per_minute"]})
        health = (_("How it fares"), {"fields": list(HEALTH)})
        if obj is None:
            return [general, (channels.get(kind).label, {"fields": field_names(kind, ())})] if kind else [general]
        if not kind or not self.has_change_permission(request, obj):
            return [
                (
                    None,
                    {"fields": ["name", "kind_shown", "target_shown", "enabled", "minimum_severity", "max_per_minute"]},
                ),
                health,
            ]
        heading = f"{obj.kind_label()}: {obj.target()}"
        return [general, (heading, {"fields": field_names(kind, obj.kept_secrets())}), health]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """How it fares is for the sender to write."""
        return [*HEALTH, "kind_shown", "target_shown"]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """First the kind, then its form."""
        if self._kind(request, None):
            return super().add_view(request, form_url, extra_context)
        if not self.has_add_permission(request):
            raise PermissionDenied
        # Plain values: a template would call a class.
        kinds = [
            {
                "kind": kind,
                "label": found.label,
                "about": found.description,
                "icon": found.icon,
                "lacks": found.missing(),
            }
            for kind, found in channels.every().items()
        ]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Add an alert channel"),
            "kinds": kinds,
            "media": self.media,
        }
        return TemplateResponse(request, "notifications/choose_kind.html", context)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """With the button that tests what is typed."""
        obj = kwargs.get("obj")
        kind = self._kind(request, obj)
        if kind and may(request.user, "test", obj or AlertChannel):
            context |= draft_urls(kind, obj)
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Only what changed. An edit by hand ends the channel's following of the environment."""
        if not change:
            obj.save()
            return
        columns = {"name", "enabled", "minimum_severity", "max_per_minute"}.intersection(form.changed_data)
        if form.config_changed:
            columns |= {"config", "secrets"}
            if obj.managed_by == VARIABLE:
                obj.managed_by = EDITED
                columns.add("managed_by")
        if "enabled" in columns and obj.enabled:
            obj.disabled_at, obj.disabled_reason, obj.last_error = None, "", ""
            columns |= {"disabled_at", "disabled_reason", "last_error"}
        if columns:
            obj.save(update_fields=sorted(columns))

    # --- tests

    def has_test_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether that person may send a test."""
        return self.allows(request, "test", obj)

    @object_button(
        permission="test",
        description=gettext_lazy("Send test"),
        path="send-test",
        icon="send",
        confirmation=_about_test,
    )
    def send_test(self, request: HttpRequest, channel: AlertChannel) -> Outcome:
        """Through the channel as it is saved."""
        delivery = publish_test(channel, kind=channel.kind, name=channel.name)
        return Outcome(_("A test is on its way: this page shows what becomes of it."), url=object_url(delivery))
