"""``/runbooks/NAME/``: what to do when a rule fires. The pages of docs/runbooks, for whoever may log in."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Final

from django.conf import settings
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt

FOLDER: Final = "docs/runbooks"
# Files refer to each other as files; here they are pages beside each other.
BESIDE: Final = re.compile(r'href="(\w+)\.md"')


def page(request: HttpRequest, name: str) -> HttpResponse:
    """The runbook of that rule. Raises Http404 where there is none."""
    path = names().get(name)
    if path is None:
        raise Http404(_("There is no runbook of that name."))
    context = {**admin.site.each_context(request), "title": name, "text": _rendered(path, path.stat().st_mtime_ns)}
    return TemplateResponse(request, "monitoring/runbook.html", context)


def names() -> dict[str, Path]:
    """The rules that have a runbook, and its file."""
    return {path.stem: path for path in (settings.BASE_DIR / FOLDER).glob("*.md")}


@lru_cache(maxsize=64)
def _rendered(path: Path, _changed: int) -> SafeString:
    """The page without its heading, which the admin shows. HTML in the file would be shown as text."""
    text = path.read_text().partition("\n")[2]
    html = MarkdownIt("commonmark", {"html": False}).render(text)
    return mark_safe(BESIDE.sub(r'href="../\1/"', html))  # noqa: S308  (our own file, rendered without its HTML)
