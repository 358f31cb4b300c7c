"""Reads dashboard files of Grafana (schema version 42) into the catalogue of panels, in the reader's language."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from django.utils.translation import gettext

from monitoring.panel_queries import seconds_of
from monitoring.panel_types import Column, Dashboard, Grid, Panel, Target, Threshold, Variable, Word

# Those of the sidebar, as people read them; others follow by uid.
ORDER: Final = ("system-overview", "application-metrics", "business", "infrastructure")


def read(folder: Path) -> tuple[Dashboard, ...]:
    """The dashboards of that folder, in the language that is active.

    Raises OSError, ValueError, KeyError: they are ours, and tests read them all.
    """
    found = [_dashboard(json.loads(path.read_text())) for path in sorted(folder.glob("*.json"))]
    places = {uid: place for place, uid in enumerate(ORDER)}
    return tuple(sorted(found, key=lambda one: (places.get(one.uid, len(ORDER)), one.uid)))


def _dashboard(raw: Mapping[str, Any]) -> Dashboard:
    uid = raw["uid"]
    return Dashboard(
        uid=uid,
        slug=re.sub(r"[^a-z0-9]+", "-", raw["title"].lower()).strip("-"),
        title=_said(raw["title"]),
        description=_said(raw["description"]),
        panels=tuple(_panel(uid, one) for one in raw["panels"]),
        variables=tuple(_variable(one) for one in raw.get("templating", {}).get("list", [])),
        span=seconds_of(raw["time"]["from"]),
        refresh=seconds_of(raw["refresh"]),
    )


def _variable(raw: Mapping[str, Any]) -> Variable:
    query = raw["query"]
    text = query["query"] if isinstance(query, dict) else query
    return Variable(raw["name"], _said(raw["label"]), text, bool(raw.get("multi")), raw.get("regex", ""))


def _panel(uid: str, raw: Mapping[str, Any]) -> Panel:
    fields, options = raw["fieldConfig"], raw.get("options", {})
    defaults, grid = fields["defaults"], raw["gridPos"]
    dashed = _dashed(fields["overrides"])
    return Panel(
        dashboard_uid=uid,
        id=raw["id"],
        title=_said(raw["title"]),
        description=_said(raw["description"]),
        kind=raw["type"],
        unit=defaults["unit"],
        decimals=defaults.get("decimals"),
        minimum=defaults.get("min"),
        maximum=defaults.get("max"),
        thresholds=tuple(Threshold(one["value"], one["color"]) for one in defaults["thresholds"]["steps"]),
        targets=tuple(_target(one, dashed) for one in raw["targets"]),
        grid=Grid(grid["x"], grid["y"], grid["w"], grid["h"]),
        legend_calcs=tuple(options.get("legend", {}).get("calcs", ())),
        stacked=defaults.get("custom", {}).get("stacking", {}).get("mode") == "normal",
        columns=_columns(fields["overrides"]) if raw["type"] == "table" else (),
        colours=_colours(fields["overrides"]) if raw["type"] == "timeseries" else {},
        words=_words(defaults.get("mappings", [])),
        sort=next(((_said(one["displayName"]), bool(one.get("desc"))) for one in options.get("sortBy", [])), None),
        empty=_said(defaults.get("noValue", "")),
    )


def _target(raw: Mapping[str, Any], dashed: frozenset[str]) -> Target:
    legend = _said(raw.get("legendFormat", ""))
    return Target(raw["refId"], raw["expr"], legend, bool(raw.get("instant")), raw["refId"] in dashed)


def _dashed(overrides: list[dict[str, Any]]) -> frozenset[str]:
    """The queries whose line is dashed: those of thresholds."""
    return frozenset(
        one["matcher"]["options"]
        for one in overrides
        if one["matcher"]["id"] == "byFrameRefID"
        and any(kept["id"] == "custom.lineStyle" and kept["value"]["fill"] == "dash" for kept in one["properties"])
    )


def _colours(overrides: list[dict[str, Any]]) -> dict[str, str]:
    """Grafana's name of a colour, by the series."""
    found: dict[str, str] = {}
    for one in overrides:
        kept = {each["id"]: each["value"] for each in one["properties"]}
        if one["matcher"]["id"] == "byName" and "color" in kept:
            name, colour = one["matcher"]["options"], kept["color"]["fixedColor"]
            found |= {name: colour, _said(name): colour}
    return found


def _columns(overrides: list[dict[str, Any]]) -> tuple[Column, ...]:
    """Those that are shown: labels by name as Grafana lists them, the value last."""
    found = []
    for one in overrides:
        kept = {each["id"]: each["value"] for each in one["properties"]}
        if one["matcher"]["id"] == "byName" and "displayName" in kept:
            found.append(Column(one["matcher"]["options"], _said(kept["displayName"]), kept.get("unit", "")))
    return tuple(sorted(found, key=lambda column: (column.field == "Value", column.field)))


def _words(mappings: list[dict[str, Any]]) -> tuple[Word, ...]:
    found = [item for one in mappings if one["type"] == "value" for item in one["options"].items()]
    return tuple(Word(float(value), _said(shown["text"]), shown.get("color", "")) for value, shown in found)


def _said(text: str) -> str:
    """The text in the language that is active: ``monitoring.panel_words`` has it for those who translate."""
    return gettext(text) if text else ""
