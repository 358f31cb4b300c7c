"""Requests: the list, the form of a new one, and its page, on which all of its servers are seen to advance."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from portal.lib import show
from portal.lib.access import may
from portal.lib.admin import SyncedAdmin
from portal.lib.buttons import not_there, object_url
from servers import offers, requesting
from servers.admin import filters, labels
from servers.admin.creating import anew
from servers.admin.creating.forms import DecisionForm, NewServerForm
from servers.admin.creating.progress import counts, overview, state_of, summary
from servers.models import Blueprint, Operation, RequestState, Server, ServerRequest
from servers.operations import Refusal


class RequestStateFilter(filters.ExactFilter):
    """By what became of it."""

    title, parameter_name, column = gettext_lazy("state"), "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> filters.Choices:
        """The states."""
        return list(RequestState.choices)


@admin.register(ServerRequest)
class ServerRequestAdmin(SyncedAdmin):
    """New servers that somebody asked for."""

    list_display = ("title", "state_label", "progress", "from_blueprint", "who", "when")
    list_display_links = ("title",)
    list_filter = (filters.ClusterFilter, RequestStateFilter)
    list_select_related = ("cluster", "blueprint")
    search_fields = ("title", "requester", "reason", "operations__parameters__name")
    search_help_text = gettext_lazy("Name of a server, person, or what it is for")
    ordering = ("-requested_at", "-pk")
    empty_hint = gettext_lazy("Nobody has asked for a server yet: press “New server”.")
    change_form_template = "servers/request.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whoever may create servers."""
        return may(request.user, "provision", Server)

    def get_urls(self) -> list[URLPattern]:
        """What the page does, and its part that refreshes itself."""
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/live/", view(self.live), name="servers_serverrequest_live"),
            path("<int:pk>/decide/", view(self.decide), name="servers_serverrequest_decide"),
            path("<int:pk>/cancel/", view(self.cancel), name="servers_serverrequest_cancel"),
            path("<int:pk>/again/", view(self.again), name="servers_serverrequest_again"),
            *super().get_urls(),
        ]

    # --- the list

    def prepare(self, request: HttpRequest, rows: Any) -> None:
        """How far each is."""
        found = counts([row.pk for row in rows])
        for row in rows:
            states = found.get(row.pk, {})
            row.told, row.label = summary(row, states), state_of(row, states)

    @display(description=gettext_lazy("state"), ordering="state")
    def state_label(self, row: Any) -> Any:
        """What became of it."""
        return row.label

    @display(description=gettext_lazy("progress"))
    def progress(self, row: Any) -> Any:
        """How many are ready, being made, failed."""
        return row.told

    @display(description=gettext_lazy("made from"), ordering="blueprint__name")
    def from_blueprint(self, row: ServerRequest) -> Any:
        """The blueprint and the cluster."""
        return labels.with_sub(row.blueprint or show.DASH, labels.to(row.cluster))

    @display(description=gettext_lazy("asked by"), ordering="requester")
    def who(self, row: ServerRequest) -> Any:
        """Who, and what for."""
        return labels.with_sub(row.requester, row.reason)

    @display(description=gettext_lazy("asked"), ordering="requested_at")
    def when(self, row: ServerRequest) -> Any:
        """When."""
        return show.moment(row.requested_at)

    # --- a new one

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The blueprints to choose from, then the form of one."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        chosen = request.GET.get("blueprint", "")
        rows = Blueprint.objects.filter(enabled=True, cluster__enabled=True).select_related("cluster")
        blueprint = rows.filter(pk=int(chosen)).first() if chosen.isdecimal() else None
        if blueprint is None:
            if len(rows) == 1 and not chosen:
                return HttpResponseRedirect(f"{reverse('admin:servers_serverrequest_add')}?blueprint={rows[0].pk}")
            context = {"blueprints": rows, "may_add": may(request.user, "add", Blueprint), "title": _("New server")}
            return self._page(request, "servers/choose_blueprint.html", context)
        return self._form(request, blueprint)

    def _form(self, request: HttpRequest, blueprint: Blueprint) -> HttpResponse:
        offer = offers.of_cluster(blueprint.cluster)
        failed = anew.before(request, blueprint)
        form = NewServerForm(blueprint, offer, request.POST or None)
        if failed and request.method != "POST":
            form = anew.filled(blueprint, offer, failed)
        if request.method == "POST" and form.is_valid():
            try:
                made = requesting.submit(
                    request.user, blueprint.cluster, form.cleaned_data["names"], form.wanted, secrets=form.secrets,
                    blueprint=blueprint, reason=form.cleaned_data["reason"],
                )  # fmt: skip
            except Refusal as refusal:
                form.add_error(None, str(refusal))
            else:
                if failed:
                    anew.used(failed)
                return HttpResponseRedirect(object_url(made))
        context = {
            "form": form, "before": failed, "blueprint": blueprint, "trouble": offer.trouble,
            "title": _("New server: %(blueprint)s") % {"blueprint": blueprint},
        }  # fmt: skip
        return self._page(request, "servers/new_server.html", context)

    # --- its page

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """All of its servers, refreshing themselves, with what one may do about them."""
        row = self.object_once(request, object_id)
        if row is None:
            return not_there(self, request, object_id)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return self._page(request, "servers/request.html", {**self._about(request, row), "title": str(row)})

    def live(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The part that refreshes itself."""
        row = get_object_or_404(ServerRequest.objects.select_related("cluster", "blueprint"), pk=pk)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return render(request, "servers/request_live.html", self._about(request, row))

    def _about(self, request: HttpRequest, row: ServerRequest) -> dict[str, Any]:
        provisions = may(request.user, "provision", Server)
        return {
            "original": row, "request_row": row, "decides": may(request.user, "decide", row), "provisions": provisions,
            "is_mine": row.requested_by_id == request.user.pk, "decision_form": DecisionForm(),
            **overview(row),
            "live_url": reverse("admin:servers_serverrequest_live", args=(row.pk,)),
        }  # fmt: skip

    def decide(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Yes or no."""
        row = get_object_or_404(ServerRequest, pk=pk)
        act = requesting.approve if "approve" in request.POST else requesting.reject
        sentence = _("Approved: the servers are being made.") if "approve" in request.POST else _("Rejected.")
        return self._act(request, row, lambda: act(row, request.user, request.POST.get("reason", "")[:300]), sentence)

    def cancel(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Call off what has not begun."""
        row = get_object_or_404(ServerRequest, pk=pk)
        sentence = _("Called off: whatever had not begun. What is being made is made.")
        return self._act(request, row, lambda: requesting.cancel_rest(row, request.user), sentence)

    def again(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Try one again, or remove what it left."""
        row = get_object_or_404(ServerRequest, pk=pk)
        number = request.POST.get("operation", "")
        operation = get_object_or_404(Operation, server_request=row, pk=int(number) if number.isdecimal() else 0)
        act = requesting.ask_to_remove_rest if operation.kept.get("left") else requesting.try_again
        return self._act(request, row, lambda: act(operation, request.user), _("Asked of Proxmox once more."))

    def _act(self, request: HttpRequest, row: ServerRequest, deed: Any, sentence: str) -> HttpResponse:
        if not self.has_view_permission(request, row) or request.method != "POST":
            raise PermissionDenied
        try:
            deed()
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, sentence)
        return HttpResponseRedirect(object_url(row))

    def _page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        base = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media}
        return TemplateResponse(request, template, {**base, **context})
