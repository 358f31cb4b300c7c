"""The card of next steps on a demo's front page: what to do after the first look, until it is done or waved away."""

from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from notifications import has_channel
from portal.lib.access import may
from portal.lib.buttons import object_url
from portal.lib.sections import FRONT, Section, section
from portal.navigation import DEMO
from servers.models import Cluster

COOKIE: Final = "portal_next_steps"
A_YEAR: Final = 365 * 24 * 3600


@dataclass(frozen=True)
class Step:
    """One of them, with its page. Whether it was done cannot be told of all: None."""

    text: str
    why: str
    url: str
    done: bool | None = None


@section(FRONT, order=5)
def next_steps(request: HttpRequest, _subject: None) -> Section | None:
    """The card, for whoever may take the steps; None where that person waved it away or all is done."""
    if request.COOKIES.get(COOKIE) or not may(request.user, "add", Cluster):
        return None
    clusters = list(Cluster.objects.order_by("pk"))
    steps = _steps([one for one in clusters if one.name != DEMO], demo=any(one.name == DEMO for one in clusters))
    if all(step.done is not False for step in steps):
        return None
    context = {"steps": steps, "hide_url": reverse("next-steps-hide")}
    return Section(_("Next steps"), "portal/next_steps.html", context, icon="flag", wide=True)


def _steps(own: list[Cluster], *, demo: bool) -> list[Step]:
    return [
        _own_cluster(own, demo=demo),
        Step(
            _("Add an alert channel"),
            _("Mail, Slack or a webhook: without one, nobody is told of trouble."),
            reverse("admin:notifications_alertchannel_add"),
            has_channel(),
        ),
        Step(_("Look at the dashboards"), _("What Prometheus keeps, drawn."), reverse("dashboards")),
    ]


def _own_cluster(own: list[Cluster], *, demo: bool) -> Step:
    """Done when one was read: until then its servers are not here, whatever was entered."""
    title = _("Add your own cluster")
    if any(cluster.last_success_at for cluster in own):
        return Step(title, _("Its servers are here."), object_url(own[0]), done=True)
    if failing := next((cluster for cluster in own if cluster.last_error), None):
        why = _("The sync of %(cluster)s fails: its page says why.") % {"cluster": failing}
        return Step(title, why, object_url(failing), done=False)
    if own:
        return Step(title, _("Its servers appear here a moment later."), object_url(own[0]), done=False)
    look = _("What you see is a simulated cluster.") if demo else _("Its servers appear here a moment later.")
    return Step(title, look, reverse("admin:servers_cluster_add"), done=False)


@require_POST
def hide(request: HttpRequest) -> HttpResponse:
    """Do not show the card in this browser any more."""
    answer = HttpResponseRedirect(reverse("admin:index"))
    answer.set_cookie(COOKIE, "hidden", max_age=A_YEAR, samesite="Lax", httponly=True, secure=request.is_secure())
    return answer
