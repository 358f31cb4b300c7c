"""What a dashboard is made of: panels, their queries, their colours. Read from Grafana's files, kept as facts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from monitoring.panel_queries import filled

Kind = Literal["timeseries", "stat", "bargauge", "table"]
KINDS: Final[tuple[Kind, ...]] = ("timeseries", "stat", "bargauge", "table")


@dataclass(frozen=True)
class Target:
    """One query of a panel. ``legend`` has ``{{label}}`` for labels; a label that is absent is an empty text."""

    ref: str
    expression: str
    legend: str
    instant: bool = False
    # Drawn as a dashed line: the value that an alert rule compares with, as an administrator set it.
    threshold: bool = False


@dataclass(frozen=True)
class Threshold:
    """A step of colours: from that value on (None: from the beginning) it has that colour of Grafana's palette."""

    value: float | None
    colour: str


@dataclass(frozen=True)
class Word:
    """What is written in place of a value, and its colour ('' where it has none)."""

    value: float
    text: str
    colour: str = ""


@dataclass(frozen=True)
class Column:
    """A column of a table. ``field`` is the name of a label, or ``Value``; the order is that of the table."""

    field: str
    title: str
    # '' where the panel's own unit holds.
    unit: str = ""


@dataclass(frozen=True)
class Grid:
    """Where a panel stands on a dashboard of 24 columns; a row is 30 pixels high."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Panel:
    """One panel. ``unit`` is Grafana's id of a unit; ``decimals``, ``minimum``, ``maximum`` are None where free."""

    dashboard_uid: str
    id: int
    title: str
    description: str
    kind: Kind
    unit: str
    decimals: int | None
    minimum: float | None
    maximum: float | None
    thresholds: tuple[Threshold, ...]
    targets: tuple[Target, ...]
    grid: Grid
    # Of ``lastNotNull``, ``max``, ``mean``, ``min``; beside each series in its legend.
    legend_calcs: tuple[str, ...] = ()
    stacked: bool = False
    columns: tuple[Column, ...] = ()
    words: tuple[Word, ...] = ()
    # A table's first order: the title of a column, and whether the largest comes first.
    sort: tuple[str, bool] | None = None
    # Series whose colour means something, by what their legend says, in English and in the reader's language.
    colours: Mapping[str, str] = field(default_factory=dict)
    # What is said where there is no data, e.g. "no swap seen"; '' where nothing in particular. It never says that all
    # is well: the data may be missing because nobody is asked for them.
    empty: str = ""

    def queries(self, variables: Mapping[str, str], step: float, span: float) -> list[str]:
        """The PromQL of each target, in their order, for points every ``step`` s over ``span`` s.

        A variable that is missing or ``panel_queries.ALL`` selects everything where the expression allows it. Raises
        UnknownVariable where it takes one value and none is given.
        """
        return [filled(target.expression, variables, step, span) for target in self.targets]


@dataclass(frozen=True)
class Variable:
    """What a reader chooses. ``multiple``: several or all of them."""

    name: str
    label: str
    query: str
    multiple: bool
    regex: str = ""


@dataclass(frozen=True)
class Dashboard:
    """One file. ``slug`` is what Grafana makes of the title for an address; ``span`` and ``refresh`` are in seconds."""

    uid: str
    slug: str
    title: str
    description: str
    panels: tuple[Panel, ...]
    variables: tuple[Variable, ...]
    span: int = 21600
    refresh: int = 30
