"""What is to be said, without a medium. Imports no model, so that it can be imported before the apps are ready."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from portal.lib import clock


class Severity(StrEnum):
    """How bad it is."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Status(StrEnum):
    """What became of it. A test is somebody pressing "Send test"."""

    FIRING = "firing"
    RESOLVED = "resolved"
    TEST = "test"


RANK: Final = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}
MAX_ID: Final = 160
MAX_TITLE: Final = 200
MAX_TEXT: Final = 10_000


@dataclass(frozen=True)
class Message:
    """One thing to say. ``id`` is the incident's: an opening and its recovery share it; ``sequence`` tells apart what
    is said several times about it. Raises ValueError for what no channel could send."""

    id: str
    title: str
    text: str = ""
    severity: Severity = Severity.INFO
    status: Status = Status.FIRING
    timestamp: datetime = field(default_factory=clock.now)
    sequence: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    link: str = ""
    source: str = "portal"
    # The key of the opening that this one ends; empty: whatever was said under the same id.
    previous: str = ""

    def __post_init__(self) -> None:
        """Bring everything into the form that channels rely on: one-line titles above all, for they become headers."""
        if not 0 < len(self.id) <= MAX_ID:
            raise ValueError(f"a message needs an id of at most {MAX_ID} characters")
        if self.timestamp.tzinfo is None:
            raise ValueError("a message's timestamp needs a time zone")
        title = _one_line(self.title)
        if not title:
            raise ValueError("a message needs a title")
        text = self.text.replace("\x00", "").strip()  # PostgreSQL keeps no NUL
        self._set(title=_cut(title, MAX_TITLE), text=_cut(text, MAX_TEXT))
        self._set(link=_one_line(self.link), source=_one_line(self.source))
        self._set(severity=Severity(self.severity), status=Status(self.status))
        self._set(labels={_one_line(str(name)): _one_line(str(value)) for name, value in self.labels.items()})

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def key(self) -> str:
        """What makes this message this message: published twice under one key, it is sent once."""
        return f"{self.id}:{self.status}:{self.sequence}"

    def resolved(self, **changes: Any) -> "Message":
        """The recovery that ends this opening."""
        return replace(self, **{"status": Status.RESOLVED, "previous": self.key, "timestamp": clock.now(), **changes})

    def reaches(self, minimum: str) -> bool:
        """Whether it is as bad as that or worse."""
        return RANK[self.severity] >= RANK[Severity(minimum)]

    def as_json(self) -> dict[str, Any]:
        """Plain JSON: what a row keeps."""
        return {
            "id": self.id,
            "title": self.title,
            "text": self.text,
            "severity": str(self.severity),
            "status": str(self.status),
            "timestamp": self.timestamp.isoformat(),
            "sequence": self.sequence,
            "labels": dict(self.labels),
            "link": self.link,
            "source": self.source,
            "previous": self.previous,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Message":
        """The message that ``as_json`` made. A key that a later version added is passed over."""
        known = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        return cls(**{**known, "timestamp": datetime.fromisoformat(data["timestamp"])})


def _one_line(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
