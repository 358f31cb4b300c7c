"""What an administrator set up, as plain values: the rows without their database."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from notifications.message import RANK, Severity
from notifications.routing.matchers import Facts, Matchers, failing
from notifications.routing.windows import Weekly


class Grouping(StrEnum):
    """What is told together."""

    EACH = "each"
    LABELS = "labels"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Receiver:
    """A channel as routing sees it."""

    pk: int
    name: str
    enabled: bool = True
    minimum: str = Severity.INFO
    kind: str = ""

    def refuses(self, severity: str) -> bool:
        """Whether that is not severe enough for it."""
        return RANK[Severity(severity)] < RANK[Severity(self.minimum)]


@dataclass(frozen=True, slots=True)
class Step:
    """Whom to tell if nobody has acknowledged after that long."""

    after: timedelta
    channels: tuple[Receiver, ...]


@dataclass(frozen=True, slots=True)
class RouteRule:
    """One route. ``pk`` is 0 for one that was not saved yet."""

    pk: int
    name: str
    matchers: Matchers = ()
    channels: tuple[Receiver, ...] = ()
    goes_on: bool = False
    is_default: bool = False
    every_channel: bool = False
    grouping: Grouping = Grouping.EACH
    group_by: tuple[str, ...] = ()
    wait: timedelta = timedelta(0)
    interval: timedelta = timedelta(minutes=5)
    repeat: timedelta | None = None
    quiet: tuple[Weekly, ...] = ()
    exempt: frozenset[str] = frozenset()
    steps: tuple[Step, ...] = ()

    def bundle_key(self, facts: Facts) -> str | None:
        """What its messages are told together by; None if each is told by itself."""
        if self.grouping == Grouping.EACH:
            return None
        names = self.group_by if self.grouping == Grouping.LABELS else ()
        return "\n".join(f"{name}={','.join(sorted(facts.values(name)))}" for name in names) or "*"


@dataclass(frozen=True, slots=True)
class Mute:
    """A silence, or a maintenance window that holds at the moment asked about. ``kind`` is the decision's reason."""

    kind: str
    pk: int
    name: str
    matchers: Matchers
    until: datetime

    def covers(self, facts: Facts) -> bool:
        """Whether it means a message with these facts. One without any condition means nothing: it would hide all."""
        return bool(self.matchers) and failing(self.matchers, facts) is None


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that decides: routes in their order, and what is muted at the moment asked about."""

    routes: tuple[RouteRule, ...]
    mutes: tuple[Mute, ...] = ()

    def route(self, pk: int | None) -> RouteRule | None:
        """The route of that key, if there still is one."""
        return next((route for route in self.routes if route.pk == pk), None)

    def mute(self, facts: Facts) -> Mute | None:
        """What mutes a message with these facts: of several the one that lasts longest."""
        return max((mute for mute in self.mutes if mute.covers(facts)), key=lambda mute: mute.until, default=None)
