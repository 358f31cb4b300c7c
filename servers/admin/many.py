"""The actions of the list of servers: power, snapshots and backups of many at once. A page says what will happen to
which, what is left out and why; its POST asks, and one more page shows all of it advancing."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import action as unfold_action

from portal.lib.buttons import list_url
from servers import many
from servers.admin.batches import batch_url
from servers.admin.changing.base import choice, lines, text, tick
from servers.admin.changing.pages import FORMS
from servers.admin.changing.saving import MODES, NEVER_PRUNED, NOTES, SNAPSHOT_NAME, name_by_clock
from servers.admin.power import DANGEROUS, ICONS, MEANING
from servers.models import POWER, Action, Server
from servers.proxmox import formats


class ManyForm(forms.Form):
    """Base: what is asked of all of them. ``decides`` is the field by which some may have to be left out."""

    decides: ClassVar[str] = ""

    def __init__(self, servers: Sequence[Server], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.prepare(servers)

    def prepare(self, servers: Sequence[Server]) -> None:
        """Fill choices in."""

    def parameters(self) -> dict[str, Any]:
        """What is asked for; of a form that is not valid, as far as it can be told."""
        given = self.cleaned_data if self.is_bound and self.is_valid() else self.initial
        return {name: value for name, value in given.items() if value not in ("", None, False)}


class ManySnapshotsForm(ManyForm):
    """One name for all of them."""

    decides = "name"

    name = text(gettext_lazy("Name"), maxlength=40, help_text=SNAPSHOT_NAME)
    description = lines(gettext_lazy("Description"))
    memory = tick(
        gettext_lazy("With its memory"), help_text=gettext_lazy("Of the running VMs. Takes as much space as they have.")
    )

    def prepare(self, servers: Sequence[Server]) -> None:
        """A name by the clock."""
        self.initial = {"name": name_by_clock(), **self.initial}

    def clean_name(self) -> str:
        """One that Proxmox takes."""
        name = str(self.cleaned_data["name"])
        try:
            formats.snapshot_name(name)
        except ValueError as problem:
            raise forms.ValidationError(str(problem)) from None
        return name


class ManyBackupsForm(ManyForm):
    """Where to, and how."""

    decides = "storage"

    storage = choice(gettext_lazy("Storage"))
    mode = choice(gettext_lazy("Mode"), choices=MODES)
    notes = text(gettext_lazy("Notes"), required=False, help_text=NOTES)
    protected = tick(gettext_lazy("Protected"), help_text=NEVER_PRUNED)

    def prepare(self, servers: Sequence[Server]) -> None:
        """The storages that some of them can reach, that for most of them first."""
        found = many.backup_storages(servers)
        words = _("%(name)s: for %(count)d of %(all)d")
        choices = [(n, words % {"name": n, "count": count, "all": len(servers)}) for n, count in found.items()]
        field: Any = self.fields["storage"]
        field.choices = choices
        first = next(iter(found), "")
        self.initial = {"storage": first, "mode": "snapshot", "notes": "{{guestname}}", **self.initial}


ASKED: Final[Mapping[Action, type[ManyForm]]] = {
    Action.SNAPSHOT: ManySnapshotsForm, Action.BACK_UP: ManyBackupsForm,
}  # fmt: skip
SAID: Final[dict[str, Any]] = {
    **MEANING,
    Action.SNAPSHOT: gettext_lazy(
        "A snapshot is no backup: it lies on the same disks, and slows them down the older it gets."
    ),
    Action.BACK_UP: gettext_lazy("A node backs up one server at a time: the others on it wait for their turn."),
}  # fmt: skip


def _for_many(action: Action) -> Any:
    def act(model_admin: Any, request: HttpRequest, queryset: QuerySet[Server]) -> HttpResponse | None:
        servers = list(queryset.select_related("cluster", "node")[: many.MOST + 1])
        if len(servers) > many.MOST:
            words = _("That are more than %(count)d servers: narrow the list with the filters first.")
            messages.error(request, words % {"count": many.MOST})
            return None
        return _answer(model_admin, request, action, servers)

    act.__name__ = f"{action.value}_selected"
    icon = ICONS[action] if action in ICONS else FORMS[action][1]
    return unfold_action(description=action.label, icon=icon, permissions=["operate"])(act)


def _answer(model_admin: Any, request: HttpRequest, action: Action, servers: list[Server]) -> HttpResponse:
    kind, confirmed = ASKED.get(action), bool(request.POST.get("confirmed"))
    form = kind(servers, request.POST if confirmed else None) if kind else None
    valid = form is None or (confirmed and form.is_valid())
    given = form.parameters() if form else {}
    key = str(given.get(form.decides, "")) if form else ""
    # The list of those that are left out was made for one storage, or name: for another it is shown anew.
    if confirmed and valid and request.POST.get("judged", key) == key:
        return _ask(request, action, _shown(request, servers), given)
    judged = many.judge(request.user, action, servers, given)
    unasked = _leave_out_unable(judged) if action == Action.SNAPSHOT else 0
    context = {
        **model_admin.admin_site.each_context(request), "opts": model_admin.opts, "media": model_admin.media,
        "title": _("%(action)s %(count)d servers") % {"action": action.label, "count": len(judged.able)},
        "action": action, "meaning": SAID[action], "danger": action in DANGEROUS, "form": form, "key": key,
        "judged": judged, "servers": servers, "unasked": unasked, "changed": confirmed and valid,
        "checkbox": ACTION_CHECKBOX_NAME, "back_url": list_url(Server),
    }  # fmt: skip
    return TemplateResponse(request, "servers/confirm_many.html", context)


def _shown(request: HttpRequest, servers: list[Server]) -> list[Server]:
    """Those that the page before said it will be done to: one field, for Django takes a thousand at most."""
    wanted = set(request.POST.get("able", "").split()) if "judged" in request.POST else None
    return [server for server in servers if wanted is None or str(server.pk) in wanted]


def _leave_out_unable(judged: many.Judged) -> int:
    """Ask Proxmox which of them can have snapshots. Returns of how many nobody could tell in time."""
    unable, unasked = many.without_snapshots(judged.able)
    why = _("one of its disks lies on a storage that cannot take snapshots")
    judged.unable += [(server, why) for server in judged.able if server.pk in unable]
    judged.able = [server for server in judged.able if server.pk not in unable]
    return unasked


def _ask(request: HttpRequest, action: Action, servers: list[Server], given: Mapping[str, Any]) -> HttpResponse:
    judged = many.judge(request.user, action, servers, given)  # once more: time has passed
    batch, queued, refused = many.ask_all(request.user, action, judged.able, given)
    left_out = _("%(server)s was left out: %(why)s.")
    refused = [left_out % {"server": server, "why": why} for server, why in judged.unable] + refused
    if queued:
        words = ngettext("%(action)s: asked of Proxmox for %(count)d server.",
                         "%(action)s: asked of Proxmox for %(count)d servers.", queued)  # fmt: skip
        messages.success(request, words % {"action": action.label, "count": queued})
    for sentence in refused[:10]:
        messages.error(request, sentence)
    if len(refused) > 10:
        messages.error(request, _("… and %(count)d more.") % {"count": len(refused) - 10})
    return HttpResponseRedirect(batch_url(batch) if queued else list_url(Server))


class ManyActions:
    """For the ModelAdmin of servers."""

    actions: Sequence[Any] = [_for_many(action) for action in (*POWER, *ASKED)]
