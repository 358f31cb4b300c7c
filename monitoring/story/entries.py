"""One line of a story: when, what, and by whom. Plain values; ``monitoring/admin`` draws them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from portal.lib import show

FIRST: Final = 30
LAST: Final = 90


@dataclass(frozen=True, slots=True)
class Entry:
    """``icon`` and ``tone`` say at a glance what ``title`` says in words; ``detail`` is what there is to add."""

    at: datetime
    icon: str
    title: Any
    detail: Any = ""
    who: str = ""
    tone: str = show.MUTED


@dataclass(frozen=True, slots=True)
class Cut:
    """A long list without its middle: how many were left out between ``head`` and ``tail``."""

    head: Sequence[Entry]
    tail: Sequence[Entry]
    left_out: int


def cut(entries: Sequence[Entry], *, whole: bool) -> Cut:
    """The first and the last of them, if they are very many."""
    if whole or len(entries) <= FIRST + LAST:
        return Cut(entries, (), 0)
    return Cut(entries[:FIRST], entries[-LAST:], len(entries) - FIRST - LAST)
