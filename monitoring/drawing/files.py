"""A panel's numbers as a file: one row for each point and one column for each series, or a table as it is."""

import csv
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from django.http import HttpResponse
from django.utils.text import slugify

from monitoring.panels import Panel
from portal.lib.export import plain


def answer(panel: Panel, found: dict[str, Any]) -> HttpResponse:
    """The file, whose times are UTC and whose numbers have no unit: that of a series stands in its head."""
    written = StringIO()
    rows = csv.writer(written)
    if "rows" in found:
        _table(rows, panel, found)
    else:
        _series(rows, panel, found)
    until = datetime.fromtimestamp(found["end"], UTC)
    name = f"{slugify(panel.title) or f'panel-{panel.id}'}-{until:%Y%m%dT%H%MZ}.csv"
    # Excel reads a CSV file as UTF-8 only with this mark in front.
    return HttpResponse(
        b"\xef\xbb\xbf" + written.getvalue().encode(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _series(rows: Any, panel: Panel, found: dict[str, Any]) -> None:
    series = found["series"]
    rows.writerow(["time", *(plain(f"{one['name']} ({panel.unit})") for one in series)])
    longest = max((len(one["values"]) for one in series), default=0)
    first = found["start"] if longest > 1 else found["end"]
    for place in range(longest):
        values = [one["values"][place] if place < len(one["values"]) else None for one in series]
        if any(value is not None for value in values):
            moment = datetime.fromtimestamp(first + place * found["step"], UTC)
            rows.writerow([moment.isoformat(), *map(plain, values)])


def _table(rows: Any, panel: Panel, found: dict[str, Any]) -> None:
    names = sorted({name for labels, _value in found["rows"] for name in labels} - {"__name__"})
    rows.writerow([*names, plain(f"value ({panel.unit})")])
    for labels, value in found["rows"]:
        rows.writerow([*(plain(labels.get(name, "")) for name in names), plain(value)])
