"""The filter that templates of bodies have beside Django's own."""

import json

from django import template

register = template.Library()


@register.filter(name="json")
def as_json(value: object) -> str:
    """The value as JSON, quotes and all: ``{"text": {{ title|json }}}``."""
    return json.dumps(value, ensure_ascii=False, default=str)
