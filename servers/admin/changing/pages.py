"""The pages of the menu “Actions” on a server's page. Looking asks Proxmox what it has; only a POST asks it to act."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action as unfold_action

from portal.lib.access import may
from portal.lib.buttons import not_there, object_url, turn_away
from servers import asking
from servers.admin import labels
from servers.admin.changing.base import ActionForm
from servers.admin.changing.configuring import ChangeForm, ResizeForm
from servers.admin.changing.moving import DeleteForm, MigrateForm
from servers.admin.changing.saving import BackUpForm, DeleteSnapshotForm, RestoreForm, RollbackForm, SnapshotForm
from servers.models import Action, Operation, OperationState, Server
from servers.operations import Refusal, request_operation
from servers.plans import plan_of
from servers.proxmox.errors import Invalid

FORMS: Final[Mapping[Action, tuple[type[ActionForm], str]]] = {
    Action.CHANGE: (ChangeForm, "edit"),
    Action.RESIZE: (ResizeForm, "memory"),
    Action.MIGRATE: (MigrateForm, "move_up"),
    Action.SNAPSHOT: (SnapshotForm, "photo_camera"),
    Action.ROLLBACK: (RollbackForm, "history"),
    Action.DELETE_SNAPSHOT: (DeleteSnapshotForm, "layers_clear"),
    Action.BACK_UP: (BackUpForm, "backup"),
    Action.RESTORE: (RestoreForm, "settings_backup_restore"),
    Action.DELETE: (DeleteForm, "delete"),
}
TEMPLATE: Final = "servers/action_form.html"
# A restore as a new server is no operation of this one: its page is in servers/admin/creating.
BESIDE: Final = {Action.RESTORE: ("do_restore", "restore_new")}
MENU: Final = [name for action in FORMS for name in BESIDE.get(action, (f"do_{action.value}",))]


def path_of(action: str) -> str:
    """The last part of the page's address."""
    return f"do-{action.replace('_', '-')}"


def form_url(server: Server, action: str, operation: Operation | None = None) -> str:
    """The address of the form, filled with what an operation asked for."""
    address = object_url(server).removesuffix("change/") + f"{path_of(action)}/"
    return f"{address}?from={operation.pk}" if operation else address


def _page(action: Action) -> Any:
    def view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        server = model_admin.object_once(request, object_id)
        if server is None:
            return not_there(model_admin, request, object_id)
        right = plan_of(action).right
        if not may(request.user, right, server):
            return turn_away(model_admin, request, server, action.label, action=right)
        return _answer(model_admin, request, server, action)

    view.__name__ = f"do_{action.value}"
    view.__doc__ = f"{action.value} one server."
    button = unfold_action(description=action.label, url_path=path_of(action), icon=FORMS[action][1])(view)
    button.allowed_permissions = [f"do_{action.value}"]  # Unfold hides the entry by it; the view asks again
    return button


def _answer(model_admin: Any, request: HttpRequest, server: Server, action: Action) -> HttpResponse:
    kind, _icon = FORMS[action]
    found = asking.about(server, *kind.asked)
    before = _before(request, server, action)
    if request.method != "POST":
        form = kind(server, found)
        if before:
            form = _again(kind, server, found, before)
        return _show(model_admin, request, server, action, form, before)
    form = kind(server, found, request.POST)
    if not found.trouble and not form.obstacle() and form.is_valid():
        try:
            operation = request_operation(server, action, request.user, form.parameters(), retry_of=before)
        except Invalid as error:
            form.complain(error.fields)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            sentence = _("%(action)s: asked of Proxmox. This page shows what becomes of it.")
            messages.success(request, sentence % {"action": action.label})
            return HttpResponseRedirect(object_url(operation))
    return _show(model_admin, request, server, action, form, before)


def _before(request: HttpRequest, server: Server, action: Action) -> Operation | None:
    """The one that failed and is asked for anew, where the address names it."""
    number = request.POST.get("from") or request.GET.get("from") or ""
    over = (OperationState.FAILED, OperationState.LOST)
    wanted = Operation.objects.filter(server=server, action=action, state__in=over)
    return wanted.filter(pk=int(number)).first() if number.isdecimal() and len(number) < 10 else None


def _again(kind: type[ActionForm], server: Server, found: asking.Found, before: Operation) -> ActionForm:
    """The form as it was filled, with what Proxmox said at the fields that it named."""
    blank = kind(server, found)
    blank.take(before.parameters)
    initial = {name: blank.get_initial_for_field(field, name) for name, field in blank.fields.items()}
    data = {name: value for name, value in initial.items() if value not in (None, False)}
    form = kind(server, found, data)
    form.is_valid()
    form.errors.clear()
    form.complain(before.errors or {"__all__": before.message})
    return form


def _show(  # noqa: PLR0913, PLR0917  (a page has that many parts)
    model_admin: Any, request: HttpRequest, server: Server, action: Action, form: ActionForm, before: Operation | None
) -> HttpResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "original": server,
        "title": f"{action.label}: {server}",
        "form": form,
        "obstacle": form.found.trouble or form.obstacle(),
        "points": [_state(server), *form.points()],
        "missing": form.found.missing,
        "button": action.label,
        "before": before,
        "back_url": object_url(before or server),
        "media": model_admin.media,
    }
    return TemplateResponse(request, TEMPLATE, context)


def _state(server: Server) -> str:
    return _("It is %(state)s now, on node %(node)s of cluster %(cluster)s.") % {
        "state": labels.status_word(server.status), "node": server.node or "?", "cluster": server.cluster,
    }  # fmt: skip


def _offered(action: Action) -> Callable[..., bool]:
    def has_permission(model_admin: Any, request: HttpRequest, obj: Any = None) -> bool:
        server = obj if isinstance(obj, Server) or obj is None else model_admin.object_once(request, str(obj))
        return server is not None and may(request.user, plan_of(action).right, server)

    return has_permission


class ChangingPages:
    """For the ModelAdmin of servers."""

    changing_menu: Sequence[Any] = [{"title": gettext_lazy("Actions"), "icon": "build", "items": MENU}]


for _action in FORMS:
    setattr(ChangingPages, f"do_{_action.value}", _page(_action))
    setattr(ChangingPages, f"has_do_{_action.value}_permission", _offered(_action))
