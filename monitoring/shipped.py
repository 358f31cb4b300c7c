"""What the portal ships under ``deploy/``: the names of its rules, and its dashboards by uid."""

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from django.conf import settings

# A rule and the condition among its labels, before the next rule begins.
CONDITION: Final = re.compile(
    r"^\s*-\s*alert:\s*(\w+)(?:(?!^\s*-\s*(?:alert|record):).)*?condition:\s*(\w+)", re.M | re.S
)
RULE: Final = re.compile(r"^\s*-\s*(alert|record):\s*[\"']?([\w:]+)", re.M)

# A rule's name and its expression: on the same line, or in the deeper lines below it.
EXPRESSION: Final = re.compile(
    r"^\s*-\s*(?:alert|record):[ \t]*([\w:]+)\n(\s*)expr:[ \t]*(?:[|>]-?[ \t]*\n((?:\2[ \t]+\S.*\n|[ \t]*\n)+)|(.+)\n)",
    re.M,
)


def rules() -> dict[str, str]:
    """The name of each shipped rule, and whether it is an ``alert`` or a ``record``."""
    return dict(_rules(_folder() / "prometheus"))


def expressions() -> dict[str, str]:
    """What each shipped rule asks, by its name, as ``bare`` writes it."""
    return dict(_expressions(_folder() / "prometheus"))


def bare(expression: str) -> str:
    """An expression without blanks and quotes: Prometheus prints what it loaded with its own."""
    return re.sub(r"[\s\"'`]", "", expression)


def dashboards() -> dict[str, str]:
    """The uid of each shipped dashboard, and its title."""
    return dict(_dashboards(_folder() / "grafana"))


def essence(dashboard: Any) -> list[Any]:
    """What one reads on a dashboard: its panels with their kinds and questions, in the order of their numbers. Grafana
    adds defaults of its own to the file, which do not count."""
    panels = dashboard.get("panels") if isinstance(dashboard, dict) else None
    rows = [panel for panel in panels or [] if isinstance(panel, dict)]
    return sorted(
        [panel.get("id"), panel.get("type"), panel.get("title"), [_asked(one) for one in panel.get("targets") or []]]
        for panel in rows
    )


def essences() -> dict[str, list[Any]]:
    """The essence of each shipped dashboard, by uid."""
    return {uid: list(found) for uid, found in _essences(_folder() / "grafana")}


def _asked(target: Any) -> str:
    return str(target.get("expr", "")) if isinstance(target, dict) else ""


def rules_of(condition: str) -> list[str]:
    """The shipped rules that fire with that condition."""
    return [name for name, of in _conditions(_folder() / "prometheus") if of == condition]


def _folder() -> Path:
    return Path(settings.BASE_DIR) / "deploy"


@lru_cache(maxsize=4)
def _expressions(folder: Path) -> tuple[tuple[str, str], ...]:
    texts = [path.read_text() for path in sorted(folder.glob("*.yml"))]
    found = (match for text in texts for match in EXPRESSION.finditer(text))
    return tuple((match[1], bare(match[3] or match[4])) for match in found)


@lru_cache(maxsize=4)
def _rules(folder: Path) -> tuple[tuple[str, str], ...]:
    texts = [path.read_text() for path in sorted(folder.glob("*.yml"))]
    return tuple((name, kind) for text in texts for kind, name in RULE.findall(text))


@lru_cache(maxsize=4)
def _conditions(folder: Path) -> tuple[tuple[str, str], ...]:
    texts = [path.read_text() for path in sorted(folder.glob("*.yml"))]
    return tuple(found for text in texts for found in CONDITION.findall(text))


@lru_cache(maxsize=4)
def _dashboards(folder: Path) -> tuple[tuple[str, str], ...]:
    return tuple((str(one["uid"]), str(one.get("title", one["uid"]))) for one in _files(folder))


@lru_cache(maxsize=4)
def _essences(folder: Path) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    return tuple((str(one["uid"]), tuple(essence(one))) for one in _files(folder))


def _files(folder: Path) -> list[dict[str, Any]]:
    contents = [json.loads(path.read_text()) for path in sorted(folder.rglob("*.json"))]
    return [one for one in contents if isinstance(one, dict) and isinstance(one.get("panels"), list) and one.get("uid")]
