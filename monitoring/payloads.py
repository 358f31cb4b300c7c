"""What every reader of messages needs: texts that a database can keep, moments that exist, addresses that are none of
somebody's tricks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

LONGEST: Final = {"name": 200, "value": 1000, "text": 5000, "link": 2000}
MOST_LABELS: Final = 64
FRACTION: Final = re.compile(r"(\.\d{6})\d+")
EARLIEST, LATEST = 1970, 9990


class NotUnderstood(Exception):
    """One alert, or the whole payload, is not what its sender sends. The text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Received:
    """One alert of a payload."""

    fingerprint: str
    firing: bool
    starts_at: datetime
    ends_at: datetime | None
    labels: dict[str, str]
    annotations: dict[str, str]
    link: str


def clean(value: Any, longest: int = LONGEST["value"]) -> str:
    """That value as a text of at most so many characters, without signs that no page shows and no database keeps:
    control characters, halves of pairs."""
    text = value if isinstance(value, str) else "" if value is None else _plain(value, longest)
    return "".join(sign for sign in text[: 2 * longest] if sign.isprintable() or sign in "\n\t")[:longest]


def _plain(value: Any, longest: int) -> str:
    """A number or a flag as text; of a list or an object only that there was one: a text of it may be endless."""
    if isinstance(value, bool | float | None):
        return str(value)
    if isinstance(value, int):
        return str(value) if value.bit_length() < longest else ""
    return f"({type(value).__name__})"


def texts(value: Any, longest: int = LONGEST["value"]) -> dict[str, str]:
    """An object of texts; empty for what is none."""
    return dict(_pairs(value, longest)) if isinstance(value, dict) else {}


def _pairs(value: dict[Any, Any], longest: int) -> Iterator[tuple[str, str]]:
    for name, text in list(value.items())[:MOST_LABELS]:
        yield clean(name, LONGEST["name"]), clean(text, longest)


def moment(text: Any) -> datetime | None:
    """A time as Go writes it; None for none and for year 1, which means "not yet". Fractions may have nine digits."""
    if not isinstance(text, str) or not text:
        return None
    try:
        found = datetime.fromisoformat(FRACTION.sub(r"\1", text))
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if EARLIEST <= found.year <= LATEST else None


def epoch(value: Any) -> datetime | None:
    """A time in whole seconds since 1970, as a number or as text; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 13:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 10**12:
        return None
    try:
        found = datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.year <= LATEST else None


def link(*values: Any) -> str:
    """The first of them that is a web address; '' where none is. Anything else would be a script on our page."""
    for value in values:
        if not isinstance(value, str) or len(value) > LONGEST["link"] or not value.isprintable() or " " in value:
            continue
        try:
            scheme, host = urlsplit(value).scheme, urlsplit(value).netloc
        except ValueError:
            continue
        if scheme in ("http", "https") and host:
            return value
    return ""
