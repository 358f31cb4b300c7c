"""What the portal ships under ``deploy/``: the names of its rules, and its dashboards by uid."""

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Final

from django.conf import settings

RULE: Final = re.compile(r"^\s*-\s*(alert|record):\s*[\"']?([\w:]+)", re.M)


def rules() -> dict[str, str]:
    """The name of each shipped rule, and whether it is an ``alert`` or a ``record``."""
    return dict(_rules(_folder() / "prometheus"))


def dashboards() -> dict[str, str]:
    """The uid of each shipped dashboard, and its title."""
    return dict(_dashboards(_folder() / "grafana"))


def _folder() -> Path:
    return Path(settings.BASE_DIR) / "deploy"


@lru_cache(maxsize=4)
def _rules(folder: Path) -> tuple[tuple[str, str], ...]:
    texts = [path.read_text() for path in sorted(folder.glob("*.yml"))]
    return tuple((name, kind) for text in texts for kind, name in RULE.findall(text))


@lru_cache(maxsize=4)
def _dashboards(folder: Path) -> tuple[tuple[str, str], ...]:
    found = []
    for path in sorted(folder.rglob("*.json")):
        content = json.loads(path.read_text())
        if isinstance(content, dict) and isinstance(content.get("panels"), list) and content.get("uid"):
            found.append((str(content["uid"]), str(content.get("title", path.stem))))
    return tuple(found)
