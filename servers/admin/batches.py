"""What was asked of many servers at once, on one page: all of it advancing, and what has not begun called off."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.lib import clock, show
from portal.lib.access import may
from portal.lib.buttons import object_url
from servers import many
from servers.admin import labels
from servers.admin.progress import state
from servers.models import Operation, OperationState, Server

OVER_BADLY = (OperationState.FAILED, OperationState.LOST)


def batch_url(batch: str) -> str:
    """The address of the page."""
    return reverse("admin:servers_operation_batch", args=(batch,))


def together(operation: Operation) -> Any:
    """A link to what was asked together with it; '' where it was asked alone."""
    if operation.server_request:
        return labels.to(operation.server_request)
    if not operation.batch:
        return ""
    count = Operation.objects.filter(batch=operation.batch).count()
    words = ngettext("%(count)d operation", "%(count)d operations", count) % {"count": count}
    return show.link(batch_url(operation.batch), words)


class BatchPages:
    """For the ModelAdmin of operations."""

    def get_urls(self) -> list[URLPattern]:
        """The page, its part that refreshes itself, and the button."""
        admin: Any = self
        view = admin.admin_site.admin_view
        above: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        return [
            path("batch/<slug:batch>/", view(self.batch), name="servers_operation_batch"),
            path("batch/<slug:batch>/live/", view(self.batch_live), name="servers_operation_batch_live"),
            path("batch/<slug:batch>/call-off/", view(self.call_off), name="servers_operation_batch_call_off"),
            *above,
        ]

    def batch(self, request: HttpRequest, batch: str) -> HttpResponse:
        """The whole page. Raises Http404, PermissionDenied."""
        admin: Any = self
        about = _about(request, batch)
        context = {
            **admin.admin_site.each_context(request), "opts": admin.opts, "media": admin.media,
            "live_url": reverse("admin:servers_operation_batch_live", args=(batch,)), **about,
        }  # fmt: skip
        return TemplateResponse(request, "servers/batch.html", context)

    def batch_live(self, request: HttpRequest, batch: str) -> HttpResponse:
        """Without the page around it."""
        return render(request, "servers/batch_live.html", _about(request, batch))

    def call_off(self, request: HttpRequest, batch: str) -> HttpResponse:
        """Call off what has not begun."""
        if request.method != "POST" or not may(request.user, "view", Operation):
            raise PermissionDenied
        if count := many.call_off(batch, request.user):
            words = ngettext("%(count)d was called off.", "%(count)d were called off.", count)
            messages.success(request, words % {"count": count})
        else:
            messages.info(request, _("Nothing was left to call off: all of it has begun, or it is not yours to ask."))
        return HttpResponseRedirect(batch_url(batch))


def _about(request: HttpRequest, batch: str) -> dict[str, Any]:
    if not may(request.user, "view", Operation):
        raise PermissionDenied
    rows = list(Operation.objects.filter(batch=batch).select_related("server__node", "cluster").order_by("pk"))
    if not rows:
        raise Http404
    replaced = {row.retry_of_id for row in rows}
    shown = [_line(row) for row in rows if row.pk not in replaced]
    first = rows[0]
    return {
        "title": _("%(action)s: %(count)d servers") % {"action": first.get_action_display(), "count": len(shown)},
        "batch": batch, "lines": shown, "summary": _summary(batch, len(shown)), "first": first,
        "going": any(one["active"] for one in shown),
        "may_call_off": any(one["unsent"] for one in shown) and may(request.user, first.plan.right, Server),
    }  # fmt: skip


def _line(operation: Operation) -> dict[str, Any]:
    server, words = operation.server, operation.message or operation.waiting_for
    return {
        "url": object_url(operation), "active": operation.is_active, "bad": operation.state in OVER_BADLY,
        "server": labels.to(server) if server else operation.subject,
        "place": f"{server.node or '?'}, {operation.cluster}" if server else str(operation.cluster),
        "state": state(operation), "took": clock.span(operation.duration),
        "words": "" if words == "OK" else words or operation.log.rstrip().rpartition("\n")[2],
        "unsent": operation.state == OperationState.QUEUED and operation.sending_at is None,
    }  # fmt: skip


def _summary(batch: str, whole: int) -> str:
    """“7 of 10 done, 2 in progress, 1 failed”; what was tried again counts by its last try."""
    rows = Operation.objects.filter(batch=batch, operation=None).order_by().values_list("state").annotate(Count("pk"))
    states = dict(rows)
    done = states.get(OperationState.SUCCEEDED, 0) + states.get(OperationState.WARNINGS, 0)
    going = sum(states.get(one, 0) for one in Operation.ACTIVE)
    bad, off = sum(states.get(one, 0) for one in OVER_BADLY), states.get(OperationState.CANCELLED, 0)
    parts = [_("%(done)d of %(count)d done") % {"done": done, "count": whole}]
    parts += [_("%(count)d in progress") % {"count": going}] if going else []
    parts += [_("%(count)d failed") % {"count": bad}] if bad else []
    parts += [_("%(count)d called off") % {"count": off}] if off else []
    return ", ".join(parts)
