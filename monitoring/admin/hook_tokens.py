"""The tokens of webhooks: which are taken, until when, and a new one, shown once."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from monitoring import hook_tokens
from monitoring.models import HookToken, Source, TokenKind
from portal.lib import clock, show
from portal.lib.admin import GuardedAdmin
from portal.lib.audit import note
from portal.lib.buttons import Confirmation, Outcome, list_url, object_button

HOURS: Final = 720


class NewTokenForm(forms.ModelForm):
    """Whose token, and how long the old one is still taken."""

    overlap = forms.FloatField(
        label=gettext_lazy("Overlap (hours)"), min_value=0, max_value=HOURS, widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("So long the tokens that it replaces are still taken. 0 ends them at once."),
    )  # fmt: skip

    class Meta:
        model = HookToken
        fields = ("source", "kind", "cluster")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["overlap"].initial = f"{settings.PORTAL_HOOK_OVERLAP_HOURS:g}"

    def clean(self) -> dict[str, Any]:
        """Raises ValidationError on a sender that has no such token."""
        data: dict[str, Any] = super().clean() or {}
        source, kind, cluster = data.get("source"), data.get("kind"), data.get("cluster")
        if kind == TokenKind.SIGNATURE and source != Source.GRAFANA:
            raise ValidationError({"kind": _("Only Grafana signs its messages: choose a token.")})
        if source == Source.PROXMOX and cluster is None:
            raise ValidationError({"cluster": _("Choose the cluster: its token tells which one speaks.")})
        if source != Source.PROXMOX and cluster is not None:
            raise ValidationError({"cluster": _("Only Proxmox has a token per cluster: leave it empty.")})
        return data


def _about_ending(token: HookToken) -> Confirmation:
    return Confirmation(
        title=_("End now"),
        question=_("Refuse this token of %(sender)s from now on?") % {"sender": token.get_source_display()},
        points=[_("Whoever still shows it is answered 401, and what it says is not kept.")],
        button=_("Refuse it"),
        danger=True,
    )


@admin.register(HookToken)
class HookTokenAdmin(GuardedAdmin):
    """Adding one replaces those of the same sender after the overlap. Nothing is edited; a token is ended."""

    form = NewTokenForm
    list_display = ("sender", "what", "state", "made", "created_by", "used")
    list_select_related = ("cluster",)
    search_fields = ("source", "cluster__name", "created_by")
    search_help_text = gettext_lazy("Sender, cluster or person")
    export_columns = ("source", "kind", "cluster__name", "created_at", "created_by", "expires_at", "last_used_at")
    actions_detail = ("end_now",)
    empty_hint = gettext_lazy(
        "So far only the tokens of the settings are taken. Add one to replace the one of its sender: it is shown "
        "once, and the old one is taken for an overlap."
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: a token is what it is."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: that it has ended must stay known, or a setting's token would be taken again."""
        return False

    def has_revoke_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the button is offered."""
        return self.allows(request, "revoke", obj)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[str]:
        """The form of a new one; of an old one its facts."""
        if obj is None:
            return ("source", "kind", "cluster", "overlap")
        return ("sender", "what", "state", "made", "created_by", "used")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[str]:
        """All facts of an old one."""
        return self.get_fields(request, obj) if obj else ()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """A plain form for an old one: it has no overlap any more."""
        if obj is not None:
            kwargs["form"] = forms.ModelForm
        return super().get_form(request, obj, change=change, **kwargs)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """One button: the next page shows the token."""
        more = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, {**(extra_context or {}), **more})

    def save_model(self, request: HttpRequest, obj: HookToken, form: Any, change: bool) -> None:
        """Make it, and let the others end."""
        keep = timedelta(hours=form.cleaned_data["overlap"])
        person: Any = request.user
        made, text = hook_tokens.issue(
            obj.source, obj.kind, cluster=obj.cluster, by=person.get_username(), keep=keep
        )  # fmt: skip
        obj.pk = made.pk
        obj.refresh_from_db()
        request._new_token = (text, keep)  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: HookToken, post_url_continue: Any = None) -> HttpResponse:
        """Show it, this once."""
        text, keep = request._new_token  # type: ignore[attr-defined]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": obj,
            "title": _("A new webhook token"),
            "token": text,
            "setting": hook_tokens.GIVEN.get((obj.source, obj.kind), ""),
            "address": f"{settings.PORTAL_URL}{reverse(f'hook-{obj.source}')}",
            "keep": clock.span(keep) if keep else "",
            "back_url": list_url(HookToken),
        }
        answer = TemplateResponse(request, "monitoring/token.html", context)
        answer["Cache-Control"] = "no-store"
        return answer

    @display(description=gettext_lazy("sender"), ordering="source")
    def sender(self, token: HookToken) -> str:
        """Whose it is."""
        name = token.get_source_display()
        return f"{name}: {token.cluster}" if token.cluster else name

    @display(description=gettext_lazy("kind"), ordering="kind")
    def what(self, token: HookToken) -> str:
        """Shown, or signed with."""
        return token.get_kind_display()

    @display(description=gettext_lazy("state"), ordering="expires_at")
    def state(self, token: HookToken) -> Any:
        """Taken, taken for a while, or refused."""
        moment = clock.now()
        if token.expires_at is None:
            return show.badge(_("taken"), show.GOOD)
        if token.lives(moment):
            left = clock.span(token.expires_at - moment)
            return show.badge(_("replaced, taken for %(span)s more") % {"span": left}, show.WARN)
        return show.badge(_("refused"), show.MUTED)

    @display(description=gettext_lazy("made"), ordering="created_at")
    def made(self, token: HookToken) -> Any:
        """When."""
        return show.moment(token.created_at)

    @display(description=gettext_lazy("last used"), ordering="last_used_at")
    def used(self, token: HookToken) -> Any:
        """When somebody showed it last."""
        return show.moment(token.last_used_at, never=show.DASH if token.kind == TokenKind.SIGNATURE else "")

    @object_button(
        permission="revoke",
        description=gettext_lazy("End now"),
        path="end-now",
        icon="block",
        confirmation=_about_ending,
    )
    def end_now(self, request: HttpRequest, token: HookToken) -> Outcome:
        """Refuse it from now on."""
        moment = clock.now()
        HookToken.objects.filter(HookToken.living(moment), pk=token.pk).update(expires_at=moment)
        note(token, {"expires_at": (token.expires_at, moment)})
        self.log_change(request, token, _("Ended it."))
        return Outcome(_("This token is refused from now on."))
