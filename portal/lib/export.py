"""Lists as files: CSV and XLSX of what the list shows, with its filters, through django-import-export.

A cell that a spreadsheet would take for a formula gets an apostrophe in front, control characters are dropped, and
moments are written with their zone. Only the columns that an admin names are written, so no secret can slip in.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from import_export import resources
from import_export.fields import Field
from import_export.formats import base_formats

from portal.lib import clock

FORMATS: Final = {"csv": base_formats.CSV, "xlsx": base_formats.XLSX}
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def plain(value: Any) -> Any:
    """A value as a spreadsheet may have it: a number, or a text that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return value
    if isinstance(value, datetime):
        return timezone.localtime(value).isoformat(timespec="seconds")
    text = CONTROL.sub("", ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value))
    return f"'{text}" if text.startswith(FORMULA) else text


class PlainResource(resources.ModelResource):
    """Rows as plain values."""

    class Meta:
        chunk_size = 2000

    def export_field(self, field: Field, instance: Model, **kwargs: Any) -> Any:
        """One cell."""
        return plain(field.get_value(instance))


def table(queryset: "QuerySet[Any]", columns: Sequence[str]) -> Any:
    """The rows as a tablib data set. A column is a field, or a path such as ``node__name``."""
    resource = PlainResource()
    resource.fields = {path: Field(attribute=path, column_name=path.replace("__", "_")) for path in columns}
    return resource.export(queryset=queryset)


def answer(request: HttpRequest, model_admin: Any, kind: str) -> HttpResponse:
    """The list of that admin as a file, filtered and ordered as the request's query says. Raises PermissionDenied."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    if kind not in FORMATS or not model_admin.export_columns:
        raise Http404
    written = FORMATS[kind]()
    body = written.export_data(table(model_admin.whole_list(request), model_admin.export_columns))
    name = f"{model_admin.opts.model_name}s-{clock.now():%Y-%m-%d}.{kind}"
    content_type = "text/csv; charset=utf-8" if kind == "csv" else written.get_content_type()
    # Excel reads a CSV file as UTF-8 only with this mark in front.
    content = b"\xef\xbb\xbf" + body.encode() if isinstance(body, str) else body
    return HttpResponse(
        content, content_type=content_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


export_view = require_safe(answer)
