"""Whether Grafana answers, and how: asked when a page opens, within two seconds, and remembered for a few."""

import json
import re
import time
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.core.cache import cache
from django.utils.translation import gettext_lazy

from monitoring.grafana.identity import Identity
from monitoring.grafana.keys import NoKey
from monitoring.prometheus import Peer, PeerError

SECONDS: Final = 2.0  # for everything together
LEAST: Final = 0.2
GOOD_SECONDS: Final = 5
BAD_SECONDS: Final = 15  # one that hangs must not hold up every page
KEY: Final = "monitoring:grafana:health"
SILENT: Final = gettext_lazy("Grafana does not answer: drawn by the portal.")
STRANGE: Final = gettext_lazy("Grafana does not know these panels or does not believe the portal: drawn by the portal.")
UNSIGNED: Final = gettext_lazy("There is no key to sign for Grafana (manage.py grafana_key): drawn by the portal.")
VERSION: Final = re.compile(r"(\d+)\.(\d+)")
# From here on a panel's id in an address is ``panel-2``; older ones want ``2``.
NEW_IDS: Final = (11, 3)


@dataclass(frozen=True)
class Health:
    """Whether frames of it can be shown, else the line that says why not. ``version`` as it tells it, or ''."""

    answers: bool
    line: Any = ""
    version: str = ""

    @property
    def new_ids(self) -> bool:
        """Whether it wants ``panel-2`` for a panel: as the settings say, or by its version."""
        if settings.PORTAL_GRAFANA_PANEL_ID_STYLE != "auto":
            return bool(settings.PORTAL_GRAFANA_PANEL_ID_STYLE == "panel")
        found = VERSION.match(self.version)
        return found is None or (int(found[1]), int(found[2])) >= NEW_IDS


def base() -> str:
    """Grafana's address without the path that it serves under."""
    return str(settings.PORTAL_GRAFANA_URL).removesuffix("/grafana")


def api() -> str:
    """The address below which its API answers: behind the portal it serves under a path, and redirects elsewhere."""
    return f"{base()}/grafana" if settings.PORTAL_GRAFANA_PROXIED else str(settings.PORTAL_GRAFANA_URL)


def look(who: Identity, uid: str) -> Health:
    """Whether it answers and shows that dashboard to that person."""
    kept: dict[str, Health] = cache.get(KEY) or {}
    if uid in kept:
        return kept[uid]
    found = _ask(who, uid)
    cache.set(KEY, {**kept, uid: found}, GOOD_SECONDS if found.answers else BAD_SECONDS)
    return found


def known(uid: str) -> Health:
    """What the last look found, without looking again."""
    kept: dict[str, Health] = cache.get(KEY) or {}
    return kept.get(uid, Health(answers=False))


def forget() -> None:
    """Ask anew when the next page opens: something has just gone wrong."""
    cache.delete(KEY)


def _ask(who: Identity, uid: str) -> Health:
    until = time.monotonic() + SECONDS
    try:
        version = _version(Peer("Grafana", base(), seconds=SECONDS).get("/api/health").body)
        if version is None:
            return Health(answers=False, line=SILENT)
        if settings.PORTAL_GRAFANA_PROXIED:
            left = max(LEAST, until - time.monotonic())
            peer = Peer("Grafana", base(), seconds=left)
            answer = peer.get_as(f"/grafana/api/dashboards/uid/{uid}", {**who.headers(), "Host": _host()})
            if answer.status != 200:
                return Health(answers=False, line=STRANGE, version=version)
    except PeerError:
        return Health(answers=False, line=SILENT)
    except NoKey:
        return Health(answers=False, line=UNSIGNED)
    return Health(answers=True, version=version)


def _host() -> str:
    return str(settings.PORTAL_URL).partition("://")[2].partition("/")[0]


def _version(body: bytes) -> str | None:
    """The version in an answer to ``/api/health`` of a Grafana that is well; None for anything else."""
    try:
        found = json.loads(body)
    except ValueError:
        return None
    if not isinstance(found, dict) or found.get("database") != "ok":
        return None
    return str(found.get("version", ""))
