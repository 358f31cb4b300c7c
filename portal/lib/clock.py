"""Time: what a period is called, and how long ago something was. Everything is UTC inside."""

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext


def now() -> datetime:
    """The present moment, aware, in UTC. The one place that tests may want to move."""
    return timezone.now()


def ago(moment: datetime | None, *, reference: datetime | None = None) -> str:
    """How far away that is, in one unit: "12 s ago", "in 3 h"; "never" where there was no such moment."""
    if moment is None:
        return _("never")
    past = (reference or now()) - moment
    if past <= -timedelta(seconds=1):  # clocks of two machines differ by less
        return _("in %(span)s") % {"span": span(-past)}
    return _("%(span)s ago") % {"span": span(past)}


def span(period: timedelta) -> str:
    """A length of time in its largest unit: "45 s", "12 min", "3 h", "5 days"."""
    seconds = max(0, int(period.total_seconds()))
    if seconds < 60:
        return _("%d s") % seconds
    if seconds < 3600:
        return _("%d min") % (seconds // 60)
    if seconds < 86400 * 2:
        return _("%d h") % (seconds // 3600)
    days = seconds // 86400
    return ngettext("%d day", "%d days", days) % days
