"""The addresses of what is embedded: a whole dashboard, or one panel. Everything in them is from the catalogue and from
variables that were looked at; the browser adds range, refresh and theme."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from django.conf import settings
from django.urls import reverse

from monitoring.grafana.health import Health, configured, known
from monitoring.panels import Dashboard, Panel, dashboard

ROW: Final = 38  # pixels of Grafana's grid, gap included
CONTROLS: Final = 96  # pixels above its first panel
PREFIX: Final = "var-"


@dataclass(frozen=True)
class Frame:
    """One frame: its address, what it is, how high it will be (in pixels, and on a phone), and where else it leads."""

    src: str
    title: str
    height: int
    narrow: int
    grafana: str
    alone: str = ""


def whole(shown: Dashboard, variables: Mapping[str, str]) -> Frame:
    """A dashboard without Grafana's own menus."""
    height = max((panel.grid.y + panel.grid.height for panel in shown.panels), default=8) * ROW + CONTROLS
    narrow = sum(panel.grid.height for panel in shown.panels) * ROW + 2 * CONTROLS
    place = _place("d", shown)
    return Frame(
        f"{place}?{_query(variables)}&kiosk", shown.title, height, narrow, f"{place}?{_query(variables)}"
    )  # fmt: skip


def single(panels: Iterable[Panel], variables: Mapping[str, str], health: Health) -> list[Frame]:
    """Each of these panels by itself."""
    return [_single(panel, variables, health) for panel in panels]


def link(panel: Panel, variables: Mapping[str, str]) -> str:
    """Where Grafana shows that panel large; '' where no Grafana is configured. It need not answer now."""
    if not configured():
        return ""
    number = _number(panel, known())
    return f"{_place('d', dashboard(panel.dashboard_uid))}?{_query(variables)}&viewPanel={number}"


def link_of(shown: Dashboard, variables: Mapping[str, str]) -> str:
    """The same of a whole dashboard."""
    return f"{_place('d', shown)}?{_query(variables)}" if configured() else ""


def _number(panel: Panel, health: Health) -> str:
    return f"panel-{panel.id}" if health.new_ids else str(panel.id)


def _single(panel: Panel, variables: Mapping[str, str], health: Health) -> Frame:
    of = dashboard(panel.dashboard_uid)
    number = _number(panel, health)
    query, height = _query(variables), panel.grid.height * ROW
    alone = reverse("panel-page", args=(panel.dashboard_uid, panel.id))
    return Frame(
        f"{_place('d-solo', of)}?{query}&panelId={number}&hideLogo", panel.title, height, height,
        f"{_place('d', of)}?{query}&viewPanel={number}", f"{alone}?{urlencode(_named(variables))}",
    )  # fmt: skip


def _place(kind: str, of: Dashboard) -> str:
    root = "/grafana" if settings.PORTAL_GRAFANA_PROXIED else settings.PORTAL_GRAFANA_PUBLIC_URL
    return f"{root}/{kind}/{quote(of.uid, safe='')}/{quote(of.slug, safe='')}"


def _query(variables: Mapping[str, str]) -> str:
    return urlencode({"orgId": "1", "timezone": "browser", **_named(variables)}, quote_via=quote)


def _named(variables: Mapping[str, str]) -> dict[str, str]:
    return {PREFIX + name: value for name, value in sorted(variables.items()) if value}
