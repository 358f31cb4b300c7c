"""The form of a channel, made from the fields that its kind declares."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, ClassVar, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import capfirst, format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from notifications import channels
from notifications.channels.fields import Field
from notifications.models import AlertChannel

PREFIX: Final = "config_"
FORGET: Final = "forget_"
NEEDED: Final = gettext_lazy("This is needed.")


class ChannelForm(forms.ModelForm):
    """Name and severity, and what the kind asks for. A secret that is left empty stays as it is."""

    kind: ClassVar[str] = ""

    class Meta:
        model = AlertChannel
        fields: ClassVar = ["name", "enabled", "minimum_severity", "max_per_minute"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.kind = self.kind
        self.kept = self.instance.kept_secrets()
        self.values: dict[str, Any] = {}
        self.fields["max_per_minute"].required = False
        for field in self.declared():
            self.fields[PREFIX + field.name].required = field.required and field.name not in self.kept
            if not field.secret:
                self.initial[PREFIX + field.name] = field.as_text(self.instance.config.get(field.name))
            elif field.name in self.kept:
                self._say_kept(field)
            elif not field.required:
                self.fields.pop(FORGET + field.name, None)

    @classmethod
    def declared(cls) -> Iterator[Field]:
        """The fields of the kind."""
        yield from channels.get(cls.kind).fields

    def _say_kept(self, field: Field) -> None:
        shown = self.fields[PREFIX + field.name]
        shown.help_text = _("There is one. Leave this empty to keep it.") + f" {field.help}"
        shown.widget.attrs["placeholder"] = "••••••••"

    def clean_max_per_minute(self) -> int:
        """What was typed; left empty, the default."""
        typed: int | None = self.cleaned_data.get("max_per_minute")
        return typed or self.fields["max_per_minute"].initial

    def clean(self) -> dict[str, Any]:
        """Judge what was typed, field by field; ``values`` is what the channel then holds."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for field in self.declared():
            if PREFIX + field.name in self.errors:
                continue
            try:
                value = self._value_of(field)
            except ValidationError as error:
                self.add_error(PREFIX + field.name, error)
            else:
                self.values[field.name] = value
        if not self.errors:
            self._check_together()
        if cleaned.get("enabled") and (missing := channels.get(self.kind).missing()):
            self.add_error(None, missing + " " + _("Until then, save the channel disabled."))
        return cleaned

    def _check_together(self) -> None:
        try:
            channels.get(self.kind).check(self.values)
        except ValidationError as error:
            for name, found in error.error_dict.items() if hasattr(error, "error_dict") else [("", error)]:
                self.add_error(PREFIX + name if name else None, found)

    def _value_of(self, field: Field) -> Any:
        typed = str(self.cleaned_data.get(PREFIX + field.name) or "").strip()
        if typed:
            return field.clean(typed)
        if field.secret and field.name in self.kept and not self.cleaned_data.get(FORGET + field.name):
            return self.kept[field.name]
        if field.required:  # "remove it" is offered for optional ones only
            raise ValidationError(NEEDED)
        return None

    @property
    def config_changed(self) -> bool:
        """Whether something of what the kind asks for was changed."""
        return any(name.startswith((PREFIX, FORGET)) for name in self.changed_data)

    def save(self, commit: bool = True) -> AlertChannel:
        """The channel with its values, each where it belongs."""
        self.instance.keep(self.values)
        saved: AlertChannel = super().save(commit)
        return saved


class SecretTextarea(UnfoldAdminTextareaWidget):
    """Several lines that are never rendered back, like a password."""

    def format_value(self, value: Any) -> str:
        """Nothing, whatever was typed or kept."""
        return ""


@lru_cache
def channel_form(kind: str) -> type[ChannelForm]:
    """The form for channels of that kind. Raises LookupError."""
    members: dict[str, Any] = {"kind": kind, "__module__": __name__}
    for field in channels.get(kind).fields:
        members[PREFIX + field.name] = _input(field)
        if field.secret and not field.required:
            members[FORGET + field.name] = forms.BooleanField(
                label=format_lazy(gettext_lazy("Remove the {name}"), name=field.label),
                required=False,
                widget=UnfoldBooleanSwitchWidget(),
            )
    return type(f"{kind.title()}Form", (ChannelForm,), members)


def field_names(kind: str, kept: Iterable[str]) -> list[str]:
    """The form's fields of that kind; ``kept`` are the names of the secrets that there are."""
    names: list[str] = []
    for field in channels.get(kind).fields:
        forgettable = field.secret and not field.required and field.name in kept
        names += [PREFIX + field.name, FORGET + field.name] if forgettable else [PREFIX + field.name]
    return names


def _input(field: Field) -> forms.CharField:
    """Whether it is needed depends on what is kept: the form says so."""
    attrs: dict[str, Any] = {"placeholder": field.placeholder, "spellcheck": "false"}
    widget: forms.Widget
    if field.secret and field.rows > 1:
        widget = SecretTextarea(attrs={**attrs, "rows": field.rows, "autocomplete": "off"})
    elif field.secret:
        widget = UnfoldAdminPasswordWidget(attrs={**attrs, "autocomplete": "new-password"}, render_value=False)
    elif field.rows > 1:
        widget = UnfoldAdminTextareaWidget(attrs={**attrs, "rows": field.rows})
    else:
        widget = UnfoldAdminTextInputWidget(attrs=attrs)
    return forms.CharField(
        label=capfirst(field.label),
        help_text=field.help,
        required=False,
        max_length=4000,
        widget=widget,
        error_messages={"required": NEEDED},
    )
