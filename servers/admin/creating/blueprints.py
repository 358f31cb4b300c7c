"""Blueprints: the form offers what the chosen cluster has, and opens without it too."""

from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from portal.lib import show
from portal.lib.admin import GuardedAdmin
from servers import offers
from servers.admin import labels
from servers.models import Blueprint, Cluster, Kind
from servers.naming import lines, words
from servers.offers import Offer
from servers.proxmox import formats

# What a cluster has, and is offered.
PICKED: Final = ("template", "storage", "second_disk_storage", "bridge", "second_bridge")


class BlueprintForm(forms.ModelForm):
    """Pickers where the cluster is known; texts that are checked against it in any case."""

    offer: Offer | None = None

    class Meta:
        model = Blueprint
        fields: ClassVar = "__all__"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in PICKED:
            if name in self.fields and self.offer is None:
                self.fields[name].help_text = _("Choose the cluster first: then this offers what it has.")
            elif name in self.fields and self.offer is not None:
                pick(self.fields, name, self.offer, str(getattr(self.instance, name) or ""))
        if "cluster" in self.fields and not self.instance.pk:  # the pickers are those of one cluster
            self.fields["cluster"].widget.widget.attrs["data-reopen"] = " ".join(PICKED)
        if "ssh_keys" in self.fields:
            self.fields["ssh_keys"].widget = UnfoldAdminTextareaWidget(attrs={"rows": 3, "spellcheck": "false"})

    def clean_ssh_keys(self) -> str:
        """One public key per line."""
        return self._judged("ssh_keys", lines(self.cleaned_data["ssh_keys"]), formats.ssh_key, "\n")

    def clean_second_disk_path(self) -> str:
        """A folder."""
        return self._judged("second_disk_path", words(self.cleaned_data["second_disk_path"]), formats.mount_path, " ")

    def clean_nameservers(self) -> str:
        """Addresses."""
        return self._judged("nameservers", words(self.cleaned_data["nameservers"]), formats.address, " ")

    def clean_tags(self) -> str:
        """Words that Proxmox takes."""
        return self._judged("tags", words(self.cleaned_data["tags"]), formats.tag, ", ")

    def clean(self) -> dict[str, Any]:
        """The template has to be there, and of the kind."""
        cleaned = super().clean() or self.cleaned_data
        cluster, template = cleaned.get("cluster"), str(cleaned.get("template") or "")
        if cluster is None or not template or self.offer is None or self.offer.cluster != cluster:
            return cleaned
        container = ":" in template
        if container and cleaned.get("kind") != Kind.LXC:
            self.add_error("kind", _("That is a container template: choose container."))
        row = self.offer.templates.get(int(template)) if template.isdecimal() else None
        if row is not None and row.kind != cleaned.get("kind"):
            self.add_error("kind", _("The template is of the other type."))
        if not container and row is None:
            self.add_error("template", _("There is no template %(name)s in this cluster.") % {"name": template})
        if container and template not in self.offer.images and not self.offer.trouble:
            self.add_error("template", _("There is no template %(name)s in this cluster.") % {"name": template})
        return cleaned

    def _judged(self, _name: str, parts: list[str], judge: Any, glue: str) -> str:
        for part in parts:
            try:
                judge(part)
            except ValueError as problem:
                raise forms.ValidationError(str(problem)) from None
        return glue.join(parts)


def pick(fields: dict[str, Any], name: str, offer: Offer, present: str, *, kind: str = "") -> None:
    """Make a field a picker of what there is; what is set already stays choosable. A text where nothing is known."""
    what = {"template": _templates, "storage": _storages, "second_disk_storage": _storages}
    choices = what.get(name, _bridges)(offer, kind)
    if not choices:
        note = offer.trouble or _("Nothing of it was found on this cluster.")
        fields[name].help_text = f"{fields[name].help_text} {note}"
        return
    if present and present not in dict(choices):
        choices.append((present, _("%(name)s (not there any more)") % {"name": present}))
    empty = [("", "–")] if not fields[name].required or not present else []
    fields[name].widget = UnfoldAdminSelectWidget(choices=[*empty, *choices])


def _templates(offer: Offer, _kind: str) -> list[tuple[str, str]]:
    guests = [(str(row.vmid), f"{row.name} ({row.vmid}, {labels.kind_word(row)})") for row in offer.templates.values()]
    return guests + [(volume, _image(volume)) for volume in sorted(offer.images)]


def _image(volume: str) -> str:
    """A container template's file, and the storage that it is on: several may have the same."""
    return f"{volume.rpartition('/')[2]} ({volume.partition(':')[0]})"


def _storages(offer: Offer, kind: str) -> list[tuple[str, str]]:
    rows = {one.name for each in ([kind] if kind else Kind.values) for one in offer.fitting(each)}
    sentence = _("%(name)s: %(free)s free")
    return [(name, sentence % {"name": name, "free": show.size(offer.free_on(name))}) for name in sorted(rows)]


def _bridges(offer: Offer, _kind: str) -> list[tuple[str, str]]:
    everywhere = len(offer.nodes)
    return [
        (name, name if len(nodes) == everywhere else f"{name} ({', '.join(nodes)})")
        for name, nodes in sorted(offer.bridges.items())
    ]


def _only_cluster() -> Cluster | None:
    rows = list(Cluster.objects.filter(enabled=True)[:2])
    return rows[0] if len(rows) == 1 else None


@admin.register(Blueprint)
class BlueprintAdmin(GuardedAdmin):
    """What new servers are made from."""

    form = BlueprintForm
    list_display = ("name", "what", "place", "sizes", "limits", "offered")
    list_select_related = ("cluster",)
    search_fields = ("name", "description", "template", "tags")
    search_help_text = gettext_lazy("Name, purpose, template or tag")
    empty_hint = gettext_lazy("A blueprint says what new servers are made from: add one, then use “New server”.")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """In the order in which one thinks of them."""
        return [
            (None, {"fields": ["name", "description", ("cluster", "kind"), "enabled"]}),
            (_("What it is made from"), {"fields": [("template", "storage"), "full", ("cores", "memory"), "disk_gib",
                                                    ("second_disk_gib", "second_disk_storage"), "second_disk_path"]}),
            (_("Network"), {"fields": [("bridge", "vlan"), ("second_bridge", "second_vlan"),
                                       ("gateway", "nameservers"), "search_domain"]}),
            (_("First log-in"), {"fields": ["user", "ssh_keys"]}),
            (_("In the portal"), {"fields": ["name_pattern", ("owner", "environment"), "tags",
                                             ("exporter_port", "backup_days"), ("onboot", "protection")]}),
            (_("Limits"), {"fields": [("max_cores", "max_memory"), ("max_disk_gib", "max_count"), "needs_approval"]}),
        ]  # fmt: skip

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """With what the cluster has: that of the row, of the form that was sent, or the only one."""
        form = super().get_form(request, obj, change, **kwargs)
        form.offer = getattr(request, "_offer", None)
        return form

    def changeform_view(self, request: HttpRequest, object_id: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Ask the cluster before the transaction in which the admin saves."""
        cluster = self._cluster_of(request, object_id)
        if cluster is not None and self.has_change_permission(request):
            request._offer = offers.of_cluster(cluster)  # type: ignore[attr-defined]
        return super().changeform_view(request, object_id, *args, **kwargs)

    def _cluster_of(self, request: HttpRequest, object_id: str | None) -> Cluster | None:
        sent = request.POST.get("cluster") or request.GET.get("cluster") or ""
        if sent.isdecimal():
            return Cluster.objects.filter(pk=int(sent)).first()
        row = self.object_once(request, object_id) if object_id else None
        if row is not None:
            return row.cluster
        return _only_cluster()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """With the cluster, where there is but one."""
        only = _only_cluster()
        return ({"cluster": only.pk} if only else {}) | super().get_changeform_initial_data(request)

    @display(description=gettext_lazy("made from"))
    def what(self, blueprint: Blueprint) -> Any:
        """Type and template."""
        return labels.with_sub(blueprint.get_kind_display(), blueprint.template.rpartition("/")[2])

    @display(description=gettext_lazy("cluster"), ordering="cluster__name")
    def place(self, blueprint: Blueprint) -> Any:
        """Where."""
        return labels.with_sub(labels.to(blueprint.cluster), blueprint.storage)

    @display(description=gettext_lazy("size"))
    def sizes(self, blueprint: Blueprint) -> str:
        """As it is made, unless somebody says otherwise."""
        disk = f", {blueprint.disk_gib} GiB" if blueprint.disk_gib else ""
        return f"{labels.cores(blueprint.cores)}, {show.size(blueprint.memory * 1024**2)}{disk}"

    @display(description=gettext_lazy("limits"))
    def limits(self, blueprint: Blueprint) -> Any:
        """How many at once, and who agrees."""
        most = _("%(count)d at once") % {"count": blueprint.max_count}
        return labels.with_sub(most, _("needs approval") if blueprint.needs_approval else "")

    @display(description=gettext_lazy("offered"), boolean=True, ordering="enabled")
    def offered(self, blueprint: Blueprint) -> bool:
        """Whether one can make servers from it."""
        return blueprint.enabled
