"""A backup as a new server: the button on a backup and on a server, and the form between looking and asking."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action as unfold_action

from portal.lib import show
from portal.lib.access import may
from portal.lib.buttons import not_there, object_url, turn_away
from servers import offers, restoring
from servers.admin import labels
from servers.admin.changing.base import choice, number, text, tick
from servers.admin.changing.saving import when
from servers.models import Backup, Server, ServerStatus, Verification
from servers.operations import Refusal
from servers.proxmox.errors import Invalid
from servers.restoring import Source

TITLE = gettext_lazy("Restore as a new server")
MOST = 100
FIELDS = {"newid": "name", "hostname": "name", "archive": "storage", "ostemplate": "storage"}


class RestoreNewForm(forms.Form):
    """Name, place, what the portal knows of it, and whether it starts. ``wanted`` is there once it is valid."""

    name = text(gettext_lazy("Name"), help_text=gettext_lazy("A host name: letters a-z, digits, hyphens and dots."))
    node = choice(gettext_lazy("Node"), required=False)
    storage = choice(gettext_lazy("Storage for its disks"), required=False)
    start = tick(gettext_lazy("Start it"))
    owner = text(gettext_lazy("Owner"), required=False, maxlength=100)
    environment = text(gettext_lazy("Environment"), required=False, maxlength=40)
    exporter_port = number(
        gettext_lazy("Exporter port"), least=1, most=65535, required=False,
        help_text=gettext_lazy("Where its node_exporter listens (usually 9100). Empty: Prometheus does not scrape it."),
    )  # fmt: skip
    backup_days = number(gettext_lazy("Backup wanted (days)"), least=1, most=3650, required=False)
    reason = text(gettext_lazy("What for"), required=False, maxlength=300)

    def __init__(self, source: Source, data: Any = None) -> None:
        self.source = source
        self.wanted: dict[str, Any] = {}
        super().__init__(data, initial=_defaults(source))
        self._choose("node", [("", _("the one with the most memory free")), *_nodes(source)])
        kept = [("", _("as it was: %(names)s") % {"names": ", ".join(source.homes)})] if source.own else []
        self._choose("storage", kept + _storages(source))
        self.fields["storage"].required = not source.own

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field: Any = self.fields[name]
        field.choices = choices

    def clean(self) -> dict[str, Any]:
        """Hold it against what the cluster has."""
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        try:
            self.wanted = restoring.order(self.source, cleaned)
        except Invalid as error:
            for name, sentence in error.fields.items():
                field = FIELDS.get(name, name)
                self.add_error(field if field in self.fields else None, sentence)
        return cleaned


def _defaults(source: Source) -> dict[str, Any]:
    server, config = source.backup.server, source.config
    base = (config.name if config else "") or (server.name if server else "") or f"vm{source.backup.vmid}"
    known = {name: getattr(server, name) for name in restoring.REGISTERED} if server else {}
    there = source.original
    return known | {
        "name": f"{base}-restored"[:63] if there else base, "start": there is None,
        "storage": "" if source.own else next(iter(source.storages), ""),
    }  # fmt: skip


def _nodes(source: Source) -> list[tuple[str, str]]:
    free, sentence = offers.rooms(source.backup.cluster), _("%(name)s: %(free)s of memory free")
    found = []
    for name in source.nodes:
        room = free.get(name)
        known = room is not None and room.memory is not None
        found.append((name, sentence % {"name": name, "free": show.size(room.memory)} if known and room else name))
    return found


def _storages(source: Source) -> list[tuple[str, str]]:
    sentence, where = _("%(name)s: %(free)s free"), _("%(name)s (on %(nodes)s)")
    found = []
    for name, nodes in source.storages.items():
        words = sentence % {"name": name, "free": show.size(source.offer.free_on(name))}
        if nodes < set(source.nodes):
            words = where % {"name": words, "nodes": ", ".join(sorted(nodes))}
        found.append((name, words))
    return found


def points(source: Source) -> list[tuple[str, Any]]:
    """What a person should know before: a class of the stylesheet ('' for none) and the sentence."""
    low, high = settings.PORTAL_VMID_RANGE
    ids = _("Its id comes from the portal's own range (%(low)d to %(high)d), most likely %(vmid)d.")
    found = [("", _contents(source)), ("", ids % {"low": low, "high": high, "vmid": source.vmid or low})]
    found.append(("", _("Its network cards get hardware addresses of their own; the rest is as it was backed up.")))
    if there := source.original:
        twice = _("%(server)s is there still (%(state)s): where its address is set within, both would have the same. "
                  "Leave the new one off until that is changed.")  # fmt: skip
        tone = "pm-ink-warn" if there.status != ServerStatus.STOPPED else ""
        found.append((tone, twice % {"server": there, "state": labels.status_word(there.status)}))
    if source.backup.verification == Verification.FAILED:
        found.append(("pm-ink-bad", _("Proxmox Backup Server found this backup damaged.")))
    if missing := restoring.missing_bridges(source):
        words = _("No node has the bridge %(names)s, on which its network cards hang.")
        found.append(("pm-ink-bad", words % {"names": ", ".join(missing)}))
    for name, free in source.tight.items():
        words = _("Not on %(storage)s: it has %(free)s free, and the disks have %(needed)s.")
        found.append(("pm-ink-warn", words % {
            "storage": name, "free": show.size(free), "needed": show.size(source.needed),
        }))  # fmt: skip
    if source.offer.trouble:
        found.append(("pm-ink-warn", source.offer.trouble))
    return found


def _contents(source: Source) -> str:
    config, server = source.config, source.backup.server
    of = str(server) if server else (config.name if config else "?")
    parts = [labels.cores(config.cores * config.sockets)] if config and config.cores else []
    parts += [_("%(size)s of memory") % {"size": show.size(source.memory)}] if source.memory else []
    parts += [_("%(size)s of disks") % {"size": show.size(source.needed)}] if source.needed else []
    words = _("A backup of %(server)s, made %(when)s: %(contents)s.")
    return words % {"server": of, "when": when(source.backup.created_at), "contents": ", ".join(parts)}


def _obstacle(source: Source) -> str:
    if source.obstacle:
        return source.obstacle
    if not source.nodes:
        missing = ", ".join(restoring.missing_bridges(source)) or "?"
        return _("No node reaches the backup and has the bridges of its network cards (%(names)s).") % {
            "names": missing
        }
    if not source.storages and not source.own:
        return _("No storage has room for its disks (%(size)s).") % {"size": show.size(source.needed)}
    return ""


class RestoreNewOfBackup:
    """For the ModelAdmin of backups."""

    actions_detail: Sequence[Any] = ["restore_new"]
    actions_row: Sequence[Any] = ["restore_new"]

    def has_restore_new_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether it is offered: the backup is there, and that person may create servers."""
        admin: Any = self
        backup = obj if isinstance(obj, Backup) or obj is None else admin.object_once(request, str(obj))
        return (backup is None or not backup.gone_at) and may(request.user, "provision", Server)

    @unfold_action(description=TITLE, url_path="restore-as-new", icon="settings_backup_restore")
    def restore_new(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The form, and what it asks for."""
        admin: Any = self
        backup = admin.object_once(request, object_id)
        if backup is None:
            return not_there(admin, request, object_id)
        if not may(request.user, "provision", Server) or not may(request.user, "view", backup):
            return turn_away(admin, request, backup, TITLE)
        return _answer(admin, request, restoring.look(backup))

    # Unfold hides the button by it; the view asks itself, and says of one that is gone that it is.
    restore_new.allowed_permissions = ["restore_new"]


def _answer(admin: Any, request: HttpRequest, source: Source) -> HttpResponse:
    form = RestoreNewForm(source, request.POST or None)
    obstacle = _obstacle(source)
    if request.method == "POST" and not obstacle and form.is_valid():
        try:
            made = restoring.restore(request.user, source, form.wanted, form.cleaned_data["reason"])
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            return HttpResponseRedirect(object_url(made))
    context = {
        **admin.admin_site.each_context(request), "opts": admin.opts, "original": source.backup,
        "title": _("Restore as a new server: %(backup)s") % {"backup": source.backup}, "form": form,
        "obstacle": obstacle, "toned": points(source) if not source.obstacle else [], "button": TITLE,
        "back_url": object_url(source.backup), "media": admin.media,
    }  # fmt: skip
    return TemplateResponse(request, "servers/action_form.html", context)


class RestoreNewOfServer:
    """For the ModelAdmin of servers: which of its backups."""

    def has_restore_new_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether that person may create servers."""
        return may(request.user, "provision", Server)

    @unfold_action(description=TITLE, url_path="restore-as-new", icon="add_to_queue", permissions=["restore_new"])
    def restore_new(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The backups to choose from; with only one, its form."""
        admin: Any = self
        server = admin.object_once(request, object_id)
        if server is None:
            return not_there(admin, request, object_id)
        if not may(request.user, "provision", Server) or not may(request.user, "view", Backup):
            return turn_away(admin, request, server, TITLE)
        rows = list(Backup.objects.filter(server=server, gone_at=None).select_related("storage")[:MOST])
        where = [reverse("admin:servers_backup_restore_new", args=(row.pk,)) for row in rows]
        if len(rows) == 1:
            return HttpResponseRedirect(where[0])
        context = {
            **admin.admin_site.each_context(request), "opts": admin.opts, "original": server,
            "title": _("Restore as a new server: %(server)s") % {"server": server},
            "backups": [(row, show.size(row.size), url) for row, url in zip(rows, where, strict=True)],
            "back_url": object_url(server), "media": admin.media,
        }  # fmt: skip
        return TemplateResponse(request, "servers/choose_backup.html", context)
