"""Lists as files: CSV and JSON as they are read, so that the download begins at once, and XLSX for what fits in one.

A cell that a spreadsheet would take for a formula gets an apostrophe in front, control characters are dropped, and
moments are written with their zone. Only the columns that an admin names are written, so no secret can slip in.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, tzinfo
from typing import Any, Final

import tablib
from django.contrib import messages
from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from import_export.formats.base_formats import XLSX

from portal.lib import clock
from portal.lib.buttons import list_url

FORMATS: Final = ("csv", "json", "xlsx")
CONTENT_TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "xlsx": XLSX.CONTENT_TYPE,
}
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
AT_A_TIME: Final = 2000
# A workbook is put together in memory before its first byte can be sent: this many rows take some seconds.
MOST_IN_XLSX: Final = 20_000
SHEET_NAME_LENGTH: Final = 31
# The last step of a path that says no more than the thing it is the name of.
NAMES: Final = frozenset({"name", "username", "model", "title"})
# Excel reads a CSV file as UTF-8 only with this mark in front.
MARK: Final = "\ufeff"

Rows = Iterator[Sequence[Any]]


def plain(value: Any, zone: tzinfo | None = None) -> Any:
    """A value as a spreadsheet may have it: a number, or a text that no spreadsheet takes for a formula. Moments are
    told in that zone, or in the present one: a file is still being written when the request is over."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return value
    if isinstance(value, datetime):
        return timezone.localtime(value, zone).isoformat(timespec="seconds")
    text = CONTROL.sub("", ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value))
    return f"'{text}" if text.startswith(FORMULA) else text


def titles(model: type[Model], columns: Sequence[str]) -> list[str]:
    """What people call those columns, in their language."""
    return [_title(model, path) for path in columns]


def _title(model: type[Model], path: str) -> str:
    first, _dots, rest = path.partition("__")
    try:
        field: Any = model._meta.get_field(first)
    except FieldDoesNotExist:
        return str(capfirst(path.replace("_", " ")))
    name = str(field.verbose_name)
    if not rest or rest in NAMES or not field.related_model:
        return str(capfirst(name))
    return f"{capfirst(name)}: {_title(field.related_model, rest)}"


class _Line:
    """What the csv module writes to: it gives the line back."""

    def write(self, line: str) -> str:
        return line


def rows_of(queryset: "QuerySet[Any]", columns: Sequence[str]) -> Rows:
    """The rows, read a few at a time, with one query. A column is a field, a path such as ``node__name``, or an
    attribute of the object."""
    known = {*queryset.query.annotations, *(field.name for field in queryset.model._meta.get_fields())}
    if all(path.partition("__")[0] in known for path in columns):
        yield from queryset.values_list(*columns).iterator(chunk_size=AT_A_TIME)
        return
    related = sorted({path.rpartition("__")[0] for path in columns if "__" in path})
    for row in queryset.select_related(*related).iterator(chunk_size=AT_A_TIME):
        yield [_attribute(row, path) for path in columns]


def _attribute(row: Any, path: str) -> Any:
    for step in path.split("__"):
        row = getattr(row, step, None)
    return row


def _csv(head: Sequence[str], rows: Rows, zone: tzinfo) -> Iterator[str]:
    writer: Any = csv.writer(_Line())
    yield MARK + writer.writerow(head)
    for row in rows:
        yield writer.writerow([plain(value, zone) for value in row])


def _json(head: Sequence[str], rows: Rows, _zone: tzinfo) -> Iterator[str]:
    yield "["
    between = "\n"
    for row in rows:
        yield between + json.dumps(dict(zip(head, row, strict=True)), default=_as_json, ensure_ascii=False)
        between = ",\n"
    yield "\n]\n"


def _as_json(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _together(pieces: Iterator[str]) -> Iterator[bytes]:
    """A few hundred lines per write: a line is too small for a packet."""
    kept: list[str] = []
    for piece in pieces:
        kept.append(piece)
        if len(kept) >= 500:
            yield "".join(kept).encode()
            kept = []
    yield "".join(kept).encode()


def _workbook(model: type[Model], queryset: "QuerySet[Any]", columns: Sequence[str]) -> bytes:
    name = re.sub(r"[\[\]*?:/\\]", " ", str(capfirst(model._meta.verbose_name_plural or "")))
    sheet = tablib.Dataset(headers=titles(model, columns), title=name[:SHEET_NAME_LENGTH])
    for row in rows_of(queryset, columns):
        sheet.append([plain(value) for value in row])
    written: bytes = XLSX().export_data(sheet)
    return written


def answer(request: HttpRequest, model_admin: Any, kind: str) -> HttpResponse | StreamingHttpResponse:
    """The list of that admin as a file, filtered and ordered as the request's query says. Raises PermissionDenied."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    if kind not in FORMATS or not model_admin.export_columns:
        raise Http404
    model, columns, queryset = model_admin.model, model_admin.export_columns, model_admin.whole_list(request)
    name = f"{model_admin.opts.model_name}s-{clock.now():%Y-%m-%d}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Type": CONTENT_TYPES[kind]}
    if kind == "xlsx":
        if (count := queryset.count()) > MOST_IN_XLSX:
            return _too_many(request, model, count)
        return HttpResponse(_workbook(model, queryset, columns), headers=headers)
    head, write = _PLAIN[kind]
    lines = write(head(model, columns), rows_of(queryset, columns), timezone.get_current_timezone())
    return StreamingHttpResponse(_together(lines), headers=headers)


_PLAIN: Final[dict[str, tuple[Callable[..., Sequence[str]], Callable[..., Iterator[str]]]]] = {
    "csv": (titles, _csv),
    "json": (lambda _model, columns: columns, _json),
}


def _too_many(request: HttpRequest, model: type[Model], count: int) -> HttpResponse:
    sentence = _(
        "%(count)d rows are too many for an XLSX file (%(most)d at most): take CSV, which begins at once, or filter."
    )
    messages.warning(request, sentence % {"count": count, "most": MOST_IN_XLSX})
    query = request.META.get("QUERY_STRING", "")
    return HttpResponseRedirect(f"{list_url(model)}?{query}" if query else list_url(model))


export_view = require_safe(answer)
