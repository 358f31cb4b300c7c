"""For templates that draw panels: what the browser is told of each, and the words that the drawing uses."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import template

from monitoring.drawing import definitions, words
from monitoring.panels import Panel

register = template.Library()


@register.filter
def defined(panels: Iterable[Panel | dict[str, Any]], variables: Mapping[str, str] | None) -> list[dict[str, Any]]:
    """The definition of each panel; those that are one already stay as they are."""
    return [one if isinstance(one, dict) else definitions.of(one, variables or {}) for one in panels or ()]


@register.simple_tag
def drawing_words() -> dict[str, str]:
    """The sentences of the drawing in the reader's language."""
    return words.all_of_them()
