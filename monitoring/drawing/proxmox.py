"""What Proxmox itself keeps of a server (rrddata), as panels that are drawn like those of Prometheus."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitoring.drawing.asking import Trouble
from monitoring.drawing.ranges import POINTS, Range
from monitoring.panels import Grid, Panel, Target
from portal.lib import clock
from servers.models import Kind, Server

UID: Final = "proxmox"
# Seconds that a timeframe surely reaches back: its first rows are older, by version.
REACH: Final = {"hour": 3600, "day": 86_400, "week": 7 * 86_400, "month": 30 * 86_400, "year": 366 * 86_400}
SLACK: Final = 120


@dataclass(frozen=True)
class Line:
    """A column of rrddata, and what people call it. ``limit``: it bounds the others, and is drawn dashed."""

    column: str
    name: Any
    limit: bool = False


@dataclass(frozen=True)
class Chart:
    """One panel."""

    number: int
    title: Any
    unit: str
    lines: tuple[Line, ...]
    maximum: float | None = None
    note: Any = ""


CHARTS: Final = (
    Chart(1, gettext_lazy("Processor"), "percentunit", (Line("cpu", gettext_lazy("Used part of its cores")),), 1),
    Chart(2, gettext_lazy("Memory"), "bytes", (
        Line("mem", gettext_lazy("Used")), Line("maxmem", gettext_lazy("Size"), limit=True),
    )),
    Chart(3, gettext_lazy("Network"), "Bps", (
        Line("netin", gettext_lazy("In")), Line("netout", gettext_lazy("Out")),
    )),
    Chart(4, gettext_lazy("Disk throughput"), "Bps", (
        Line("diskread", gettext_lazy("Read")), Line("diskwrite", gettext_lazy("Written")),
    )),
    Chart(5, gettext_lazy("Root disk"), "bytes", (
        Line("disk", gettext_lazy("Used")), Line("maxdisk", gettext_lazy("Size"), limit=True),
    )),
)  # fmt: skip


def panels(server: Server) -> list[Panel]:
    """Those that Proxmox knows something for: how full a disk is it knows of containers alone."""
    known = CHARTS if server.kind == Kind.LXC else CHARTS[:4]
    return [_panel(chart) for chart in known]


def panel(server: Server, number: int) -> Panel | None:
    """That one, or None."""
    return next((one for one in panels(server) if one.id == number), None)


def _panel(chart: Chart) -> Panel:
    return Panel(
        dashboard_uid=UID, id=chart.number, title=str(chart.title),
        description=_("As Proxmox itself keeps it, in averages that grow coarser with age."), kind="timeseries",
        unit=chart.unit, decimals=1, minimum=0, maximum=chart.maximum, thresholds=(),
        targets=tuple(Target(line.column, line.column, str(line.name)) for line in chart.lines),
        grid=Grid(0, 0, 12, 8), legend_calcs=("lastNotNull", "max"),
    )  # fmt: skip


def timeframe(wanted: Range) -> str:
    """The finest of Proxmox's timeframes that reaches back so far."""
    back = clock.now().timestamp() - wanted.start - SLACK
    return next((name for name, reach in REACH.items() if back <= reach), "year")


def figures(server: Server, number: int, wanted: Range) -> dict[str, Any]:
    """What is drawn, in the form of ``figures.of``. Raises Trouble."""
    chart = next(one for one in CHARTS if one.number == number)
    found = server.history(timeframe(wanted))
    if found.trouble:
        raise Trouble("proxmox", found.trouble, found.hint, 30)
    rows = [row for row in found.rows if wanted.start <= row["time"] <= wanted.end]
    words = list(wanted.words)
    if wanted.start < clock.now().timestamp() - REACH["year"] - 86_400:
        words.append(_("Proxmox keeps one year."))
    start, step, points = _grid(rows, wanted)
    series = [
        {"name": str(line.name), "values": _averages(rows, line.column, start, step, points), "dashed": line.limit}
        for line in chart.lines
    ]
    shown = {"start": start, "end": start + (points - 1) * step, "step": step, "words": words, "series": series}
    if not rows:
        shown["hint"] = _("Proxmox has kept nothing for this range: choose a longer one, or wait a few minutes for the "
                          "first averages of a new server.")  # fmt: skip
    return shown


def _grid(rows: list[dict[str, float]], wanted: Range) -> tuple[int, int, int]:
    """First point, seconds between two, and how many: as far apart as the rows are, and not more than can be drawn."""
    apart = [int(later["time"] - earlier["time"]) for earlier, later in pairwise(rows)]
    step = max(1, min((seconds for seconds in apart if seconds > 0), default=wanted.step))
    step *= ceil(wanted.span / step / POINTS)
    start = int(rows[0]["time"]) if rows else wanted.start
    return start, step, int((wanted.end - start) // step) + 1


def _averages(rows: Iterable[dict[str, float]], column: str, start: int, step: int, points: int) -> list[float | None]:
    sums, counts = [0.0] * points, [0] * points
    for row in rows:
        place = int((row["time"] - start) // step)
        if column in row and 0 <= place < points:
            sums[place] += row[column]
            counts[place] += 1
    return [float(f"{total / count:.6g}") if count else None for total, count in zip(sums, counts, strict=True)]
