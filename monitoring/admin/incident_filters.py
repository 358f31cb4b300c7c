"""How the list of incidents is narrowed down, and how many there are of each sort."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter

from monitoring.models import TOLD_BY_RULES, Condition, Incident, Severity
from notifications import muting
from portal.lib import clock
from portal.lib.buttons import list_url
from servers.models import Cluster

OPEN: Final = Q(closed_at=None)
SUPPRESSED: Final = "suppressed"


def sorts() -> dict[str, Q]:
    """What the filter “state” can ask for, but for what silences decide."""
    return {
        "": OPEN,
        "new": OPEN & Q(acknowledged_at=None),
        "acknowledged": OPEN & Q(acknowledged_at__isnull=False),
        "over": Q(closed_at__isnull=False),
        "all": Q(),
    }


def suppressed() -> Q:
    """Open ones of which nobody hears for now: snoozed, or under a silence or a maintenance window."""
    snoozed, mutes_of = Q(snoozed_until__gt=clock.now()), muting()
    rows = Incident.objects.filter(OPEN).order_by().only("pk", "labels", "condition", "severity")
    muted = [row.pk for row in rows if mutes_of(row.judged_labels)]
    return OPEN & (snoozed | Q(pk__in=muted))


class OpenFilter(DropdownFilter):
    """Open ones unless all are asked for."""

    title = gettext_lazy("state")
    parameter_name = "state"
    all_option = None

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Open, waiting for a person, looked after, kept quiet, over, or all."""
        return [
            ("", _("open")), ("new", _("not acknowledged")), ("acknowledged", _("acknowledged")),
            (SUPPRESSED, _("snoozed or silenced")), ("over", _("over")), ("all", _("all")),
        ]  # fmt: skip

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The open ones by default."""
        if self.value() == SUPPRESSED:
            return queryset.filter(suppressed())
        return queryset.filter(sorts().get(self.value() or "", OPEN))


class _Choice(DropdownFilter):
    column = ""
    choices_of: ClassVar[list[tuple[str, Any]]] = []

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return self.choices_of

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.column: self.value()}) if self.value() else queryset


class SeverityFilter(_Choice):
    """By how bad it is."""

    title, parameter_name, column = gettext_lazy("severity"), "severity", "severity"
    choices_of = list(Severity.choices)


class ConditionFilter(_Choice):
    """By what is wrong."""

    title, parameter_name, column = gettext_lazy("condition"), "condition", "condition"
    choices_of = [*Condition.choices, *TOLD_BY_RULES.items()]


class ClusterFilter(_Choice):
    """By cluster."""

    title, parameter_name, column = gettext_lazy("cluster"), "cluster", "cluster"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The clusters by name."""
        return [(str(pk), name) for pk, name in Cluster.objects.order_by("name").values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those of that cluster; nothing for what is no cluster's key."""
        value = self.value() or ""
        if value and not value.isdecimal():
            return queryset.none()
        return super().queryset(request, queryset)


def counts(asked: Mapping[str, str]) -> list[dict[str, Any]]:
    """How many incidents there are of each sort, with a link to them. One query."""
    kinds = {
        "": (_("open"), OPEN, {}),
        "new": (_("not acknowledged"), sorts()["new"], {"state": "new"}),
        "critical": (_("critical"), OPEN & Q(severity=Severity.CRITICAL), {"severity": "critical"}),
        "acknowledged": (_("acknowledged"), sorts()["acknowledged"], {"state": "acknowledged"}),
        "snoozed": (_("snoozed"), OPEN & Q(snoozed_until__gt=clock.now()), {"state": SUPPRESSED}),
    }
    found = (
        Incident.objects.filter(OPEN)
        .order_by()
        .aggregate(
            **{f"of_{name}": Count("pk", filter=condition) for name, (_words, condition, _query) in kinds.items()}
        )
    )
    here = {name: asked[name] for name in ("state", "severity") if asked.get(name)}
    return [
        {"words": words, "number": found[f"of_{name}"], "url": list_url(Incident, **query), "here": here == query}
        for name, (words, _condition, query) in kinds.items()
    ]
