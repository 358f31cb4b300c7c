"""A form that asks what exactly is wanted. What Proxmox has comes with it; errors go to the field that they name."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from django import forms
from django.utils.translation import gettext as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from portal.lib import show
from servers.asking import Found
from servers.models import Server
from servers.proxmox.details import StorageSpace

# Proxmox's names of parameters, and what the field is called here.
ALIASES: Final = {
    "hostname": "name", "snapname": "name", "archive": "volume", "ostemplate": "volume", "targetstorage": "storage",
    "target-storage": "storage", "notes-template": "notes", "with-local-disks": "local_disks", "vmstate": "memory",
}  # fmt: skip


class ActionForm(forms.Form):
    """Base. ``asked`` names the questions to Proxmox (``servers.asking``); ``danger`` colours the button."""

    asked: ClassVar[tuple[str, ...]] = ()
    danger: ClassVar[bool] = False

    def __init__(self, server: Server, found: Found, *args: Any, **kwargs: Any) -> None:
        self.server, self.found = server, found
        super().__init__(*args, **kwargs)
        self.prepare()

    def prepare(self) -> None:
        """Fill choices and present values in."""

    def points(self) -> list[Any]:
        """What a person should know before."""
        return []

    def obstacle(self) -> str:
        """Why it cannot be done at all; '' where it can."""
        return ""

    def parameters(self) -> dict[str, Any]:
        """What is asked for, of a valid form."""
        return {name: value for name, value in self.cleaned_data.items() if value not in ("", None, False, [])}

    def take(self, parameters: Mapping[str, Any]) -> None:
        """Fill in what was asked for the last time."""
        for name, value in parameters.items():
            if name in self.fields:
                self.initial[name] = " ".join(value) if isinstance(value, list) else value

    def complain(self, errors: Mapping[str, str]) -> None:
        """Put sentences at the fields that they name; what names none stands above the form."""
        for name, sentence in errors.items():
            field = ALIASES.get(name, name)
            if field in self.fields:
                self.add_error(field, sentence)
            else:
                words = sentence if name.startswith("__") else f"{name}: {sentence}"
                self.add_error(None, words)

    def choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        """Set the choices of a field."""
        field: Any = self.fields[name]
        field.choices = choices


def text(label: Any, *, required: bool = True, help_text: Any = "", **attrs: Any) -> forms.CharField:
    """A line."""
    widget = UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false", **attrs})
    return forms.CharField(label=label, required=required, max_length=255, help_text=help_text, widget=widget)


def lines(label: Any, *, help_text: Any = "", rows: int = 3) -> forms.CharField:
    """Some lines, which may be empty."""
    widget = UnfoldAdminTextareaWidget(attrs={"rows": rows})
    return forms.CharField(label=label, required=False, max_length=8000, help_text=help_text, widget=widget)


def number(label: Any, *, least: int, most: int, required: bool = True, help_text: Any = "") -> forms.IntegerField:
    """A whole number."""
    return forms.IntegerField(
        label=label, min_value=least, max_value=most, required=required, help_text=help_text,
        widget=UnfoldAdminIntegerFieldWidget(),
    )  # fmt: skip


def choice(label: Any, *, required: bool = True, help_text: Any = "", choices: Any = ()) -> forms.ChoiceField:
    """One of some."""
    widget = UnfoldAdminSelectWidget()
    return forms.ChoiceField(label=label, required=required, help_text=help_text, widget=widget, choices=choices)


def tick(label: Any, *, help_text: Any = "", initial: bool = False) -> forms.BooleanField:
    """A box."""
    widget = UnfoldBooleanWidget()
    return forms.BooleanField(label=label, required=False, help_text=help_text, initial=initial, widget=widget)


def storage_choices(storages: list[StorageSpace]) -> list[tuple[str, str]]:
    """Name and free space, the emptiest first."""
    in_order = sorted(storages, key=lambda storage: -(storage.available or 0))
    words = _("%(name)s: %(free)s free")
    return [
        (row.name, words % {"name": row.name, "free": show.size(row.available)} if row.available else row.name)
        for row in in_order
    ]
