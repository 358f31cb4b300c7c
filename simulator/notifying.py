"""The notification system: targets, matchers, and what is sent when something happens.

Only what the portal uses of it: webhook targets, and matchers by severity and by field. Bodies, headers and addresses
are Handlebars templates without blocks; nothing is escaped, and ``json``, ``escape`` and ``url-encode`` are known.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import quote

from simulator.errors import ApiError

SECONDS = 10.0
PLACE = re.compile(r"\{\{\s*(?:(json|escape|url-encode)\s+)?([\w.-]+)\s*\}\}")
Row = dict[str, Any]
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class Note:
    """One notification. ``severity`` is info, notice, warning, error or unknown; ``timestamp`` epoch seconds."""

    title: str
    message: str
    severity: str = "info"
    fields: dict[str, str] = field(default_factory=dict)
    timestamp: int = field(default_factory=lambda: int(time.time()))


class Notifications:
    """Targets and matchers by name, as the API tells them; secrets apart. ``sent`` is what was tried, the newest last:
    (target, title, what went wrong or nothing)."""

    def __init__(self) -> None:
        self.webhooks: dict[str, Row] = {}
        self.secrets: dict[str, dict[str, str]] = {}
        self.matchers: dict[str, Row] = {}
        self.sent: deque[tuple[str, str, str]] = deque(maxlen=1000)

    def notify(self, note: Note) -> None:
        """Send to every target of every matcher that lets it through, each once, without anybody waiting for it.

        Call it with the cluster's lock: what it needs is copied before it returns.
        """
        targets = {name for row in self.matchers.values() if _matches(row, note) for name in row.get("target", [])}
        for name in sorted(targets & self.webhooks.keys()):
            if not self.webhooks[name].get("disable"):
                job = (name, dict(self.webhooks[name]), dict(self.secrets.get(name, {})), note)
                threading.Thread(target=self._try, args=job, daemon=True).start()

    def test(self, name: str) -> None:
        """Send a test to one target and wait for the answer. Raises the 404 of no such target, the 500 of a failure."""
        if name not in self.webhooks:
            raise ApiError(404, f"notification target '{name}' does not exist")
        note = Note("Test notification", f"This is a test of the notification target '{name}'.")
        if problem := self._try(name, self.webhooks[name], self.secrets.get(name, {}), note):
            raise ApiError(500, problem)

    def _try(self, name: str, row: Row, secrets: dict[str, str], note: Note) -> str:
        """Return what went wrong, without a secret in it; nothing if it arrived."""
        problem = ""
        try:
            _send(row, secrets, note)
        except urllib.error.HTTPError as error:
            problem = f"{row['url']}: status code {error.code}"
        except (OSError, ValueError) as error:
            problem = f"{row['url']}: Connection Failed: {getattr(error, 'reason', error)}"
        for value in secrets.values():
            problem = problem.replace(value, "<masked>")
        self.sent.append((name, note.title, problem))
        return problem

    def saved(self) -> Row:
        """What outlives a restart."""
        return {"webhooks": self.webhooks, "secrets": self.secrets, "matchers": self.matchers}

    def restore(self, data: Row) -> None:
        """Put back what :meth:`saved` gave."""
        self.webhooks, self.matchers = data.get("webhooks", {}), data.get("matchers", {})
        self.secrets = data.get("secrets", {})


def _matches(row: Row, note: Note) -> bool:
    """Whether a matcher lets a notification through; one without rules lets all through."""
    rules = [_field_matches(rule, note.fields) for rule in row.get("match-field", [])]
    rules += [note.severity in rule.split(",") for rule in row.get("match-severity", [])]
    found = not rules or (any(rules) if row.get("mode") == "any" else all(rules))
    return not row.get("disable") and found != bool(row.get("invert-match"))


def _field_matches(rule: str, fields: dict[str, str]) -> bool:
    kind, _colon, rest = rule.partition(":")
    name, _equals, wanted = rest.partition("=")
    if name not in fields:
        return False
    return bool(re.search(wanted, fields[name])) if kind == "regex" else fields[name] in wanted.split(",")


def _send(row: Row, secrets: dict[str, str], note: Note) -> None:
    """Raises OSError (HTTPError for a status from 400 on) or ValueError."""
    data = asdict(note) | {"secrets": secrets}
    body = fill(_plain(row.get("body", "")), data).encode()
    request = urllib.request.Request(  # noqa: S310 - the address was checked when the target was made
        fill(row["url"], data), data=body, method=str(row.get("method", "post")).upper()
    )
    for header in row.get("header", []):
        name, value = pair(header)
        request.add_header(name, fill(value, data))
    with NO_PROXY.open(request, timeout=SECONDS):
        return


def pair(text: str) -> tuple[str, str]:
    """Return name and value of ``name=…,value=BASE64``. Raises ValueError."""
    parts = dict(part.partition("=")[::2] for part in text.split(","))
    if not parts.get("name"):
        raise ValueError("name is missing")
    return parts["name"], _plain(parts.get("value", ""))


def _plain(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise ValueError("could not decode base64 value") from None


def fill(template: str, data: Row) -> str:
    """Return a template with its places filled. Raises ValueError where a helper lacks what it needs."""

    def value(found: re.Match[str]) -> str:
        helper, there = found[1], _look_up(data, found[2])
        if helper == "json":
            return json.dumps(there, ensure_ascii=False)
        if helper and not isinstance(there, str):
            raise ValueError(f"{helper}: missing parameter")
        if helper == "escape":
            return json.dumps(there, ensure_ascii=False)[1:-1]
        if helper == "url-encode":
            return quote(str(there), safe='"<>\\^`{|}~')
        return "" if there is None else str(there)

    return PLACE.sub(value, template)


def _look_up(data: Row, path: str) -> Any:
    found: Any = data
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found
