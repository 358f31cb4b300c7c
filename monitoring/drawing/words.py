"""The sentences that the drawing in the browser uses, in the reader's language."""

from django.utils.translation import gettext as _


def all_of_them() -> dict[str, str]:
    """By the key that the scripts use."""
    return {**_of_states(), **_of_panels(), **_of_times()}


def _of_states() -> dict[str, str]:
    return {
        "loading": _("Loading…"),
        "empty": _("No data in this range"),
        "emptyHint": _("Choose a longer range, or look at “State of the stack” whether its target is scraped."),
        "failed": _("The portal did not answer."),
        "failedHint": _("It is tried again by itself."),
        "gone": _("There is no such thing, or not for you."),
        "again": _("Try again now"),
        "absent": _("There is no Prometheus to draw from yet"),
        "absentHint": _(
            "Prometheus keeps the history that charts are made of. As root on Debian or Ubuntu, this command installs "
            "it beside the portal and starts it on our files; the panels appear here by themselves within two minutes:"
        ),
        "elsewhere": _("There is one elsewhere? Name it in PORTAL_PROMETHEUS_URL and restart the portal."),
        "trouble": _("The charts cannot be drawn now"),
        "choose": _("Choose what to look at"),
        "next": _("It is looked at again by itself."),
    }


def _of_times() -> dict[str, str]:
    """Lengths of time, as ``clock.span`` has them. Keys of their own: ``min`` is the least of a legend."""
    return {
        "time-y": _("%d y"),
        "time-d": _("%d d"),
        "time-h": _("%d h"),
        "time-min": _("%d min"),
        "time-s": _("%d s"),
    }


def _of_panels() -> dict[str, str]:
    return {
        "series": _("Series"),
        "lastNotNull": _("Last"),
        "last": _("Last"),
        "max": _("Max"),
        "min": _("Min"),
        "mean": _("Mean"),
        "sum": _("Total"),
        "time": _("Time"),
        "value": _("Value"),
        "menu": _("What can be done with this panel"),
        "png": _("Download as PNG"),
        "csv": _("Download as CSV"),
        "link": _("Open alone"),
        "copy": _("Copy a link"),
        "grafana": _("Open in Grafana"),
        "copied": _("Copied"),
        "table": _("Show as a table"),
        "chart": _("Show as a chart"),
        "keys": _("Arrow keys go through the points, Page Up and Page Down faster, Escape leaves."),
        "zoom": _("Drag to choose a shorter range."),
        "hide": _("Show or hide this series. With Shift: this one alone."),
        "threshold": _("threshold"),
        "none": _("nothing"),
        "incidents": _("Incidents"),
        "since": _("since %(start)s"),
        "rows": _("%(shown)s of %(every)s rows are shown."),
    }
