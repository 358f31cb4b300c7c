"""What the web server's processes counted, read from the files that prometheus_client keeps for them.

``MultiProcessCollector`` parses every key of every file, makes objects of them and has them rendered again, on each
scrape: 15 of a scrape's 50 ms at 1,500 series, and the series grow with the views that people use. Keys never change,
so here they are parsed once: a scrape adds up the numbers and puts them behind texts that are there already. Gauges
are few and have modes of their own: they are left to the library. A test holds both to the same answer.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from prometheus_client.core import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.utils import floatToGoString

from monitoring.exposition import Family, Format, escape

SUMMED: Final = ("counter", "histogram")  # the kinds whose numbers are added up here


class Role(Enum):
    """What a line's number is."""

    TEXT = "text"  # it has none: the line is a header
    OWN = "own"
    BUCKET = "bucket"  # all of the buckets up to this one
    COUNT = "count"  # the last bucket's


@dataclass(slots=True, frozen=True)
class Line:
    """A line of the page: the text before its number, and the key under which the number is found."""

    role: Role
    text: str
    key: str = ""


@dataclass(slots=True, frozen=True)
class Series:
    """A key of the files, parsed."""

    key: str
    family: str  # without a counter's "_total"
    name: str
    labels: dict[str, str]
    help: str
    kind: str

    @classmethod
    def of(cls, key: str, kind: str) -> "Series":
        """As prometheus_client's ``mmap_key`` wrote it."""
        family, name, labels, help_text = json.loads(key)
        return cls(key, family, name, labels, help_text, kind)

    def text(self, name: str = "") -> str:
        """The line up to its number."""
        labels = ",".join(f'{label}="{escape(value)}"' for label, value in sorted(self.labels.items()))
        return f"{name or self.name}{{{labels}}} " if labels else f"{name or self.name} "


class WorkerFiles:
    """The page that a folder of such files makes. One object per process and folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kinds: dict[str, str] = {}
        self._lines: dict[str, list[Line]] = {}

    def text(self, fmt: Format) -> bytes:
        """All counters and histograms as text. Raises FileNotFoundError where a file vanishes meanwhile."""
        totals: defaultdict[str, float] = defaultdict(float)
        kinds = self._kinds
        for kind in SUMMED:
            for file in sorted(self.folder.glob(f"{kind}_*.db")):
                for key, value, _timestamp, _position in MmapedDict.read_all_values_from_file(str(file)):
                    totals[key] += value
                    if key not in kinds:
                        kinds = {**kinds, key: kind}
        if kinds is not self._kinds:
            self._kinds, self._lines = kinds, {}
        if fmt.name not in self._lines:
            self._lines[fmt.name] = list(_lines(kinds, fmt))
        return "".join(_rendered(self._lines[fmt.name], totals)).encode()

    def gauges(self) -> Iterable[Metric]:
        """The rest, merged by the library."""
        rest = (file for file in self.folder.glob("*.db") if not file.name.startswith(SUMMED))
        merged: Iterable[Metric] = MultiProcessCollector.merge([str(file) for file in sorted(rest)])
        return merged


def _lines(kinds: dict[str, str], fmt: Format) -> Iterator[Line]:
    families: defaultdict[str, list[Series]] = defaultdict(list)
    for key, kind in kinds.items():
        series = Series.of(key, kind)
        families[series.family].append(series)
    for family, members in families.items():
        kind = members[0].kind
        name = f"{family}_total" if kind == "counter" else family
        yield Line(Role.TEXT, Family(name, kind, members[0].help).header(fmt).decode())
        if kind == "counter":
            yield from (Line(Role.OWN, series.text(), series.key) for series in members)
        else:
            yield from _histogram(family, members)


def _histogram(family: str, members: list[Series]) -> Iterator[Line]:
    children: defaultdict[tuple[tuple[str, str], ...], list[Series]] = defaultdict(list)
    for series in members:
        children[tuple(sorted((k, v) for k, v in series.labels.items() if k != "le"))].append(series)
    for labels, parts in children.items():
        buckets = sorted((part for part in parts if "le" in part.labels), key=lambda part: float(part.labels["le"]))
        yield from (Line(Role.BUCKET, part.text(), part.key) for part in buckets)
        yield Line(Role.COUNT, Series("", family, f"{family}_count", dict(labels), "", "").text())
        yield from (Line(Role.OWN, part.text(), part.key) for part in parts if "le" not in part.labels)


def _rendered(lines: list[Line], totals: dict[str, float]) -> Iterator[str]:
    so_far = 0.0
    for line in lines:
        if line.role is Role.TEXT:
            yield line.text
            continue
        if line.role is Role.OWN:
            number = totals[line.key]
        elif line.role is Role.BUCKET:
            number = so_far = so_far + totals[line.key]
        else:
            number, so_far = so_far, 0.0
        yield f"{line.text}{floatToGoString(number)}\n"
