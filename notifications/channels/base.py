"""What a channel is: a label, the fields it needs, and how it sends one message."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, ClassVar

from notifications.channels.fields import Field
from notifications.message import Message


class Verdict(Enum):
    """How a sending ended. TEMPORARY is tried again, PERMANENT is not, WITHHELD was never to be sent."""

    DELIVERED = auto()
    TEMPORARY = auto()
    PERMANENT = auto()
    WITHHELD = auto()


@dataclass(frozen=True)
class Outcome:
    """How a sending ended, in our own words: a library's text may hold the secret address. ``code`` is the answer's
    number, ``retry_after`` seconds that the receiver asked for, ``closes`` whether the channel cannot work any more,
    ``reference`` what the receiver calls the message: what is said later of the same trouble gets it as ``thread``."""

    verdict: Verdict
    sentence: str = ""
    code: int | None = None
    retry_after: float | None = None
    closes: bool = False
    reference: str = ""

    @classmethod
    def delivered(cls, code: int | None = None, remark: str = "", reference: str = "") -> "Outcome":
        """It arrived; ``remark`` says what went wrong all the same."""
        return cls(Verdict.DELIVERED, remark, code, reference=reference)

    @classmethod
    def temporary(cls, sentence: str, code: int | None = None, retry_after: float | None = None) -> "Outcome":
        """It did not arrive, and may the next time."""
        return cls(Verdict.TEMPORARY, sentence, code, retry_after)

    @classmethod
    def permanent(cls, sentence: str, code: int | None = None, *, closes: bool = False) -> "Outcome":
        """It did not arrive and never will."""
        return cls(Verdict.PERMANENT, sentence, code, closes=closes)


class Channel(ABC):
    """A subclass declares the first four and says in ``send`` what it sends. See docs/adding-a-channel.md.

    ``thread`` is the reference of the first message about the same trouble, where the receiver gave it one.
    """

    label: ClassVar[Any]
    description: ClassVar[Any] = ""
    icon: ClassVar[str] = "notifications"
    fields: ClassVar[Sequence[Field]] = ()

    def __init__(self, settings: Mapping[str, Any], thread: str = "") -> None:
        self.settings = settings
        self.thread = thread

    @abstractmethod
    def send(self, message: Message, idempotency_key: str) -> Outcome:
        """Send, and say how it ended. Anything it raises counts as a defect of ours, to be tried again."""

    @abstractmethod
    def target(self) -> str:
        """Where it leads, without anything secret."""

    @classmethod
    def missing(cls) -> str:
        """What this installation lacks for channels of this kind, as a sentence; empty if nothing."""
        return ""

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """Judge the values together, each being well by itself. Raises ValidationError, by field where it can."""
        return  # few have anything to judge

    @classmethod
    def preview(cls, values: Mapping[str, Any], message: Message) -> str | None:
        """What would be sent for that message, to be shown; None where there is nothing to write oneself."""
        return None

    @classmethod
    def split(cls, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The public and the secret ones of these values; empty ones are left out."""
        kept = {field.name: values[field.name] for field in cls.fields if values.get(field.name)}
        secret = {field.name for field in cls.fields if field.secret}
        return (
            {name: value for name, value in kept.items() if name not in secret},
            {name: value for name, value in kept.items() if name in secret},
        )
