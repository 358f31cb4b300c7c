"""The forms of routes, silences and maintenance windows."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from notifications.message import Severity
from notifications.models import EscalationStep, Maintenance, QuietWindow, Route, Silence
from notifications.models.fields import WEEKDAYS
from notifications.routing.matchers import BadMatcher, Facts, failing, parse
from notifications.routing.rules import Grouping
from notifications.routing.windows import LONGEST, Weekly, until
from portal.lib import clock

SEVERITIES: Final = [
    (Severity.CRITICAL, gettext_lazy("critical")),
    (Severity.WARNING, gettext_lazy("warning")),
    (Severity.INFO, gettext_lazy("info")),
]
UNTIL: Final = "until"
PERIODS: Final = [
    ("1", gettext_lazy("1 hour")),
    ("4", gettext_lazy("4 hours")),
    ("24", gettext_lazy("1 day")),
    (UNTIL, gettext_lazy("until the time below")),
]


def matchers_widget() -> UnfoldAdminTextareaWidget:
    """A field for matchers."""
    return UnfoldAdminTextareaWidget(
        attrs={"rows": 2, "spellcheck": "false", "placeholder": 'severity="critical", cluster=~"prod-.*"'}
    )


def covers_everything(text: str) -> bool:
    """Whether matchers mean every message, as far as anybody can tell: as Alertmanager, those that a thing without any
    label fulfils."""
    return failing(parse(text), Facts({})) is None


class DaysField(forms.TypedMultipleChoiceField):
    """Weekdays as boxes, as a list of numbers."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs = {"choices": WEEKDAYS, "coerce": int, "widget": UnfoldAdminCheckboxSelectMultipleWidget(), **kwargs}
        super().__init__(**kwargs)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Boxes send texts, the row holds numbers."""
        return {str(day) for day in initial or ()} != {str(day) for day in data or ()}


class RouteForm(forms.ModelForm):
    """Which messages, whom, and how."""

    quiet_except = forms.MultipleChoiceField(
        label=gettext_lazy("Severities that are told at any hour"),
        choices=SEVERITIES,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )

    class Meta:
        model = Route
        exclude: ClassVar = ["position", "is_default"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "matchers" in self.fields:
            self.fields["matchers"].widget = matchers_widget()
        _as_boxes(self)

    def clean(self) -> dict[str, Any]:
        """Somebody must be told, and a group needs its labels."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("enabled") and not cleaned.get("every_channel") and not cleaned.get("channels"):
            sentence = _("Choose a channel, or every enabled channel: else nobody is told. Or save the route disabled.")
            self.add_error("channels", sentence)
        if cleaned.get("grouping") == Grouping.LABELS and not cleaned.get("group_by", "").strip(" ,"):
            self.add_error("group_by", _("Name at least one label, for example: cluster"))
        if self.instance.is_default and cleaned.get("matchers", "").strip():
            self.add_error("matchers", _("The default route takes the rest: it has no conditions."))
        return cleaned


def _as_boxes(form: forms.BaseForm) -> None:
    """Channels as boxes to tick: few, and each by its name."""
    field: Any = form.fields.get("channels")
    if field is not None:
        field.widget = UnfoldAdminCheckboxSelectMultipleWidget()
        field.widget.choices = field.choices
        field.help_text = ""


class StepForm(forms.ModelForm):
    """Whom to tell if nobody has acknowledged."""

    class Meta:
        model = EscalationStep
        fields: ClassVar = ["after_minutes", "channels"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _as_boxes(self)


class WindowForm(forms.ModelForm):
    """Hours on some days."""

    days = DaysField(label=gettext_lazy("Days"))

    class Meta:
        model = QuietWindow
        fields: ClassVar = ["days", "begins", "ends"]


class WindowFormSet(forms.BaseInlineFormSet):
    """All quiet hours of a route: there must be an hour left at which it speaks."""

    def clean(self) -> None:
        """Raises ValidationError if it would never speak."""
        super().clean()
        kept = [form.cleaned_data for form in self.forms if form.is_valid() and form.cleaned_data]
        weekly = [
            Weekly(frozenset(row["days"]), row["begins"], row["ends"], "UTC")
            for row in kept
            if row.get("days") and not row.get("DELETE")
        ]
        moment = clock.now()
        end = until(weekly, moment)
        if end is not None and end - moment >= LONGEST:
            raise ValidationError(_("These hours leave no time at which the route speaks: leave a gap."))


class _MuteForm(forms.ModelForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "matchers" in self.fields:
            self.fields["matchers"].widget = matchers_widget()

    def clean_matchers(self) -> str:
        """Not everything at once: that is switching the routes off, and is done there."""
        text = str(self.cleaned_data["matchers"])
        try:
            if covers_everything(text):
                raise ValidationError(
                    _('This means every message. Name something that must be there, for example severity="info".')
                )
        except BadMatcher:
            pass  # the field says so
        return text


class SilenceForm(_MuteForm):
    """What is kept quiet, for how long, and why."""

    period = forms.ChoiceField(
        label=gettext_lazy("For how long"), choices=PERIODS, initial="1", widget=UnfoldAdminRadioSelectWidget()
    )
    ends_at = forms.SplitDateTimeField(
        label=gettext_lazy("Until"), required=False, widget=UnfoldAdminSplitDateTimeWidget()
    )
    starts_at = forms.SplitDateTimeField(
        label=gettext_lazy("From"),
        required=False,
        help_text=gettext_lazy("Empty: from now on."),
        widget=UnfoldAdminSplitDateTimeWidget(),
    )
    reason = forms.CharField(label=gettext_lazy("Why"), max_length=300, widget=UnfoldAdminTextInputWidget())

    class Meta:
        model = Silence
        fields: ClassVar = ["matchers", "period", "ends_at", "starts_at", "reason"]

    def clean(self) -> dict[str, Any]:
        """Works out the beginning and the end."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        begin = cleaned.get("starts_at") or clock.now()
        period = cleaned.get("period")
        end: datetime | None = cleaned.get("ends_at")
        if period and period != UNTIL:
            end = begin + timedelta(hours=int(period))
        if end is None:
            self.add_error("ends_at", _("Say until when, or choose a length."))
        elif end <= max(begin, clock.now()):
            self.add_error("ends_at", _("This is over before it begins: choose a later time."))
        cleaned["starts_at"], cleaned["ends_at"] = begin, end
        return cleaned


class MaintenanceForm(_MuteForm):
    """Planned work, every week or once."""

    days = DaysField(label=gettext_lazy("Days"), required=False)

    class Meta:
        model = Maintenance
        fields: ClassVar = [
            "name", "enabled", "matchers", "reason", "recurrence", "days", "begins", "minutes", "zone", "once_at",
        ]  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """Each way of recurring needs its own times."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("recurrence") == Maintenance.ONCE:
            if not cleaned.get("once_at"):
                self.add_error("once_at", _("Say when it begins."))
        elif not cleaned.get("days"):
            self.add_error("days", _("Choose at least one day."))
        elif cleaned.get("begins") is None:
            self.add_error("begins", _("Say at what time it begins."))
        return cleaned
