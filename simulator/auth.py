"""Tokens and tickets: who is asking?"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import unquote

from simulator.cluster import Cluster
from simulator.errors import ApiError
from simulator.rights import Rights, all_privileges

TICKET_SECONDS = 7200
_KEY = secrets.token_bytes(32)


@dataclass
class Caller:
    """Who asks, with which rights, and whether by token."""

    user: str
    rights: Rights = field(default_factory=lambda: Rights({}))
    token: bool = False


def refused(reason: str) -> ApiError:
    """Return the 401, which has an empty body."""
    return ApiError(401, reason, bare=True)


def identify(cluster: Cluster, headers: Any, method: str) -> Caller:
    """Return the caller. Raises the 401 that says what is wrong with the credentials."""
    authorization = str(headers.get("Authorization") or "")
    if authorization.startswith("PVEAPIToken="):
        return _by_token(cluster, authorization.removeprefix("PVEAPIToken="))
    value = _cookie(str(headers.get("Cookie") or ""))
    if not value:
        raise refused("No ticket")
    user = _check_ticket(value)
    if not user or user not in cluster.passwords:
        older = "permission denied - invalid PVE ticket"
        raise refused("Authentication failed!" if cluster.release.number >= (8, 4) else older)
    if method != "GET" and not _check_csrf(user, str(headers.get("CSRFPreventionToken") or "")):
        raise refused("Permission denied - invalid csrf token")
    return Caller(user, user_rights(cluster, user))


def user_rights(cluster: Cluster, user: str) -> Rights:
    """Return the rights of a user who logged in with a password: all for root, none for others."""
    return Rights({"/": all_privileges(cluster.release.major)} if user == "root@pam" else {})


def log_in(cluster: Cluster, username: str, password: str) -> dict[str, Any]:
    """Return a fresh ticket for a password or an older ticket. Raises the 401 of a failed log-in."""
    known = cluster.passwords.get(username)
    right = known is not None and hmac.compare_digest(known.encode(), password.encode())
    if known is None or not (right or _check_ticket(password) == username):
        raise ApiError(401, "authentication failure")
    stamp = f"{int(time.time()):08X}"
    body = f"PVE:{username}:{stamp}"
    return {
        "username": username,
        "clustername": cluster.name,
        "ticket": f"{body}::{_sign(body)}",
        "CSRFPreventionToken": f"{stamp}:{_sign('csrf' + username + stamp)}",
        "cap": _capabilities(user_rights(cluster, username)),
    }


def _capabilities(rights: Rights) -> dict[str, dict[str, int]]:
    areas = {"access": "/access", "dc": "/", "nodes": "/nodes", "sdn": "/sdn", "storage": "/storage", "vms": "/vms"}
    return {area: dict.fromkeys(sorted(rights.on(path)), 1) for area, path in areas.items()}


def _by_token(cluster: Cluster, text: str) -> Caller:
    ident, _, secret = text.partition("=")
    known = cluster.tokens.get(ident)
    if known is None or not hmac.compare_digest(known.encode(), secret.encode()):
        raise refused("Authentication failed!" if cluster.release.number >= (8, 4) else "invalid token value!")
    return Caller(ident, cluster.token_rights[ident], token=True)


def _cookie(header: str) -> str:
    try:
        morsel = SimpleCookie(header).get("PVEAuthCookie")
    except CookieError:
        return ""
    if morsel is None:
        found = re.search(r"PVEAuthCookie=([^;]+)", header)
        return unquote(found.group(1)) if found else ""
    return unquote(morsel.value)


def _sign(text: str) -> str:
    return hmac.new(_KEY, text.encode(), hashlib.sha256).hexdigest()


def _check_ticket(ticket: str) -> str:
    """Return the user of a valid ticket, or nothing."""
    body, _, signature = ticket.partition("::")
    if not hmac.compare_digest(_sign(body).encode(), signature.encode()):
        return ""
    _, user, stamp = body.split(":")
    return user if time.time() - int(stamp, 16) < TICKET_SECONDS else ""


def _check_csrf(user: str, token: str) -> bool:
    stamp, _, signature = token.partition(":")
    return hmac.compare_digest(_sign("csrf" + user + stamp).encode(), signature.encode())
