"""Who may pass to Grafana, and with what: the one decision of the portal's own proxy and of nginx's question."""

import unicodedata
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_to_bytes, urlsplit

from django.conf import settings
from django.http import HttpRequest

from monitoring.grafana.identity import Identity, identity_of
from portal.lib.access import is_staff

READING: Final = frozenset({"GET", "HEAD"})
METHODS: Final = READING | {"POST", "PUT", "PATCH", "DELETE"}
OURS: Final = frozenset({"same-origin", "none"})
DEEPEST: Final = 8  # times that something may be encoded: nobody honest does it twice


@dataclass(frozen=True)
class Verdict:
    """204 with the person, else the status and no one: 401 nobody is logged in, 403 not this person, or not so."""

    status: int
    identity: Identity | None = None


def decide(request: HttpRequest, method: str, path: str) -> Verdict:
    """Whether that request may go on to Grafana. ``path`` as it came, encoded or not."""
    user: Any = request.user
    if not user.is_authenticated:
        return Verdict(401)
    if not is_staff(user):
        return Verdict(403)
    if method not in METHODS or climbs(path) or (method not in READING and not from_here(request)):
        return Verdict(403)
    return Verdict(204, identity_of(user))


def from_here(request: HttpRequest) -> bool:
    """Whether the page that sends this is one of ours. A browser always says where a write comes from."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in OURS:
        return False
    sender = request.headers.get("Origin") or _origin(request.headers.get("Referer", ""))
    return bool(sender) and sender in {
        f"{request.scheme}://{request.get_host()}", _origin(settings.PORTAL_URL), *settings.CSRF_TRUSTED_ORIGINS,
    }  # fmt: skip


def _origin(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme and parts.netloc else ""


def climbs(path: str) -> bool:
    """Whether somebody along the way could take this for a way upwards: ``..`` between slashes of either kind, encoded
    as often as one likes, in letters that look so, or in bytes that a careless program reads so."""
    raw = path.encode("utf-8", "surrogateescape")
    for _time in range(DEEPEST):
        if _steps_up(raw):
            return True
        raw, before = unquote_to_bytes(raw), raw
        if raw == before:
            return False
    return True


def _steps_up(raw: bytes) -> bool:
    try:
        text = unicodedata.normalize("NFKC", raw.decode())
    except UnicodeDecodeError:
        return True  # overlong forms of the dot are bytes that no text has
    if any(letter < " " or letter == "\x7f" for letter in text):
        return True
    # What follows a semicolon is a parameter to some servers.
    return any(step.split(";")[0].strip() == ".." for step in text.replace("\\", "/").split("/"))
