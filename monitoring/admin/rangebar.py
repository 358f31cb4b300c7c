"""The bar above panels: how far back, how often anew, and of which cluster, node or server. It stays in the address,
for Grafana's frames and for the portal's own drawing alike."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitoring.drawing import quick, ranges
from monitoring.panels import Dashboard, Variable
from portal.lib.access import may
from servers.models import Cluster, Node, Server

PRESETS: Final = {
    "now-15m": gettext_lazy("Last 15 minutes"),
    "now-1h": gettext_lazy("Last hour"),
    "now-6h": gettext_lazy("Last 6 hours"),
    "now-24h": gettext_lazy("Last 24 hours"),
    "now-7d": gettext_lazy("Last 7 days"),
    "now-30d": gettext_lazy("Last 30 days"),
    "now-90d": gettext_lazy("Last 90 days"),
}
CUSTOM: Final = "custom"
REFRESHES: Final = {"": gettext_lazy("Off"), "15s": gettext_lazy("15 s"), "30s": gettext_lazy("30 s"),
                    "1m": gettext_lazy("1 min"), "5m": gettext_lazy("5 min")}  # fmt: skip
SPELLED: Final = re.compile(r"now(-\d{1,9}[smhdwMy])?")
OF_ROWS: Final = ("cluster", "node", "server")  # what the portal itself knows; Prometheus is asked for others
KEPT: Final = ("from", "to", "refresh", "renderer")
WISHED: Final = "portal"  # of ``renderer``: other values are for one look
LISTED: Final = quick.LISTED  # names that are offered; others can be typed
UNASKED: Final[Mapping[str, str]] = {}


@dataclass(frozen=True)
class Bar:
    """What the bar shows. ``range`` has ``from``, ``to`` and ``refresh`` as Grafana spells them; ``kept`` is of the
    page's address what other pages of this kind take along, ``hidden`` what a form must send again."""

    range: dict[str, str]
    words: tuple[str, ...]
    presets: list[tuple[str, Any, bool]]
    custom: bool
    start: str
    end: str
    refreshes: list[tuple[str, Any, bool]]
    kept: dict[str, str]
    hidden: dict[str, str]


@dataclass(frozen=True)
class Choice:
    """A variable to choose: its values as (value, words, chosen). ``free``: others may be typed, and ``hint`` stands in
    the empty field."""

    name: str
    label: str
    value: str
    values: list[tuple[str, str, bool]]
    free: bool
    hint: str


def of(
    request: HttpRequest,
    shown: Dashboard | None = None,
    variables: Mapping[str, str] | None = None,
    unasked: Mapping[str, str] = UNASKED,
) -> Bar:
    """The bar of that page. A range that cannot be shown is bounded, and ``words`` say so. ``unasked``: the range and
    refresh of a page whose address names none."""
    asked = request.GET.dict()
    typed = {name: value for name, value in asked.items() if name != "renderer" or value == WISHED}
    if not {"from", "to"} & asked.keys() and not unasked and (first := quick.first_range()):
        asked["from"] = first
    asked = {**unasked, **asked}
    found = ranges.read(asked)
    spelled = _spelled(asked, found)
    refresh = asked.get("refresh", "30s" if shown is None else _length(shown.refresh))
    refresh = refresh if refresh in REFRESHES else "30s"
    preset = spelled["from"] if spelled["to"] == "now" and spelled["from"] in PRESETS else CUSTOM
    chosen = {f"var-{name}" for name in variables or {}}
    return Bar(
        range={**spelled, "refresh": refresh},
        words=found.words,
        presets=[(value, words, value == preset) for value, words in PRESETS.items()],
        custom=preset == CUSTOM,
        start=_local(found.start),
        end=_local(found.end),
        refreshes=[(value, words, value == refresh) for value, words in REFRESHES.items()],
        kept={name: typed[name] for name in KEPT if name in typed},
        hidden={
            name: value for name, value in typed.items() if name not in {*KEPT[:3], *chosen} and name[:4] != "var-"
        },
    )  # fmt: skip


def _spelled(asked: Mapping[str, str], found: ranges.Range) -> dict[str, str]:
    """From and to for an address: as they were typed where that can be shown, else as it was bounded."""
    start, end = (asked.get(name) or default for name, default in zip(("from", "to"), ranges.DEFAULT, strict=True))
    if not found.words and SPELLED.fullmatch(start) and SPELLED.fullmatch(end):
        return {"from": start, "to": end}
    return {"from": str(found.start * 1000), "to": "now" if found.moving else str(found.end * 1000)}


def _length(seconds: int) -> str:
    return f"{seconds // 60}m" if seconds % 60 == 0 and seconds else f"{seconds}s"


def _local(moment: int) -> str:
    """That moment for a field of date and time, in the reader's zone."""
    return f"{timezone.localtime(datetime.fromtimestamp(moment, UTC)):%Y-%m-%dT%H:%M}"


def choices(user: Any, shown: Dashboard, variables: Mapping[str, str]) -> list[Choice]:
    """What of that dashboard's variables this person may choose."""
    return [_choice(user, variable, variables) for variable in shown.variables]


def _choice(user: Any, variable: Variable, variables: Mapping[str, str]) -> Choice:
    name, value = variable.name, variables.get(variable.name, "")
    every = _("All") if variable.multiple else _("Choose one")
    if name in OF_ROWS:
        found = _values(user, name, variables.get("cluster", ""), by_name=variable.multiple)
    else:
        found = [(one, one) for one in quick.values_of(variable)]
    # A list where it holds everything, else a field that suggests.
    free = name not in {"cluster", "node"} and not 0 < len(found) < LISTED
    if value and value not in dict(found):
        found = [*found, (value, value)]
    values = [(one, words, one == value) for one, words in [*([] if free else [("", every)]), *found]]
    return Choice(name, variable.label, value, values, free, every)


def _values(user: Any, name: str, cluster: str, *, by_name: bool) -> list[tuple[str, str]]:
    within = {"cluster__name": cluster} if cluster else {}
    if name == "cluster" and may(user, "view", Cluster):
        return [(one, one) for one in Cluster.objects.order_by("name").values_list("name", flat=True)]
    if name == "node" and may(user, "view", Node):
        nodes = Node.objects.filter(retired_at=None, **within).order_by("name").values_list("name", flat=True)
        return [(one, one) for one in dict.fromkeys(nodes)]
    if name == "server" and may(user, "view", Server):
        servers = Server.objects.filter(retired_at=None, template=False, **within).order_by("name", "vmid")
        pairs = servers.values_list("name", "vmid")[:LISTED]
        return [(name, name) if by_name else (str(vmid), f"{name} ({vmid})") for name, vmid in pairs]
    return []
