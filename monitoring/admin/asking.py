"""The pages before something is done about incidents: what it means, in a question and a few points."""

from typing import Any, Final

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from monitoring import caring
from monitoring.models import Incident
from portal.lib.buttons import Confirmation, ask, list_url

NAMED: Final = 30


def about_acknowledging(incident: Incident) -> Confirmation:
    """Before looking after it."""
    return Confirmation(
        title=_("Acknowledge"),
        question=_("Tell the others that you are looking after “%(title)s”?") % {"title": incident.title},
        points=_meaning(),
        button=_("I look after it"),
    )


def _meaning() -> list[str]:
    return [
        _("Your name and the time are kept with it."),
        _("It is neither repeated nor escalated any more. Its end is told all the same."),
    ]


def about_closing(incident: Incident) -> Confirmation:
    """Before its end."""
    return Confirmation(
        title=_("Mark as over"),
        question=_("Say that “%(title)s” is over?") % {"title": incident.title},
        points=[
            _("For trouble that is over while nobody says so, as when its end was lost on the way."),
            _("Whoever was told of it is told of its end."),
            _("It is opened again if its source goes on saying that it is there."),
        ],
        button=_("It is over"),
    )


def about_snoozing(incident: Incident) -> Confirmation:
    """Before a while of quiet."""
    return Confirmation(
        title=_("Snooze"),
        question=_("For how long do you want to hear no more of “%(title)s”?") % {"title": incident.title},
        points=[
            _("Until then it is neither repeated nor escalated. Its end is told all the same."),
            _("Then it is said once more, unless somebody has acknowledged it."),
        ],
        button=_("Snooze"),
        choices=list(caring.SNOOZES.items()),
    )


def about_many(model_admin: Any, request: HttpRequest, able: list[Incident], rest: int) -> HttpResponse:
    """The page before many are acknowledged; ``rest`` were chosen and cannot be."""
    count = len(able)
    words = ngettext("Tell the others that you look after this incident?",
                     "Tell the others that you look after these %(count)d incidents?", count)  # fmt: skip
    points = _titles(able)
    points += [_("Left out, for they are acknowledged or over: %d") % rest] if rest else []
    hidden = [("action", "acknowledge_selected"), ("confirmed", "yes")]
    hidden += [(ACTION_CHECKBOX_NAME, str(row.pk)) for row in able]
    about = Confirmation(
        _("Acknowledge"), words % {"count": count}, _("I look after them"), [*points, *_meaning()], hidden=hidden
    )
    return ask(model_admin, request, about, list_url(Incident))


def about_telling(model_admin: Any, request: HttpRequest, found: list[Incident]) -> HttpResponse:
    """The page before those are told that nobody was told of."""
    words = ngettext("Tell this incident, of which nobody was told?",
                     "Tell these %(count)d incidents, of which nobody was told?", len(found))  # fmt: skip
    points = [*_titles(found), _("The routes decide who hears of it, as if they had just begun.")]
    about = Confirmation(_("Tell them now"), words % {"count": len(found)}, _("Tell them now"), points)
    return ask(model_admin, request, about, list_url(Incident))


def _titles(incidents: list[Incident]) -> list[str]:
    more = len(incidents) - NAMED
    return [row.title for row in incidents[:NAMED]] + ([_("… and %d more") % more] if more > 0 else [])
