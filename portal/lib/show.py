"""How a fact is shown in lists and pages: sizes, shares, badges, bars, moments. No queries, no models."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from django.utils import formats, timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from portal.lib import clock

GOOD: Final = "good"
WARN: Final = "warn"
BAD: Final = "bad"
CALM: Final = "calm"
MUTED: Final = "muted"
TONES: Final = frozenset({GOOD, WARN, BAD, CALM, MUTED})

DASH: Final = "–"
WARN_FROM: Final = 0.8
BAD_FROM: Final = 0.9
UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def size(number: float | None) -> str:
    """Bytes in the largest unit that keeps the number above one: "1.5 GiB"; a dash where it is unknown."""
    if number is None:
        return DASH
    amount = float(number)
    for unit in UNITS:
        if abs(amount) < 1024 or unit == UNITS[-1]:
            break
        amount /= 1024
    places = 0 if unit == "B" or amount >= 100 or amount == int(amount) else 1
    return f"{formats.number_format(round(amount, places), decimal_pos=places)}\N{NO-BREAK SPACE}{unit}"


def share(part: float | None) -> str:
    """A part of one as a percentage: "42 %"; below one per cent with one digit; a dash where it is unknown."""
    if part is None:
        return DASH
    per_cent = part * 100
    places = 1 if 0 < per_cent < 1 else 0
    return f"{formats.number_format(round(per_cent, places), decimal_pos=places)}\N{NO-BREAK SPACE}%"


def load_tone(part: float | None) -> str:
    """What a share of something limited means: calm, worth a look from 80 %, trouble from 90 %."""
    if part is None:
        return MUTED
    if part >= BAD_FROM:
        return BAD
    return WARN if part >= WARN_FROM else CALM


def badge(text: object, tone: str = MUTED, *, title: object = "") -> SafeString:
    """A small coloured label. Its text says it all: colour is never the only sign."""
    if tone not in TONES:
        raise ValueError(f"{tone!r} is no tone")
    return format_html('<span class="pm-badge pm-{}"{}>{}</span>', tone, _title(title), text)


def badges(items: Iterable[tuple[object, str]]) -> SafeString:
    """Several labels side by side."""
    return format_html(
        '<span class="pm-badges">{}</span>', format_html_join("", "{}", ((badge(text, tone),) for text, tone in items))
    )


def bar(part: float | None, text: object = "", *, title: object = "") -> SafeString:
    """A usage bar with its figure. Unknown is an empty text, not an empty bar: a bar at nought would be a lie."""
    if part is None:
        return format_html('<span class="pm-unknown"{}>{}</span>', _title(title), DASH)
    width = max(0.0, min(1.0, part)) * 100
    return format_html(
        '<span class="pm-usage"{}><span class="pm-bar"><span class="pm-fill pm-{}" style="width:{}%"></span></span>'
        '<span class="pm-figure">{}</span></span>',
        _title(title),
        load_tone(part),
        f"{width:.1f}",
        text or share(part),
    )


def usage_bar(used: float | None, whole: float | None) -> SafeString:
    """A bar of used space, with the two sizes as its tooltip."""
    if used is None or not whole:
        return bar(None, title=size(whole) if whole else "")
    title = _("%(used)s of %(whole)s") % {"used": size(used), "whole": size(whole)}
    return bar(used / whole, title=title)


def link(url: str, text: object, css: str = "pm-link") -> SafeString:
    """A link inside the portal."""
    return format_html('<a class="{}" href="{}">{}</a>', css, url, text)


def moment(when: datetime | None, *, never: object = "") -> SafeString:
    """How long ago it was; the exact time in the person's zone is the tooltip."""
    if when is None:
        return format_html('<span class="pm-unknown">{}</span>', never or _("never"))
    exact = formats.date_format(timezone.localtime(when), "DATETIME_FORMAT")
    return format_html(
        '<time class="pm-time" datetime="{}" title="{}">{}</time>', when.isoformat(), exact, clock.ago(when)
    )


def exact(when: datetime | None, *, never: object = DASH) -> SafeString:
    """Day and time to the second, in the person's zone; how long ago it was is the tooltip."""
    if when is None:
        return format_html('<span class="pm-unknown">{}</span>', never)
    local = timezone.localtime(when)
    is_today = local.date() == timezone.localtime(clock.now()).date()
    day = _("today") if is_today else formats.date_format(local, pgettext("form of a day", "M j"))
    return format_html(
        '<time class="pm-time" datetime="{}" title="{}">{} {}</time>',
        when.isoformat(), clock.ago(when), day, f"{local:%H:%M:%S}",
    )  # fmt: skip


def _title(title: object) -> SafeString:
    return format_html(' title="{}"', title) if title else SafeString("")
