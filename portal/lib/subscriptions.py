"""Where the servers that we manage may send their own notifications. ``servers`` tells them to; whoever listens is
registered here by the app that does, so that neither knows the other."""

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Target:
    """What a sender is to be given: where to send, what to show, in which form. The token is a secret."""

    name: str
    url: str
    token: str
    body: str
    comment: str

    def __repr__(self) -> str:
        return f"Target({self.name}, {self.url})"


class Listener(Protocol):
    """Whoever listens. ``subject`` is the thing that sends, a cluster."""

    def name(self) -> str:
        """What the target is called over there: the same for this installation, another for any other."""
        ...

    def address(self) -> str:
        """Where it listens."""
        ...

    def listens(self, subject: Any) -> bool:
        """Whether a token of that sender is taken now."""
        ...

    def offer(self, subject: Any, by: str) -> Target:
        """A target with a new token. The sender's other tokens are still taken."""
        ...

    def accepted(self, subject: Any, target: Target) -> None:
        """The sender has it: its other tokens end after the overlap."""
        ...

    def declined(self, subject: Any, target: Target) -> None:
        """The sender does not have it, or nobody knows: this token ends after the overlap."""
        ...

    def ended(self, subject: Any) -> None:
        """The sender has it no more: none of its tokens is taken from now on."""
        ...


_listeners: list[Listener] = []


def register(listener: Listener) -> None:
    """That one listens from now on."""
    _listeners[:] = [listener]


def listener() -> Listener | None:
    """Who listens; None where nobody does."""
    return _listeners[0] if _listeners else None
