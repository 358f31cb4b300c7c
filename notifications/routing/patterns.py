"""Regular expressions as Alertmanager has them: Go's syntax, the whole value must match.

Python's engine runs them, so what the two read differently is refused with a sentence: better no rule than another
one. Source: https://github.com/google/re2/wiki/Syntax, and ``NewMatcher`` of Alertmanager's pkg/labels.
"""

import re
import warnings
from collections.abc import Iterator
from functools import lru_cache
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, Final

from django.utils.translation import gettext as _

MAX_PATTERN: Final = 500
# Longer values are cut before they are compared: a label is a name, and a pattern's cost grows with it.
MAX_VALUE: Final = 2000
_REPEATS: Final = {codes.MAX_REPEAT, codes.MIN_REPEAT}
_FOREIGN: Final = {
    codes.ASSERT, codes.ASSERT_NOT, codes.GROUPREF, codes.GROUPREF_EXISTS, codes.ATOMIC_GROUP, codes.POSSESSIVE_REPEAT,
}  # fmt: skip


class BadPattern(ValueError):
    """No regular expression that both sides understand alike. The text may be shown."""


@lru_cache(maxsize=512)
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern, to be used with ``fullmatch``. Raises BadPattern with a sentence."""
    words = {"pattern": pattern[:80]}
    if len(pattern) > MAX_PATTERN:
        raise BadPattern(_("A regular expression may have at most %d characters.") % MAX_PATTERN)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what Python warns of, Go reads in its own way
            tree = parser.parse(pattern, re.ASCII)
            found = re.compile(pattern, re.ASCII)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        reason = getattr(error, "msg", "") or _("it is not understood")
        words["reason"] = reason
        raise BadPattern(_("“%(pattern)s” is no regular expression: %(reason)s.") % words) from None
    if any(code in _FOREIGN for code, _value in _walk(tree)) or r"\Z" in pattern:
        raise BadPattern(
            _("“%(pattern)s” uses what Alertmanager has not: looking ahead or behind, back references, \\Z.") % words
        )
    if _explodes(tree):
        raise BadPattern(
            _("“%(pattern)s” repeats a repetition, as in (a+)+, which can take forever: repeat only once.") % words
        )
    return found


def matches(pattern: str, value: str) -> bool:
    """Whether the whole value matches. Raises BadPattern."""
    return compiled(pattern).fullmatch(value[:MAX_VALUE]) is not None


def _walk(tree: Any) -> Iterator[tuple[Any, Any]]:
    for code, value in tree:
        yield code, value
        for inner in _inner(value):
            yield from _walk(inner)


def _inner(value: Any) -> Iterator[Any]:
    """The sub-patterns of a node, wherever its tuple keeps them."""
    if isinstance(value, parser.SubPattern):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _inner(part)


def _unbounded(code: Any, value: Any) -> bool:
    return code in _REPEATS and value[1] is codes.MAXREPEAT


def _explodes(tree: Any) -> bool:
    """Whether an unbounded repetition holds another one, or a choice whose branches may begin alike."""
    bodies = [value[2] for code, value in _walk(tree) if _unbounded(code, value)]
    inside = [node for body in bodies for node in _walk(body)]
    return any(_unbounded(code, part) or (code is codes.BRANCH and _ambiguous(part[1])) for code, part in inside)


def _ambiguous(branches: Any) -> bool:
    """Whether two branches may begin with the same letter. Python merges common beginnings, so literals differ."""
    firsts = [branch[0] if len(branch) else None for branch in branches]
    literals = [node[1] for node in firsts if node is not None and node[0] is codes.LITERAL]
    return len(literals) != len(firsts) or len(set(literals)) != len(literals)
