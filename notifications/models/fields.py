"""Columns that routes, silences and maintenance windows share."""

from typing import Any, Final
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from notifications.routing import matchers

WEEKDAYS: Final = (
    (0, gettext_lazy("Mon")), (1, gettext_lazy("Tue")), (2, gettext_lazy("Wed")), (3, gettext_lazy("Thu")),
    (4, gettext_lazy("Fri")), (5, gettext_lazy("Sat")), (6, gettext_lazy("Sun")),
)  # fmt: skip
MATCHERS_HELP: Final = gettext_lazy(
    'As in Alertmanager: severity="critical", cluster=~"prod-.*", tag!="test". Several are separated by commas, and '
    "all must hold. Labels are severity, condition, cluster, node, name, vmid, owner, environment, tag and what a "
    "source adds."
)


def validate_matchers(text: str) -> None:
    """Raises ValidationError with a sentence for what is no list of matchers."""
    try:
        matchers.parse(text)
    except matchers.BadMatcher as error:
        raise ValidationError(str(error), code="matchers") from None


def validate_zone(name: str) -> None:
    """Raises ValidationError for what is no time zone."""
    if name not in available_timezones():
        raise ValidationError(_("There is no time zone “%s”. Write it as in Europe/Berlin or Asia/Seoul.") % name)


def validate_days(days: Any) -> None:
    """Raises ValidationError for what are no weekdays."""
    if not isinstance(days, list) or any(day not in range(7) or isinstance(day, bool) for day in days):
        raise ValidationError(_("Days are numbers from 0 (Monday) to 6 (Sunday)."))


class MatchersField(models.TextField):
    """Matchers in Alertmanager's syntax."""

    default_validators = [*models.TextField.default_validators, validate_matchers]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", MATCHERS_HELP)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        """Without the help, which is no matter of the database."""
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("help_text", None)
        return name, path, args, kwargs


class ZoneField(models.CharField):
    """The name of a time zone."""

    default_validators = [*models.CharField.default_validators, validate_zone]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs = {"max_length": 64, "default": "UTC", **kwargs}
        super().__init__(*args, **kwargs)


class WeekdaysField(models.JSONField):
    """A list of weekdays, Monday is 0."""

    default_validators = [*models.JSONField.default_validators, validate_days]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs = {"default": list, **kwargs}
        super().__init__(*args, **kwargs)
