"""Every write to Proxmox. A request is a row; each step claims it, makes at most one external call, and writes what
it learned. Every step may be run twice, and a worker may be killed between any two.

The one call that must not be made twice is the POST. So the row says "being sent" before it is made; whoever finds
such a row after a crash looks for the task on the node first, and sends again only if there is none.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from portal.lib import clock
from portal.lib.access import may
from portal.lib.audit import note
from portal.lib.nudge import nudge
from servers import following, sending, snapshots, stages
from servers.models import Cluster, Operation, OperationState, Server
from servers.models.operation import InvalidTransition
from servers.models.request import Action
from servers.nodes import is_down
from servers.plans import plan_of
from servers.proxmox.errors import EndpointError, NodeUnreachable, ProxmoxError

logger = logging.getLogger(__name__)
# How long an operation may be unable to reach Proxmox before it is given up.
PATIENCE: Final = timedelta(minutes=10)
RETRY: Final = timedelta(seconds=5)


class Refusal(Exception):
    """Why something was not queued. Its text is a sentence for the person who asked."""


def request_operation(
    server: Server, action: str, user: Any, parameters: Mapping[str, Any] | None = None, **more: Any
) -> Operation:
    """Queue an operation. Returns its row. Raises Refusal with a sentence, or Invalid with one per field; nothing is
    doubled. ``parameters`` is what the action's plan asks for, ``more`` further columns (``retry_of``, ``stage`` …).

    Asks the rights of that person on that server, so a page may call it without asking first.
    """
    plan = plan_of(action)
    if not may(user, plan.right, server):
        raise Refusal(_refused(server, plan.right))
    plan.check(server, parameters or {})
    try:
        with transaction.atomic():
            operation = Operation.objects.create(
                cluster_id=server.cluster_id, server=server, action=action, requested_by=user,
                requester=user.get_username(), parameters=dict(parameters or {}), kind=server.kind, vmid=server.vmid,
                **more,
            )  # fmt: skip
            note(server, {"operation": ("", f"{operation.action} #{operation.pk}")})
    except IntegrityError:
        raise Refusal(_already(server)) from None
    from servers.tasks import run_operation

    nudge(run_operation, operation.pk)
    return operation


def try_again(operation: Operation, user: Any) -> Operation:
    """Ask once more for what failed, from the stage at which it failed: what was done before stays done. Returns the
    new row. Raises Refusal, Invalid."""
    if operation.state not in (OperationState.FAILED, OperationState.LOST):
        raise Refusal(_("It did not fail: there is nothing to try again."))
    if operation.action == Action.CREATE:
        from servers import requesting

        return requesting.try_again(operation, user)
    if operation.server is None:
        raise Refusal(_("The server does not exist: ask for it anew."))
    return request_operation(
        operation.server, operation.action, user, operation.parameters, retry_of=operation, stage=operation.stage,
        stages_done=[done for done in operation.stages_done if not done.get("failed")], secrets=operation.secrets,
        batch=operation.batch,
    )  # fmt: skip


def possible_actions(server: Server) -> list[str]:
    """What makes sense to ask of a server in its present state; Proxmox has the last word."""
    if server.is_retired or server.template:
        return []
    if server.status == "stopped":
        return [Action.START]
    if server.status in ("paused", "suspended", "prelaunch"):
        return [Action.RESUME, Action.STOP]
    if server.status == "unknown":
        return []
    return [Action.SHUTDOWN, Action.REBOOT, Action.STOP, Action.SUSPEND]


def step(operation: Operation) -> bool:
    """Do the next step of an operation, if it is due and free. Returns whether anything was done."""
    if not operation.claim(clock.now()):
        return False
    began_in = operation.state
    try:
        due = _STEPS[began_in](operation)
        operation.release(due, steps=operation.steps + 1, trouble_since=None)
    except InvalidTransition as error:
        logger.info("Operation %s: %s", operation.pk, error)
    except ProxmoxError as error:
        _postpone(operation, error, began_in)
    if not operation.is_active:
        _finished(operation)
    return True


_STEPS: Final[dict[str, Callable[[Operation], datetime]]] = {
    OperationState.QUEUED: sending.send,
    OperationState.SENDING: sending.look,
    OperationState.RUNNING: following.follow,
    OperationState.SETTLING: following.settle,
}


def _postpone(operation: Operation, error: ProxmoxError, began_in: str) -> None:
    """Trouble on the way is no answer: wait, and give up with a sentence after a while."""
    moment = clock.now()
    since = operation.trouble_since or moment
    sentence = f"{error.sentence} {error.hint}".strip()
    looking = began_in != OperationState.QUEUED  # the call was made before: this trouble is that of looking for it
    unsure = bool(operation.upid) or looking or _may_have_been_done(error)
    if unsure and moment - since < _patience(operation, error):
        operation.release(moment + RETRY, waiting_for=error.sentence, trouble_since=since)
        return
    end = OperationState.LOST if unsure and operation.state != OperationState.QUEUED else OperationState.FAILED
    try:
        due = stages.fail(operation, sentence, error.fields, state=end)
    except InvalidTransition as refusal:
        logger.info("Operation %s: %s", operation.pk, refusal)
        return
    operation.release(due, trouble_since=None)


def _patience(operation: Operation, error: ProxmoxError) -> timedelta:
    """A cluster that cannot be asked may be back in a moment. A node that is down takes its tasks along: what was asked
    of it is given up sooner, so that somebody hears of it."""
    gone = isinstance(error, NodeUnreachable) or is_down(operation.cluster_id, operation.node_name)
    return timedelta(seconds=settings.PORTAL_NODE_PATIENCE_SECONDS) if gone else PATIENCE


def _may_have_been_done(error: ProxmoxError) -> bool:
    """Whether the trouble leaves it open what became of a call. 595 is a connection that was never made; a refused
    token and a missing privilege are answers."""
    return isinstance(error, EndpointError) or (isinstance(error, NodeUnreachable) and error.status != 595)


def _finished(operation: Operation) -> None:
    """The server's state is the sync's to write: ask for one soon."""
    Cluster.objects.get(pk=operation.cluster_id).sync_soon()
    from servers.tasks import look_at_snapshots, sync_cluster

    nudge(sync_cluster, operation.cluster_id)
    if operation.server and operation.action in snapshots.CHANGING:
        snapshots.ask_soon(operation.server)
        nudge(look_at_snapshots, operation.server.pk)


def _refused(server: Server, right: str) -> str:
    if server.is_retired:
        return _("%(server)s is gone from Proxmox: there is nothing to operate.") % {"server": server}
    if server.template and right == "operate":
        return _("%(server)s is a template: it cannot be started or stopped.") % {"server": server}
    sentences = {
        "configure": _("You may not change %(server)s: ask an administrator for the right to it."),
        "destroy": _("You may not delete %(server)s: ask an administrator for the right to it."),
    }
    default = _("You may not operate %(server)s: ask an administrator for the right to it.")
    return sentences.get(right, default) % {"server": server}


def _already(server: Server) -> str:
    active = Operation.objects.filter(server=server, state__in=Operation.ACTIVE).first()
    if active is None:
        return _("Something else was asked of %(server)s at the same moment: look at its page.") % {"server": server}
    return _("%(server)s: %(who)s asked for “%(action)s” %(ago)s, and that is not over yet.") % {
        "server": server,
        "who": active.requester,
        "action": active.get_action_display(),
        "ago": clock.ago(active.requested_at),
    }
