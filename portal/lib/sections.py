"""Places on pages that any app may fill: the front page, a server's, node's, storage's or cluster's page.

An app registers a function for a place in its ``AppConfig.ready`` (or its admin module). The page asks every function
in order; each answers with a :class:`Section` or with None where it has nothing to show to that person. So the page of
``servers`` shows what ``monitoring`` knows without knowing ``monitoring``.

Places: ``front`` and ``front:tiles`` (the front page, subject None), and for each model ``<app>.<model>:top`` (above
the form) and ``<app>.<model>`` (below it), e.g. ``servers.server:top``, ``servers.node``, ``servers.cluster``.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from django.db.models import Model
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

FRONT: Final = "front"
TILES: Final = "front:tiles"


@dataclass(frozen=True)
class Table:
    """Rows for the template ``portal/table.html``: cells are texts or safe HTML.

    ``folds`` is for four columns, of which the last is a sentence: on a phone it stands below the other three.
    """

    head: list[Any]
    rows: list[list[Any]]
    empty: Any = ""
    folds: bool = False


@dataclass(frozen=True)
class Section:
    """One card of a page. ``template`` gets ``context`` and the request; ``url`` leads to the whole list."""

    title: Any
    template: str = "portal/table.html"
    context: dict[str, Any] = field(default_factory=dict)
    icon: str = ""
    note: Any = ""
    url: str = ""
    url_text: Any = ""
    wide: bool = False
    bare: bool = False  # the template alone, without the card around it


Builder = Callable[[HttpRequest, Any], Section | None]
_places: dict[str, list[tuple[int, str, Builder]]] = defaultdict(list)


def section(place: str, *, order: int) -> Callable[[Builder], Builder]:
    """Register a function for a place. Lower orders come first; registering the same function twice counts once."""

    def register(builder: Builder) -> Builder:
        name = f"{builder.__module__}.{builder.__qualname__}"
        kept = [entry for entry in _places[place] if entry[1] != name]
        _places[place] = sorted([*kept, (order, name, builder)], key=lambda entry: entry[:2])
        return builder

    return register


def place_of(subject: Model, suffix: str = "") -> str:
    """The name of the place on that object's page."""
    return f"{subject._meta.app_label}.{subject._meta.model_name}{suffix}"


def render(place: str, request: HttpRequest, subject: Any = None) -> list[SafeString]:
    """Every section of a place that has something to show, as HTML."""
    built = (builder(request, subject) for _order, _name, builder in _places[place])
    return [_html(found, request) for found in built if found is not None]


def _html(found: Section, request: HttpRequest) -> SafeString:
    frame = found.template if found.bare else "portal/section.html"
    return render_to_string(frame, {**found.context, "section": found}, request=request)


def tile(title: Any, figure: Any, below: Any = "", *, icon: str = "", url: str = "", alarm: bool = False) -> Section:  # noqa: PLR0913  (a tile has that many parts)
    """A figure of the front page's first row, for the place :data:`TILES`. ``alarm`` colours what stands below it."""
    context = {"figure": figure, "below": below, "alarm": alarm}
    return Section(title, "portal/tile.html", context, icon=icon, url=url, bare=True)
