"""Odd answers on demand: what proxies, dying nodes and half-dead servers send."""

from __future__ import annotations

import fnmatch
import json
import threading
import time
from dataclasses import dataclass
from typing import Any

KINDS = (
    "slow", "truncated", "html", "null", "empty", "errors_dict", "empty_body", "401", "403", "500", "595", "596",
    "reset", "redirect", "no_guests", "bad_json", "wrong_types",
)  # fmt: skip
REFUSES = "400:"  # followed by the name of a parameter: a write that has it is refused for it
REASONS = {
    401: "Authentication failed!",
    403: "Permission check failed (/, Sys.Audit)",
    500: "got no worker upid - start worker failed",
    595: "No route to host",
    596: "Connection timed out",
}
LOGIN_PAGE = b"<!DOCTYPE html>\n<html><head><title>Log in</title></head><body><form></form></body></html>\n"
WRONG: dict[str, Any] = {
    "vmid": "abc",
    "node": None,
    "status": 7,
    "cpu": "n/a",
    "name": ["x"],
    "maxmem": "much",
    "type": 1,
    "template": {},
}


@dataclass
class Rule:
    """One oddity: for which paths and node, how often or how long it still happens."""

    pattern: str
    kind: str
    times: int | None = None
    until: float | None = None
    node: str | None = None
    delay: float = 0.0

    def fits(self, path: str) -> bool:
        """Whether the rule is alive and meant for this path (without ``/api2/json``)."""
        if self.times == 0 or (self.until is not None and time.time() >= self.until):
            return False
        if self.node is not None and f"/nodes/{self.node}/" not in path + "/":
            return False
        return fnmatch.fnmatchcase(path, self.pattern)


class Misbehaviour:
    """The rules in force. The newest one that fits a path wins."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []

    def add(
        self,
        pattern: str,
        kind: str,
        *,
        times: int | None = None,
        seconds: float | None = None,
        node: str | None = None,
    ) -> None:
        """Add a rule. ``seconds`` is the delay of ``slow`` (10 unless told) and the duration of all other kinds.

        Raises ValueError for an unknown kind.
        """
        kind = str(kind)
        if kind not in KINDS and not kind.startswith(REFUSES):
            raise ValueError(f"no such misbehaviour: {kind!r}; there are {', '.join(KINDS)}")
        slow = kind == "slow"
        until = time.time() + seconds if seconds is not None and not slow else None
        delay = (10.0 if seconds is None else seconds) if slow else 0.0
        with self._lock:
            self._rules.append(Rule(pattern, kind, times, until, node, delay))

    def clear(self) -> None:
        """Behave."""
        with self._lock:
            self._rules.clear()

    def take(self, path: str) -> Rule | None:
        """Return the rule for a request, counting it, or None."""
        with self._lock:
            for rule in reversed(self._rules):
                if rule.fits(path):
                    if rule.times is not None:
                        rule.times -= 1
                    return rule
        return None


def distort(kind: str, answer: dict[str, Any]) -> bytes:
    """Return the body of a good answer after something went wrong with it. ``bad_json`` is cut in the middle."""
    data = answer.get("data")
    match kind:
        case "null":
            answer = {"data": None}
        case "empty":
            answer = {"data": []}
        case "errors_dict":
            answer = {"data": {"errors": {"resources": "temporarily unavailable"}}}
        case "empty_body":
            return b""
        case "no_guests" if isinstance(data, list):
            kept = [row for row in data if not (isinstance(row, dict) and row.get("type") in ("qemu", "lxc"))]
            answer = {"data": kept}
        case "wrong_types":
            answer = {"data": _spoil(data)}
    text = json.dumps(answer).encode()
    return text[: max(1, len(text) * 2 // 3)] if kind == "bad_json" else text


def _spoil(data: Any) -> Any:
    if isinstance(data, list):
        return [_spoil(row) for row in data]
    if isinstance(data, dict):
        return {key: WRONG.get(key, value) for key, value in data.items()}
    return {"unexpected": data}
