"""Filters of the lists. Short names in the address, so that links and saved views stay readable."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from django.core.cache import cache
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from servers.admin.ages import BACKUP_AGES, backup_age, newest_backup
from servers.models import Cluster, Node, Server, ServerStatus

CHOICES_SECONDS: Final = 60
Choices = list[tuple[str, Any]]


class LivingFilter(DropdownFilter):
    """What exists now, unless history is asked for."""

    title = _("retired")
    parameter_name = "retired"
    all_option = None
    column = "retired_at"

    def choices(self, changelist: Any) -> Iterator[Any]:
        """The form with a label that its words complete: “Show: living”, not “By retired: living”."""
        for choice in super().choices(changelist):
            choice["form"].fields[self.parameter_name].label = _("Show")
            yield choice

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """Living, retired, or both."""
        return [("", _("living")), ("yes", _("retired")), ("all", _("living and retired"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The living ones by default."""
        if self.value() == "all":
            return queryset
        return queryset.filter(**{f"{self.column}__isnull": self.value() != "yes"})


class BackupLivingFilter(LivingFilter):
    """Backups that exist, unless those that are gone are asked for."""

    title = _("gone")
    parameter_name = "gone"
    column = "gone_at"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """Existing, gone, or both."""
        return [("", _("existing")), ("yes", _("gone")), ("all", _("existing and gone"))]


class ExactFilter(DropdownFilter):
    """One value of one column. ``choices_of`` names the values; a value that is not among them filters as well."""

    column: str

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those with that value."""
        value = self.value()
        return queryset.filter(**{self.column: value}) if value else queryset


class KeyFilter(ExactFilter):
    """A row of another table, by its key."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those that point to it; nothing where the key is none."""
        value = self.value() or ""
        if not value:
            return queryset
        return queryset.filter(**{f"{self.column}_id": value}) if value.isdecimal() else queryset.none()


class ClusterFilter(KeyFilter):
    """By cluster."""

    title, parameter_name, column = _("cluster"), "cluster", "cluster"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """Every cluster."""
        return _remembered(
            "clusters", lambda: [(str(pk), name) for pk, name in Cluster.objects.values_list("pk", "name")]
        )


class NodeFilter(KeyFilter):
    """By node."""

    title, parameter_name, column = _("node"), "node", "node"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """Every living node, with its cluster where there are several."""
        return _remembered("nodes", _nodes)


class LinkedFilter(KeyFilter):
    """The rows of one thing, reached by a link from its page: it offers no choices but the present one."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """The one that is asked for, so that the filter shows and can be taken off."""
        value = request.GET.get(str(self.parameter_name), "")
        return [(value, _("the chosen one"))] if value else []


class ServerFilter(LinkedFilter):
    """Of one server."""

    title, parameter_name, column = _("server"), "server", "server"


class OfNodeFilter(LinkedFilter):
    """Of one node."""

    title, parameter_name, column = _("node"), "node", "node"


class StorageFilter(LinkedFilter):
    """Of one storage."""

    title, parameter_name, column = _("storage"), "storage", "storage"


class StatusFilter(ExactFilter):
    """By a server's state; "other" is everything but running and stopped."""

    title, parameter_name, column = _("status"), "status", "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """The usual states."""
        return [*ServerStatus.choices, ("other", _("neither running nor stopped"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those in that state."""
        if self.value() == "other":
            return queryset.exclude(status__in=[ServerStatus.RUNNING, ServerStatus.STOPPED])
        return super().queryset(request, queryset)


class KindFilter(ExactFilter):
    """VM or container, unless templates are asked for: they are no servers, and nobody counts them as such."""

    title, parameter_name, column = _("type"), "type", "kind"
    all_option = None

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """The kinds."""
        return [
            ("", _("VMs and containers")),
            ("qemu", _("VM")),
            ("lxc", _("container")),
            ("template", _("template")),
            ("all", _("all, with templates")),
        ]

    def value(self) -> str | None:
        """What is asked for; "guest" of older links is what is shown unasked."""
        asked = super().value()
        return None if asked == "guest" else asked

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those of that kind."""
        if self.value() == "all":
            return queryset
        if self.value() == "template":
            return queryset.filter(template=True)
        return super().queryset(request, queryset.filter(template=False))


class OwnerFilter(ExactFilter):
    """By owner."""

    title, parameter_name, column = _("owner"), "owner", "owner"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """Every owner that occurs, and nobody."""
        return [("-", _("nobody")), *_remembered("owners", lambda: _distinct("owner"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those of that owner."""
        return queryset.filter(owner="") if self.value() == "-" else super().queryset(request, queryset)


class EnvironmentFilter(ExactFilter):
    """By environment."""

    title, parameter_name, column = _("environment"), "environment", "environment"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """Every environment that occurs."""
        return _remembered("environments", lambda: _distinct("environment"))


class TagFilter(DropdownFilter):
    """By one of its tags."""

    title, parameter_name = _("tag"), "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """Every tag that occurs."""
        return _remembered("tags", _tags)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those that have it."""
        value = self.value()
        return queryset.filter(tags__contains=f";{value};") if value else queryset


class BackupAgeFilter(DropdownFilter):
    """By the age of the newest backup."""

    title, parameter_name = _("last backup"), "backup"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """The steps of the front page."""
        return [(key, words) for key, words, _younger, _older in BACKUP_AGES] + [("none", _("none at all"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those whose newest backup is that old."""
        condition = backup_age(self.value() or "")
        return queryset.annotate(newest_backup=newest_backup()).filter(condition) if condition else queryset


def _remembered(name: str, find: Callable[[], Choices]) -> Choices:
    """Values that occur in a column, kept for a minute: finding them looks at every row."""
    key = f"servers:choices:{name}"
    found: Choices | None = cache.get(key)
    if found is None:
        found = find()
        cache.set(key, found, CHOICES_SECONDS)
    return found


def _distinct(column: str) -> Choices:
    values = Server.objects.filter(retired_at=None).exclude(**{column: ""}).order_by(column)
    return [(value, value) for value in values.values_list(column, flat=True).distinct()]


def _tags() -> Choices:
    texts = Server.objects.filter(retired_at=None).exclude(tags="").order_by().values_list("tags", flat=True).distinct()
    return [(tag, tag) for tag in sorted({tag for text in texts for tag in text.split(";") if tag})]


def _nodes() -> Choices:
    rows = list(Node.objects.filter(retired_at=None).values_list("pk", "name", "cluster__name"))
    several = len({cluster for _pk, _name, cluster in rows}) > 1
    return [(str(pk), f"{name} · {cluster}" if several else name) for pk, name, cluster in rows]
