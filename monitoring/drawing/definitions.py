"""What the browser is told of a panel before it has any numbers: how to draw it, and where the numbers are."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from monitoring.drawing import proxmox
from monitoring.drawing.access import PREFIX
from monitoring.grafana import frames
from monitoring.panels import Panel
from servers.models import Server


def of(panel: Panel, variables: Mapping[str, str]) -> dict[str, Any]:
    """A panel of the catalogue, for these values of its dashboard's variables."""
    chosen = _chosen(variables)
    where = (panel.dashboard_uid, panel.id)
    addresses = {name: reverse(f"panel-{name}", args=where) for name in ("data", "csv", "page")}
    return {**_drawn(panel), **addresses, "query": chosen, "grafana": frames.link(panel, variables)}


def marks(uid: str, variables: Mapping[str, str]) -> str:
    """Where the incidents of what that dashboard shows are, for these values of its variables."""
    return f"{reverse('panel-marks', args=(uid,))}?{_chosen(variables)}"


def of_proxmox(panel: Panel, server: Server) -> dict[str, Any]:
    """A panel of what Proxmox itself keeps of a server."""
    where = (server.pk, panel.id)
    addresses = {name: reverse(f"panel-proxmox-{name}", args=where) for name in ("data", "csv")}
    return {**_drawn(panel), **addresses, "page": "", "query": "", "source": "proxmox"}


def every_of(server: Server) -> list[dict[str, Any]]:
    """All panels of what Proxmox keeps of that server."""
    return [of_proxmox(panel, server) for panel in proxmox.panels(server)]


def _chosen(variables: Mapping[str, str]) -> str:
    return urlencode({PREFIX + name: value for name, value in sorted(variables.items()) if value})


def _drawn(panel: Panel) -> dict[str, Any]:
    grid = panel.grid
    return {
        "key": f"{panel.dashboard_uid}-{panel.id}", "title": panel.title, "description": panel.description,
        "kind": panel.kind, "unit": panel.unit, "decimals": panel.decimals,
        "minimum": panel.minimum, "maximum": panel.maximum, "stacked": panel.stacked,
        "calcs": list(panel.legend_calcs), "sort": panel.sort,
        "steps": [[step.value, step.colour] for step in panel.thresholds],
        "words": [[word.value, word.text, word.colour] for word in panel.words],
        "columns": [[column.field, column.title, column.unit] for column in panel.columns],
        "grid": {"x": grid.x + 1, "y": grid.y + 1, "w": grid.width, "h": grid.height},
        "empty": panel.empty,
    }  # fmt: skip


def moved_together(definitions: Iterable[dict[str, Any]], *, across: int = 2) -> list[dict[str, Any]]:
    """The same, placed side by side in their order: panels of several dashboards do not know of each other."""
    width = 24 // across
    return [
        {**one, "grid": {"x": place % across * width + 1, "y": place // across * 8 + 1, "w": width, "h": 8}}
        for place, one in enumerate(definitions)
    ]
