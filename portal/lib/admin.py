"""What every page of the admin shares: permissions from one function, columns with one owner, rows prepared once.

``GuardedAdmin`` is the base of every ModelAdmin, ``SyncedAdmin`` of those whose rows the sync writes. Buttons that act
are in ``portal.lib.buttons``, places that other apps fill in ``portal.lib.sections``.
"""

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any, Final

from django.contrib.admin import ShowFacets
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.core.exceptions import SuspiciousOperation
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from unfold.admin import ModelAdmin, checkbox
from unfold.decorators import display
from unfold.views import ChangeList

from portal.lib import export, sections, show
from portal.lib.access import may


class PreparedChangeList(ChangeList):
    """A list whose model admin may look at the rows of the page at once, before they are drawn.

    Unfold asks for the headers again with every row, so what they are made of is remembered for the request.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._query_strings: dict[str, str] = {}
        super().__init__(*args, **kwargs)

    def get_query_string(self, new_params: Any = None, remove: Any = None) -> str:
        """The address of this list with something changed."""
        key = f"{new_params!r} {remove!r}"
        if key not in self._query_strings:
            self._query_strings[key] = super().get_query_string(new_params, remove)
        return self._query_strings[key]

    @cached_property
    def _ordering_columns(self) -> Any:
        return super().get_ordering_field_columns()

    def get_ordering_field_columns(self) -> Any:
        """Which columns it is ordered by."""
        return self._ordering_columns

    def get_results(self, request: HttpRequest) -> None:
        """Fetch the page, then let the admin add what it needs for all rows together."""
        super().get_results(request)
        self.model_admin.prepare(request, list(self.result_list))


CHECKBOX_VALUE: Final = "0pk0"


@lru_cache(maxsize=8)
def _checkbox(_language: str) -> str:
    return str(checkbox.render(ACTION_CHECKBOX_NAME, CHECKBOX_VALUE))


class WholeChangeList(ChangeList):
    """A list with its filters and order, and without a page: for a file of it."""

    def get_results(self, request: HttpRequest) -> None:
        """Nothing: the caller reads the queryset."""


class GuardedAdmin(ModelAdmin):
    """Asks ``may`` for everything, and writes only the columns that the form changed."""

    list_per_page = 50
    list_max_show_all = 200
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # a count per choice of every filter looks at every row that often
    list_filter_submit = True
    list_fullwidth = True
    compressed_fields = True
    warn_unsaved_form = True
    empty_value_display = show.DASH  # as our own columns have it
    list_before_template = "portal/list_top.html"
    change_form_outer_before_template = "portal/sections_top.html"
    change_form_outer_after_template = "portal/sections_below.html"
    # The sentence of an empty list: why it may be empty and what to do about it.
    empty_hint: Any = ""
    empty_title: Any = ""  # in place of “Nothing here yet”
    nothing_hint: Any = ""  # what the filters leave out unasked
    # The columns of the list as a file; none, and there is no file.
    export_columns: Sequence[str] = ()

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the list is offered at all."""
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether that person may look at it."""
        return self.allows(request, "view", obj) or self.allows(request, "change", obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether that person may add one."""
        return self.allows(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether that person may edit it."""
        return self.allows(request, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether that person may delete it."""
        return self.allows(request, "delete", obj)

    def allows(self, request: HttpRequest, action: str, obj: Any = None) -> bool:
        """The answer of ``may``. ``obj`` is an object, its key (as Unfold passes it), or None for the class."""
        if obj is not None and not isinstance(obj, Model):
            obj = self.object_once(request, str(obj))
            if obj is None:
                return False
        return may(request.user, action, obj if obj is not None else self.model)

    def object_once(self, request: HttpRequest, object_id: str) -> Any:
        """The object of this page, fetched once per request; None where there is none."""
        kept: dict[tuple[type[Model], str], Any] = getattr(request, "_kept_objects", {})
        key = (self.model, object_id)
        if key not in kept:
            kept[key] = super().get_object(request, unquote(object_id))
            request._kept_objects = kept  # type: ignore[attr-defined]
        return kept[key]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The list that prepares its rows."""
        return WholeChangeList if getattr(request, "_whole_list", False) else PreparedChangeList

    @display(description=ModelAdmin.action_checkbox.short_description)
    def action_checkbox(self, obj: Model) -> SafeString:
        """The box of a row; drawn once and filled in, for a template per row costs more than the row."""
        box = _checkbox(get_language() or "")
        return SafeString(box.replace(CHECKBOX_VALUE, escape(str(obj.pk))))

    def whole_list(self, request: HttpRequest) -> "QuerySet[Any]":
        """All rows that the list would show over all its pages. Raises SuspiciousOperation on filters that are none."""
        request._whole_list = True  # type: ignore[attr-defined]
        try:
            return self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            raise SuspiciousOperation("The address names a filter that this list does not have.") from None

    def get_urls(self) -> list[URLPattern]:
        """With the list as a file."""

        def as_file(request: HttpRequest, kind: str) -> HttpResponseBase:
            return export.export_view(request, self, kind)

        name = f"{self.opts.app_label}_{self.opts.model_name}_file"
        return [path("export/<str:kind>/", self.admin_site.admin_view(as_file), name=name), *super().get_urls()]

    def prepare(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """Add to the rows of one page what their columns need, with a fixed number of queries."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write a new row whole, and of an old one only what the form changed: the other columns have other owners."""
        if not change:
            obj.save()
            return
        columns = {column.name for column in obj._meta.concrete_fields}.intersection(form.changed_data)
        if columns:
            obj.save(update_fields=sorted(columns))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The form, with the sections that were registered for this object's page."""
        obj = kwargs.get("obj")
        if obj is not None and obj.pk:
            context["sections_top"] = sections.render(sections.place_of(obj, ":top"), request, obj)
            context["sections_below"] = sections.render(sections.place_of(obj), request, obj)
        return super().render_change_form(request, context, *args, **kwargs)


class SyncedAdmin(GuardedAdmin):
    """Rows that the sync writes: nobody adds or deletes them by hand, and its columns are facts to read."""

    operator_fields: Sequence[str] = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody: such a row appears when Proxmox has the thing."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: it is retired when Proxmox no longer has it, and kept as history."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may edit, where there is something of the operator's to edit."""
        return bool(self.operator_fields) and super().has_change_permission(request, obj)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """The operator's columns. What the sync knows is shown by the sections above."""
        return list(self.operator_fields)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """No empty box where there is nothing of the operator's."""
        return super().get_fieldsets(request, obj) if self.operator_fields else []
