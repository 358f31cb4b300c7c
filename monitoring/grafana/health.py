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
VERSION_SECONDS: Final = 86_400
KEY: Final = "monitoring:grafana:health"
AWAY_KEY, VERSION_KEY, TURN_KEY = f"{KEY}:away", f"{KEY}:version", f"{KEY}:turn"
DRAWN: Final = gettext_lazy("Drawn by the portal.")
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


def configured() -> bool:
    """Whether somebody said that there is a Grafana: by a setting, or by letting ``bin/up`` start one."""
    return "PORTAL_GRAFANA_URL" in settings.STACK_GIVEN or not settings.PORTAL_GRAFANA_PROXIED


def silent() -> Health:
    """It does not answer; nothing to remark where nobody said that there is one."""
    return Health(answers=False, line=SILENT if configured() else DRAWN)


def base() -> str:
    """Grafana's address without the path that it serves under."""
    return str(settings.PORTAL_GRAFANA_URL).removesuffix("/grafana")


def api() -> str:
    """The address below which its API answers: behind the portal it serves under a path, and redirects elsewhere."""
    return f"{base()}/grafana" if settings.PORTAL_GRAFANA_PROXIED else str(settings.PORTAL_GRAFANA_URL)


def look(who: Identity, uid: str) -> Health:
    """Whether it answers and shows that dashboard to that person. Each verdict is remembered by itself, and its silence
    for everybody."""
    if is_away():
        return silent()
    key = f"{KEY}:{cache.get(TURN_KEY, 0)}:{uid}:{who.login}"
    kept: Health | None = cache.get(key)
    if kept is None:
        kept = _ask(who, uid)
        cache.set(key, kept, GOOD_SECONDS if kept.answers else BAD_SECONDS)
    return kept


def is_away() -> bool:
    """Whether it did not answer a moment ago."""
    return bool(cache.get(AWAY_KEY))


def known() -> Health:
    """What was seen of it within a day, without looking again: its version."""
    return Health(answers=False, version=cache.get(VERSION_KEY, ""))


def recheck() -> None:
    """Something has just gone wrong: ask anew when the next page opens, and see now whether it is there at all, so that
    many who want something of one that hangs do not each wait for it."""
    cache.set(TURN_KEY, time.time_ns(), VERSION_SECONDS)
    _version()


def _ask(who: Identity, uid: str) -> Health:
    until = time.monotonic() + SECONDS
    version = _version()
    if version is None:
        return silent()
    try:
        if settings.PORTAL_GRAFANA_PROXIED:
            left = max(LEAST, until - time.monotonic())
            peer = Peer("Grafana", base(), seconds=left)
            answer = peer.get_as(f"/grafana/api/dashboards/uid/{uid}", {**who.headers(), "Host": _host()})
            if answer.status != 200:
                return Health(answers=False, line=STRANGE, version=version)
    except PeerError:
        return silent()
    except NoKey:
        return Health(answers=False, line=UNSIGNED)
    return Health(answers=True, version=version)


def _version() -> str | None:
    """Its version now, which is kept for links; None where it does not answer, which is kept for a few seconds."""
    try:
        found = _version_in(Peer("Grafana", base(), seconds=SECONDS).get("/api/health").body)
    except PeerError:
        found = None
    if found is None:
        cache.set(AWAY_KEY, True, BAD_SECONDS)
    else:
        cache.set(AWAY_KEY, False, BAD_SECONDS)
        cache.set(VERSION_KEY, found, VERSION_SECONDS)
    return found


def _host() -> str:
    return str(settings.PORTAL_URL).partition("://")[2].partition("/")[0]


def _version_in(body: bytes) -> str | None:
    """The version in an answer to ``/api/health`` of a Grafana that is well; None for anything else."""
    try:
        found = json.loads(body)
    except ValueError:
        return None
    if not isinstance(found, dict) or found.get("database") != "ok":
        return None
    return str(found.get("version", ""))
