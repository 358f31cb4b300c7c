"""What fills in labels on the page to try: other apps say what there is to choose from (a server, an owner …)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext as _

from notifications.links import matchers_of
from notifications.routing.matchers import BadMatcher, Operator, parse

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

SHOWN: Final = 20
# Of these there may be several: the next one stands beside the ones before.
SEVERAL: Final = frozenset({"tags"})


class NotLabels(Exception):
    """What was typed are no labels. The text may be shown."""


@dataclass(frozen=True, slots=True)
class Picker:
    """Something to choose from. ``search``: keys and texts of the first so many that a term finds; ``labels``: those of
    the one with that key, empty if there is none; ``replaces``: which labels of what was chosen before end with it."""

    name: str
    title: Any
    may: "Callable[[AbstractBaseUser | AnonymousUser], bool]"
    search: Callable[[str, int], Iterable[tuple[str, str]]]
    labels: Callable[[str], Mapping[str, str]]
    replaces: frozenset[str] = frozenset()


_known: Final[dict[str, Picker]] = {}


def register(picker: Picker) -> None:
    """Offer it, after those that are offered already."""
    _known[picker.name] = picker


def offered(user: "AbstractBaseUser | AnonymousUser") -> list[Picker]:
    """What that person may choose from."""
    return [picker for picker in _known.values() if picker.may(user)]


def results(picker: Picker, term: str) -> dict[str, Any]:
    """What Select2 shows for a term. A list that is cut says so by its last line."""
    found = list(picker.search(term.strip(), SHOWN + 1))
    rows: list[dict[str, Any]] = [{"id": key, "text": text} for key, text in found[:SHOWN]]
    if len(found) > SHOWN:
        rows.append({"id": "", "text": _("… and more: type a part of the name"), "disabled": True})
    return {"results": rows}


def labels_in(text: str) -> dict[str, str]:
    """Labels as somebody writes them: matchers that say “is”. Raises BadMatcher, and NotLabels for other matchers."""
    found = parse(text)
    if any(matcher.operator != Operator.EQUAL for matcher in found):
        raise NotLabels
    return {matcher.name: matcher.value for matcher in found}


def filled(picker: Picker, key: str, typed: str) -> str:
    """The text of labels with those of what was chosen put in. What cannot be read as labels makes way; where there is
    nothing of that key, all stays as it was."""
    chosen = picker.labels(key)
    if not chosen:
        return typed
    try:
        before = labels_in(typed)
    except (BadMatcher, NotLabels):
        before = {}
    kept = {name: value for name, value in before.items() if name not in picker.replaces}
    return matchers_of(kept | {name: _joined(name, value, kept) for name, value in chosen.items()})


def _joined(name: str, value: str, kept: Mapping[str, str]) -> str:
    if name not in SEVERAL or name not in kept:
        return value
    return ",".join(dict.fromkeys([*filter(None, kept[name].split(",")), value]))
