"""The catalogue of panels: what the shipped dashboards show, for whoever embeds or draws them.

The files under ``deploy/grafana/dashboards`` are the one definition. Grafana reads them itself; the portal reads them
here, and takes nothing but values of variables from anybody.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from django.conf import settings
from django.utils.translation import get_language

from monitoring.panel_files import read
from monitoring.panel_queries import ALL, UnknownVariable
from monitoring.panel_types import (
    KINDS,
    Column,
    Dashboard,
    Grid,
    Kind,
    Panel,
    Target,
    Threshold,
    Variable,
    Word,
)  # fmt: skip

__all__ = [
    "ALL", "CHOSEN", "KINDS", "Column", "Dashboard", "Grid", "Kind", "Panel", "Target", "Thing", "Threshold",
    "UnknownDashboard", "UnknownPanel", "UnknownVariable", "Variable", "Word", "dashboard", "dashboards", "folder",
    "panel", "panels_of",
]  # fmt: skip

Thing = Literal["server", "node", "cluster"]
# The panels on the page of one thing, by dashboard and id. At most six: each frame of Grafana loads the whole program.
CHOSEN: Final[Mapping[Thing, tuple[tuple[str, int], ...]]] = {
    "server": tuple(("server", number) for number in range(1, 7)),
    "node": tuple(("node", number) for number in range(1, 7)),
    "cluster": tuple(("cluster", number) for number in range(1, 7)),
}


class UnknownDashboard(KeyError):
    """No shipped dashboard has that uid."""


class UnknownPanel(KeyError):
    """That dashboard has no panel with that id."""


def dashboards() -> tuple[Dashboard, ...]:
    """Every shipped dashboard in the reader's language, those of the sidebar first, in the order of reading."""
    return _read(folder(), get_language() or "")


def dashboard(uid: str) -> Dashboard:
    """That dashboard. Raises UnknownDashboard."""
    for one in dashboards():
        if one.uid == uid:
            return one
    raise UnknownDashboard(uid)


def panel(uid: str, number: int) -> Panel:
    """That panel. Raises UnknownDashboard, UnknownPanel."""
    for one in dashboard(uid).panels:
        if one.id == number:
            return one
    raise UnknownPanel(f"{uid}/{number}")


def panels_of(thing: Thing) -> tuple[Panel, ...]:
    """The panels for the page of one server, node or cluster, in their order: at most six.

    Their variables are ``cluster`` (its name), and ``server`` (the VMID) or ``node`` (its name).
    """
    return tuple(panel(uid, number) for uid, number in CHOSEN[thing])


def folder() -> Path:
    """Where the files are."""
    return Path(settings.BASE_DIR) / "deploy" / "grafana" / "dashboards"


@lru_cache(maxsize=8)
def _read(where: Path, _language: str) -> tuple[Dashboard, ...]:
    return read(where)
