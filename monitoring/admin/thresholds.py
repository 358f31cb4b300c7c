"""The thresholds of the alert rules: a list to read, and a number to change."""

from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from monitoring.models import AlertThreshold
from portal.lib import show
from portal.lib.admin import GuardedAdmin


@admin.register(AlertThreshold)
class AlertThresholdAdmin(GuardedAdmin):
    """One row per shipped rule: nobody adds or deletes any. Prometheus reads a change with its next scrape."""

    list_display = ("alert", "compared", "meaning", "shipped_value", "note")
    search_fields = ("alert", "note")
    search_help_text = gettext_lazy("Rule or note")
    fields = ("rule", "meaning", "value", "note")
    readonly_fields = ("rule", "meaning")
    export_columns = ("alert", "value", "note")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody: a row comes with its rule."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: a row goes with its rule."""
        return False

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[ModelForm]:
        """The form, which says what makes sense."""
        form: type[ModelForm] = super().get_form(request, obj, change, **kwargs)
        shipped = obj.shipped if obj else None
        if shipped and "value" in form.base_fields:
            words = _(
                "In %(unit)s, from %(minimum)s to %(maximum)s. Shipped: %(value)s. Holds from the next scrape on."
            )
            form.base_fields["value"].help_text = words % {
                "unit": shipped.unit, "minimum": f"{shipped.minimum:g}", "maximum": f"{shipped.maximum:g}",
                "value": f"{shipped.value:g}",
            }  # fmt: skip
        return form

    @display(description=gettext_lazy("alert rule"))
    def rule(self, threshold: AlertThreshold) -> SafeString:
        """Its name, with a link to what to do when it fires."""
        return show.link(reverse("runbook", args=[threshold.alert]), threshold.alert)

    @display(description=gettext_lazy("threshold"), ordering="value")
    def compared(self, threshold: AlertThreshold) -> str:
        """The number and its unit."""
        return _amount(threshold.value, threshold.unit)

    @display(description=gettext_lazy("what it means"))
    def meaning(self, threshold: AlertThreshold) -> Any:
        """What is compared."""
        return threshold.description or show.DASH

    @display(description=gettext_lazy("shipped"))
    def shipped_value(self, threshold: AlertThreshold) -> Any:
        """The default, said aloud where somebody changed it."""
        if threshold.shipped is None:
            return show.badge(_("no such rule any more"))
        if threshold.is_default:
            return show.badge(_("as shipped"))
        return show.badge(_amount(threshold.shipped.value, threshold.unit), show.WARN, title=_("Changed here."))


def _amount(value: float, unit: Any) -> str:
    return f"{value:g}\N{NO-BREAK SPACE}{unit}"
