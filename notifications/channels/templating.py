"""Bodies that operators write themselves: Django's template language with nothing but the message in it."""

import json
from collections.abc import Mapping
from typing import Any, Final

from django.template import Context, Engine, Template, TemplateSyntaxError
from django.utils.translation import gettext as _

MAX_LENGTH: Final = 100_000
LIBRARY: Final = "notifications.channels.template_filters"


class TemplateFailed(Exception):
    """The template does not make a body; the text says why, for the person who wrote it."""


def compiled(text: str) -> Template:
    """The template. No loader, no library but our filter: it reaches no file and no setting. Raises TemplateFailed."""
    engine = Engine(autoescape=False, builtins=[LIBRARY], string_if_invalid="")
    try:
        return engine.from_string(text)
    except TemplateSyntaxError as error:
        raise TemplateFailed(_("The template is not well formed: %(why)s") % {"why": str(error)[:300]}) from None


def rendered(text: str, values: Mapping[str, Any], *, as_json: bool) -> str:
    """The body for these values. Raises TemplateFailed, also where JSON was to come out and does not."""
    template = compiled(text)
    try:
        # A sum is no SafeString any more: what an operator wrote is escaped where a page shows it.
        body = template.render(Context(dict(values), autoescape=False)) + ""
    except Exception as error:  # noqa: BLE001 (a template may raise whatever its filters do; the plain message goes out)
        raise TemplateFailed(_("The template failed (%(name)s).") % {"name": type(error).__name__}) from None
    if len(body) > MAX_LENGTH:
        raise TemplateFailed(_("The template makes more than %(number)d characters.") % {"number": MAX_LENGTH})
    if as_json:
        try:
            json.loads(body)
        except ValueError as error:
            place = getattr(error, "lineno", 1)
            raise TemplateFailed(
                _("The template makes no valid JSON (line %(line)d): put values through the filter json.")
                % {"line": place}
            ) from None
    return body
