"""Matchers as Alertmanager writes and reads them: ``severity="critical", cluster=~"prod-.*", "größe"!="klein"``.

The syntax is that of Alertmanager 0.27 and later (UTF-8), of which the older one is a part: names and values without
quotes have none of the reserved signs; in double quotes stands a string as Go writes it; braces around the list are
optional. A label that is missing counts as the empty text. Source: https://prometheus.io/docs/alerting/latest/configuration/#matcher
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from django.utils.translation import gettext as _

from notifications.routing import patterns

MAX_TEXT: Final = 4000
RESERVED: Final = "{}!=~,\\\"'`"
_PLAIN: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<open>\{)|(?P<close>\})|(?P<comma>,)|(?P<op>=~|!~|!=|=)|(?P<quoted>"(?:[^"\\]|\\.)*")"""
    r"""|(?P<bare>[^\s{}!=~,\\"'`]+))""",
    re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL)
_SIGNS: Final = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"',
}  # fmt: skip
# The label that has several values at once.
TAG: Final = "tag"


class BadMatcher(ValueError):
    """Not understood. The text is a sentence that may be shown."""


class Operator(StrEnum):
    """How a label is compared."""

    EQUAL = "="
    UNEQUAL = "!="
    MATCHES = "=~"
    MATCHES_NOT = "!~"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a message is judged by: its labels, and its tags apart, for there are several."""

    labels: Mapping[str, str]
    tags: frozenset[str] = frozenset()

    def values(self, name: str) -> Iterable[str]:
        """The values of a label; the empty text where it is missing."""
        if name == TAG and self.tags:
            return self.tags
        return (self.labels.get(name, ""),)


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition. On ``tag`` a positive one holds if any tag fulfils it, a negative one if none breaks it."""

    name: str
    operator: Operator
    value: str

    def __str__(self) -> str:
        name = self.name if _PLAIN.fullmatch(self.name) else quoted(self.name)
        return f"{name}{self.operator}{quoted(self.value)}"

    def holds(self, facts: Facts) -> bool:
        """Whether a message with these facts is meant."""
        values = facts.values(self.name)
        if self.operator in (Operator.EQUAL, Operator.UNEQUAL):
            found = any(value == self.value for value in values)
        else:
            found = any(patterns.matches(self.value, value) for value in values)
        return found == (self.operator in (Operator.EQUAL, Operator.MATCHES))


Matchers = tuple[Matcher, ...]


def failing(matchers: Matchers, facts: Facts) -> Matcher | None:
    """The first condition that does not hold; None if the message is meant. No condition at all means every message."""
    return next((matcher for matcher in matchers if not matcher.holds(facts)), None)


def written(matchers: Iterable[Matcher]) -> str:
    """The list in Alertmanager's syntax; ``parse`` reads it back."""
    return ", ".join(str(matcher) for matcher in matchers)


def quoted(text: str) -> str:
    """A Go string: only what must be escaped is."""
    signs = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + "".join(signs.get(sign, sign) for sign in text) + '"'


@lru_cache(maxsize=1024)
def parse(text: str) -> Matchers:
    """The matchers that are written there; one per line is fine, too. Raises BadMatcher with a sentence."""
    if len(text) > MAX_TEXT:
        raise BadMatcher(_("This is too long: at most %d characters.") % MAX_TEXT)
    tokens = _without_braces(_tokens(text))
    found: list[Matcher] = []
    while tokens:
        kinds = [token.kind for token in tokens[:3]]
        if len(kinds) < 3 or kinds[0] not in _WORDS or kinds[1] != "op" or kinds[2] not in _WORDS:
            raise BadMatcher(_misplaced(tokens))
        found.append(_matcher(tokens[0], tokens[1].text, tokens[2]))
        tokens = tokens[3:]
        if tokens and tokens[0].kind == "comma":
            tokens = tokens[1:]
        elif tokens and not tokens[0].new_line:
            raise BadMatcher(_("There is no comma before “%s”.") % tokens[0].text[:60])
    return tuple(found)


_WORDS: Final = ("bare", "quoted")


class Token(NamedTuple):
    """A word or a sign, and whether it stands on a new line."""

    kind: str
    text: str
    new_line: bool


def _tokens(text: str) -> list[Token]:
    found: list[Token] = []
    place = 0
    while text[place:].strip():
        token = _TOKEN.match(text, place)
        if token is None:
            raise BadMatcher(_stuck(text[place:].strip()))
        kind = token.lastgroup or ""
        found.append(Token(kind, token.group(kind), "\n" in text[place : token.start(kind)]))
        place = token.end()
    return found


def _stuck(rest: str) -> str:
    if rest[0] == '"':
        return _("A quotation mark is not closed: %s") % rest[:60]
    if rest[0] in "'`":
        return _("Only double quotation marks are understood: %s") % rest[:60]
    return _('This is not understood: “%s”. Write for example severity="critical".') % rest[:60]


def _without_braces(tokens: list[Token]) -> list[Token]:
    if tokens and tokens[0].kind == "open":
        if tokens[-1].kind != "close" or len(tokens) < 2:
            raise BadMatcher(_("The brace “{” is not closed."))
        return tokens[1:-1]
    return tokens


def _misplaced(tokens: list[Token]) -> str:
    shown = "".join(token.text for token in tokens[:3])[:60]
    if tokens[0].kind in _WORDS and len(tokens) > 1 and tokens[1].kind == "op":
        return _("“%s” compares with nothing: write a value, in quotation marks if it is empty or has spaces.") % shown
    if tokens[0].kind in _WORDS:
        return _("“%s” compares nothing: write a label, then =, !=, =~ or !~, then a value.") % tokens[0].text[:60]
    return _("There is a label's name missing before “%s”.") % shown


def _matcher(name: Token, operator: str, value: Token) -> Matcher:
    label, text = _text(name), _text(value)
    if not label:
        raise BadMatcher(_("The name of a label cannot be empty."))
    if operator in (Operator.MATCHES, Operator.MATCHES_NOT):
        try:
            patterns.compiled(text)
        except patterns.BadPattern as error:
            raise BadMatcher(str(error)) from None
    return Matcher(label, Operator(operator), text)


def _text(token: Token) -> str:
    return _ESCAPE.sub(_unescaped, token.text[1:-1]) if token.kind == "quoted" else token.text


def _unescaped(found: re.Match[str]) -> str:
    for group, base in ((1, 16), (2, 16), (3, 16), (4, 8)):
        if digits := found.group(group):
            number = int(digits, base)
            if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
                raise BadMatcher(_("“%s” is no character.") % found.group(0))
            return chr(number)
    sign = _SIGNS.get(found.group(5))
    if sign is None:
        raise BadMatcher(_("“%s” is no escape: in quotation marks a backslash is written twice.") % found.group(0))
    return sign
