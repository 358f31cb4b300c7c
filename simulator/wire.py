"""Requests and answers as bytes: what a client sent, what goes back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from simulator.errors import ApiError

JSON = "application/json;charset=UTF-8"
MALFORMED = (
    "malformed JSON string, neither tag, array, object, number, string or atom, at character offset 0 "
    '(before "(end of string)") at /usr/share/perl5/PVE/APIServer/AnyEvent.pm line 934.\n'
)


@dataclass(frozen=True)
class Asked:
    """A request as it was answered (status 0: not at all), for tests to look at. ``time`` is epoch seconds."""

    method: str
    path: str
    params: dict[str, Any]
    status: int
    user: str
    time: float


@dataclass
class Answer:
    """An answer before it goes onto the wire. ``packed`` is the body after gzip, ``cut`` sends half of the body."""

    status: int
    reason: str
    body: bytes = b""
    content_type: str = ""
    close: bool = False
    packed: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    cut: bool = False


class PlainText(ApiError):
    """An error whose body is its text and no JSON."""


def parse_form(text: str) -> dict[str, Any]:
    """Return the values of a query or form; a key that is repeated has a list."""
    lists = parse_qs(text, keep_blank_values=True)
    return {key: values[0] if len(values) == 1 else values for key, values in lists.items()}


def parse_json(raw: bytes) -> dict[str, Any]:
    """Return a JSON body. Raises the 500 of one that is no JSON object."""
    try:
        data = json.loads(raw)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise PlainText(500, MALFORMED)
    return data


def encode(answer: dict[str, Any]) -> bytes:
    """Return an answer's JSON."""
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()


def failure(problem: ApiError, *, message: bool) -> Answer:
    """Return an error's answer, after which the connection closes. ``message``: the text is in the body too."""
    reason = problem.message.split("\n", 1)[0]
    if problem.bare:
        return Answer(problem.status, reason, close=True)
    if isinstance(problem, PlainText):
        return Answer(problem.status, reason, problem.message.encode(), close=True)
    body: dict[str, Any] = {"data": None}
    if message:
        body["message"] = problem.message + ("\n" if problem.newline and not problem.message.endswith("\n") else "")
    if problem.errors is not None:
        body["errors"] = problem.errors
    return Answer(problem.status, reason, encode(body), JSON, close=True)
