"""Power buttons: on a server's page for one, in the list for many. They ask on a page and act by POST."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.lib.access import may
from portal.lib.buttons import Confirmation, Outcome, object_button, object_url
from servers.admin import labels
from servers.models import POWER, Action, Server
from servers.operations import Refusal, possible_actions, request_operation

ICONS: Final[dict[str, str]] = {
    Action.START: "play_arrow",
    Action.SHUTDOWN: "power_settings_new",
    Action.REBOOT: "restart_alt",
    Action.STOP: "stop_circle",
    Action.SUSPEND: "pause",
    Action.RESUME: "resume",
}
# What each does to the guest, for the person who is about to press it.
MEANING: Final[dict[str, Any]] = {
    Action.START: gettext_lazy("It is switched on."),
    Action.SHUTDOWN: gettext_lazy("Its operating system is asked to shut down. If it does not react, nothing happens."),
    Action.REBOOT: gettext_lazy("Its operating system is asked to reboot."),
    Action.STOP: gettext_lazy("The plug is pulled: what it has not written to disk is lost. Prefer “Shut down”."),
    Action.SUSPEND: gettext_lazy("It is paused and stays in memory until it is resumed."),
    Action.RESUME: gettext_lazy("It goes on where it was paused."),
}
DANGEROUS: Final = frozenset({Action.STOP, Action.SHUTDOWN, Action.REBOOT})


def _about(action: Action) -> Callable[[Server], Confirmation]:
    def confirmation(server: Server) -> Confirmation:
        if why_not := _why_not(action, server):
            return Confirmation(title=f"{action.label}: {server}", question=why_not, button="")
        points = [MEANING[action], _("It is %(state)s now, on node %(node)s of cluster %(cluster)s.") % {
            "state": labels.status_word(server.status), "node": server.node or "?", "cluster": server.cluster,
        }]  # fmt: skip
        return Confirmation(
            title=f"{action.label}: {server}",
            question=_("%(action)s %(server)s?") % {"action": action.label, "server": server},
            points=points,
            button=action.label,
            danger=action in DANGEROUS,
        )

    return confirmation


def _why_not(action: Action, server: Server) -> str:
    """Why that action makes no sense now, reached by its address or pressed late; '' where it does."""
    fitting = possible_actions(server)
    if action in fitting:
        return ""
    sentence = _("“%(action)s” does not fit now: %(server)s is %(state)s.") % {
        "action": action.label, "server": server, "state": labels.status_word(server.status),
    }  # fmt: skip
    if not fitting:
        remedy = _("Nothing can be asked of it until its node answers again.")
    else:
        labelled = ", ".join(str(Action(name).label) for name in fitting)
        remedy = _("What fits: %(actions)s.") % {"actions": labelled}
    return f"{sentence} {remedy}"


def _button(action: Action) -> Any:
    def deed(model_admin: Any, request: HttpRequest, server: Server) -> Outcome:
        if why_not := _why_not(action, server):
            return Outcome(why_not, messages.ERROR)
        try:
            operation = request_operation(server, action, request.user)
        except Refusal as refusal:
            return Outcome(str(refusal), messages.ERROR)
        sentence = _("%(action)s: asked of Proxmox. This page shows what becomes of it.") % {"action": action.label}
        return Outcome(sentence, url=object_url(operation))

    deed.__name__ = f"power_{action.value}"
    deed.__doc__ = f"{action.value} one server."
    button = object_button(
        permission="operate", description=action.label, path=f"power-{action.value}", icon=ICONS[action],
        confirmation=_about(action),
    )(deed)  # fmt: skip
    button.allowed_permissions = [f"power_{action.value}"]  # offered where it fits the state; the view asks "operate"
    return button


def _offered(action: Action) -> Callable[..., bool]:
    def has_permission(model_admin: Any, request: HttpRequest, obj: Any = None) -> bool:
        server = obj if isinstance(obj, Server) or obj is None else model_admin.object_once(request, str(obj))
        if server is None:
            return False
        return action in possible_actions(server) and may(request.user, "operate", server)

    return has_permission


class PowerButtons:
    """For the ModelAdmin of servers."""

    actions_detail: Sequence[Any] = [
        {"title": gettext_lazy("Power"), "icon": "power_settings_new", "items": [f"power_{a.value}" for a in POWER]}
    ]

    def has_operate_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether that person may operate servers, or this one."""
        return may(request.user, "operate", obj if isinstance(obj, Server) else Server)


for _action in POWER:
    setattr(PowerButtons, f"power_{_action.value}", _button(_action))
    setattr(PowerButtons, f"has_power_{_action.value}_permission", _offered(_action))
