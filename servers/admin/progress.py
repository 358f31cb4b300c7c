"""What an operation's page says of its stages and of what was asked for, and its buttons to ask anew."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action as unfold_action

from portal.lib import clock, show
from portal.lib.access import may
from portal.lib.buttons import Confirmation, Outcome, not_there, object_button, object_url, turn_away
from portal.lib.sections import Table
from servers.admin.changing.pages import FORMS, form_url
from servers.models import Action, Operation, OperationState, Server
from servers.operations import Refusal, try_again
from servers.proxmox.errors import Invalid
from servers.stages import cleans_up

OVER_BADLY: Final = (OperationState.FAILED, OperationState.LOST)
TONES: Final[dict[str, str]] = {
    OperationState.QUEUED: show.CALM,
    OperationState.SENDING: show.CALM,
    OperationState.RUNNING: show.CALM,
    OperationState.SETTLING: show.CALM,
    OperationState.SUCCEEDED: show.GOOD,
    OperationState.WARNINGS: show.WARN,
    OperationState.FAILED: show.BAD,
    OperationState.LOST: show.BAD,
}
MIB: Final = frozenset({"memory", "swap"})  # what is kept in MiB
WORDS: Final[dict[str, Any]] = {
    "name": gettext_lazy("name"), "tags": gettext_lazy("tags"), "description": gettext_lazy("description"),
    "protection": gettext_lazy("protected"), "protected": gettext_lazy("protected"), "cores": gettext_lazy("cores"),
    "sockets": gettext_lazy("sockets"), "memory": gettext_lazy("memory"), "swap": gettext_lazy("swap"),
    "disk": gettext_lazy("disk"), "size": gettext_lazy("new size"), "storage": gettext_lazy("storage"),
    "mode": gettext_lazy("mode"), "notes": gettext_lazy("notes"), "target": gettext_lazy("to node"),
    "volume": gettext_lazy("backup"), "stop": gettext_lazy("stopped first"),
    "start": gettext_lazy("started afterwards"),
    "restart": gettext_lazy("with a restart"), "local_disks": gettext_lazy("local disks go along"),
    "purge": gettext_lazy("taken out of jobs"), "node": gettext_lazy("node"), "ip": gettext_lazy("address"),
    "disk_gib": gettext_lazy("disk (GiB)"), "bridge": gettext_lazy("bridge"), "vlan": gettext_lazy("VLAN"),
    "user": gettext_lazy("user"),
}  # fmt: skip


def state(operation: Operation) -> SafeString:
    """Where it is, as a label."""
    return show.badge(operation.get_state_display(), TONES.get(operation.state, show.MUTED))


def asked_for(operation: Operation) -> str:
    """What was asked for, in words."""
    parts = []
    for name, value in operation.parameters.items():
        if name in WORDS and value not in ("", []):
            parts.append(f"{WORDS[name]}: {_in_words(name, value)}")
    return ", ".join(parts)


def refusals(operation: Operation) -> list[str]:
    """What Proxmox said of single parameters, by its names, where the message does not say it already."""
    told = operation.errors.items()
    return [f"{name}: {words.rstrip('.')}." for name, words in told if words not in operation.message]


def _in_words(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if name in MIB and isinstance(value, int):
        return show.size(value * 1024**2)
    if isinstance(value, list):
        return " ".join(str(each) for each in value) or "–"
    return str(value)[:200] or "–"


def stages(operation: Operation) -> Table | None:
    """The steps with what became of each; None for what has one step only."""
    plan = operation.plan.stages + (operation.plan.cleanup if cleans_up(operation) else ())
    if len(plan) < 2:
        return None
    done = {str(record["title"]): record for record in operation.stages_done}
    rows = [_row(operation, number, stage, done.get(stage.title)) for number, stage in enumerate(plan)]
    return Table([_("Step"), _("State"), _("Ended"), _("Took"), _("Proxmox says")], rows)


def _row(operation: Operation, number: int, stage: Any, record: dict[str, Any] | None) -> list[Any]:
    title = _(stage.title)
    if record:
        ended, took = datetime.fromisoformat(str(record["ended"])), _took(record)
        label = show.badge(_("failed"), show.BAD) if record.get("failed") else show.badge(_("done"), show.GOOD)
        return [title, label, show.moment(ended), took, str(record["words"])[:200]]
    if number == operation.stage and operation.state not in (OperationState.SUCCEEDED, OperationState.WARNINGS):
        tone = show.BAD if operation.state in OVER_BADLY else show.CALM
        took = clock.span((operation.finished_at or clock.now()) - operation.stage_since)
        words = operation.message or operation.waiting_for
        return [title, show.badge(operation.get_state_display(), tone), show.DASH, took, words[:200]]
    skipped = number < operation.stage or not operation.is_active or not stage.needed(operation)
    label = show.badge(_("not needed") if skipped and operation.state not in OVER_BADLY else _("to come"), show.MUTED)
    return [title, label, show.DASH, show.DASH, ""]


def _took(record: dict[str, Any]) -> str:
    return clock.span(timedelta(seconds=float(record["seconds"])))


def _about(operation: Operation) -> Confirmation:
    title = _("Try again: %(operation)s") % {"operation": operation}
    if operation.state not in OVER_BADLY:
        return Confirmation(title=title, question=_("It did not fail: there is nothing to try again."), button="")
    points = [_("It failed with: %(words)s") % {"words": operation.message or "?"}]
    if operation.stages_done:
        names = ", ".join(_(str(record["title"])) for record in operation.stages_done)
        points.append(_("What was done stays done and is not repeated: %(names)s.") % {"names": names})
    if words := asked_for(operation):
        points.append(_("Asked for: %(words)s.") % {"words": words})
    return Confirmation(
        title=title, question=_("Ask Proxmox for the same once more?"), points=points, button=_("Try again")
    )


class RetryButtons:
    """For the ModelAdmin of operations: once more, or with something changed."""

    def _may_retry(self, request: HttpRequest, obj: Any) -> bool:
        admin: Any = self
        operation = obj if isinstance(obj, Operation) or obj is None else admin.object_once(request, str(obj))
        if operation is None or operation.state not in OVER_BADLY:
            return False
        if operation.server is None:
            return operation.action == Action.CREATE and may(request.user, "provision", Server)
        return may(request.user, operation.plan.right, operation.server)

    def has_retry_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether “Try again” is offered: it failed, and that person may ask for it."""
        return self._may_retry(request, obj)

    def has_rework_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether “Change and try again” is offered: there is a form for it too."""
        admin: Any = self
        operation = obj if isinstance(obj, Operation) or obj is None else admin.object_once(request, str(obj))
        return self._may_retry(request, operation) and operation is not None and operation.action in FORMS

    @object_button(
        permission="view", description=gettext_lazy("Try again"), path="try-again", icon="replay", confirmation=_about
    )
    def retry(self, request: HttpRequest, operation: Operation) -> Outcome:
        """The same once more, from the step that failed."""
        try:
            again = try_again(operation, request.user)
        except (Refusal, Invalid) as error:
            return Outcome(str(error), messages.ERROR)
        sentence = _("%(action)s: asked of Proxmox. This page shows what becomes of it.")
        return Outcome(sentence % {"action": again.get_action_display()}, url=object_url(again))

    retry.allowed_permissions = ["retry"]

    @unfold_action(
        description=gettext_lazy("Change and try again"), url_path="change-and-try-again", icon="edit_note",
        permissions=["rework"],
    )  # fmt: skip
    def rework(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The form, as it was filled in."""
        admin: Any = self
        operation = admin.object_once(request, object_id)
        if operation is None:
            return not_there(admin, request, object_id)
        if not self.has_rework_permission(request, operation):
            return turn_away(admin, request, operation, _("Change and try again"))
        return HttpResponseRedirect(form_url(operation.server, operation.action, operation))
