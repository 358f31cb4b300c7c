"""The first half of an operation: from the queue to a UPID."""

from datetime import datetime, timedelta
from typing import Final

from django.utils.translation import gettext as _

from portal.lib import clock
from servers import stages
from servers.failover import Endpoints, ask
from servers.models import Action, Operation, OperationState
from servers.plans.base import Found, Stage
from servers.proxmox.errors import AlreadyThere, GuestMissing, Invalid, NothingStarted, Refused
from servers.proxmox.types import TaskRow

LOCK_RETRY: Final = timedelta(seconds=5)
# After a move the list of Proxmox, and so our row, knows the new node some seconds later.
MOVE_WAIT: Final = timedelta(seconds=45)
# A clock on a node may differ from ours.
CLOCK_SLACK: Final = 5
# How long after a call that broke off its task must have appeared on the node, if the call arrived at all.
APPEARS_WITHIN: Final = timedelta(seconds=12)


def send(operation: Operation) -> datetime:
    """Make the call and keep the UPID before anything else happens. Returns when the next step is due."""
    if operation.server and operation.server.is_retired:
        operation.move(OperationState.FAILED, message=_("The server was deleted meanwhile: it is gone from Proxmox."))
        return clock.now()
    stage = stages.skip_to_needed(operation)
    if stage is None:
        return stages.finish(operation, operation.message)
    if reason := stage.waits_for(operation):
        operation.note(waiting_for=reason)
        return clock.now() + stage.turn
    sending = {"sending_at": clock.now(), "node_name": stage.node(operation), "waiting_for": "", "errors": {}}
    operation.move(OperationState.SENDING, **sending, log=stages.headed_log(operation, stage))
    try:
        upid = ask(operation.cluster, lambda gateway: stage.call(gateway, operation), _endpoints(operation), write=True)
    except Refused as refusal:
        return _refused(operation, refusal)
    except (Invalid, NothingStarted) as error:
        return stages.fail(operation, f"{error.sentence} {error.hint}".strip(), error.fields)
    return _sent(operation, stage, upid)


def _sent(operation: Operation, stage: Stage, upid: str | None) -> datetime:
    moment = clock.now()
    if upid is not None:
        operation.move(OperationState.RUNNING, upid=upid, sent_at=moment)
    elif stage.settles(operation):
        operation.move(OperationState.SETTLING, message="OK", task_ended_at=moment)
    else:
        return stages.advance(operation, "OK")
    return moment


def look(operation: Operation) -> datetime:
    """Somebody was about to send, or a call broke off: find its task on the node before sending again."""
    began = operation.sending_at or operation.requested_at
    since = int(began.timestamp()) - CLOCK_SLACK
    stage = stages.current(operation)
    if not stage.tasks:  # repeating it does no harm
        operation.move(OperationState.QUEUED, waiting_for=_("The call broke off: it is sent again."))
        return clock.now()
    found = ask(operation.cluster, lambda gateway: stage.recognise(gateway, operation), _endpoints(operation))
    if found is not Found.BY_TASK:
        return _found(operation, stage, found)
    vmid = stage.vmid(operation)
    tasks = ask(
        operation.cluster,
        lambda gateway: gateway.node_tasks(operation.node_name, vmid=vmid, since=since),
        _endpoints(operation),
    )
    taken = _taken(operation, began - timedelta(seconds=CLOCK_SLACK))
    mine = next((task for task in tasks if _is_ours(operation, task) and task.upid not in taken), None)
    if mine:
        operation.move(OperationState.RUNNING, upid=mine.upid, sent_at=clock.now())
        return clock.now()
    return _nothing_yet(operation)


def _nothing_yet(operation: Operation) -> datetime:
    began = operation.sending_at or operation.requested_at
    if clock.now() - began < APPEARS_WITHIN:
        return clock.now() + timedelta(seconds=2)
    operation.move(OperationState.QUEUED, waiting_for=_("The call broke off and left no task: it is sent again."))
    return clock.now()


def _found(operation: Operation, stage: Stage, found: Found) -> datetime:
    if found is Found.OURS:
        words = _("The answer of Proxmox was lost, and the guest is there: the call arrived.")
        operation.move(OperationState.SETTLING, message=words, task_ended_at=clock.now(), sent_at=clock.now())
        return clock.now()
    if found is Found.FOREIGN:
        taken = AlreadyThere(0, _("Somebody else took the id meanwhile."))
        return stages.fail(operation, taken.reason, refusal=taken)
    if found is Found.UNSURE:
        return clock.now() + timedelta(seconds=2)
    return _nothing_yet(operation)


def _is_ours(operation: Operation, task: TaskRow) -> bool:
    """A task of this stage on this guest by our token."""
    names = stages.current(operation).task_types(operation)
    return task.type in names and operation.cluster.token_id.startswith(task.user.partition("!")[0])


def _taken(operation: Operation, since: datetime) -> set[str]:
    """The tasks since then that operations have, this one too: each that is running, and those of the stages done."""
    rows = Operation.objects.filter(cluster_id=operation.cluster_id).exclude(finished_at__lt=since)
    found = rows.values_list("upid", "stages_done")
    return {upid for upid, _done in found} | {str(one.get("upid", "")) for _upid, done in found for one in done}


def _refused(operation: Operation, refusal: Refused) -> datetime:
    """Proxmox said no at once. A lock is waited for, anything else is the answer."""
    if is_lock(refusal.reason) and clock.now() - operation.stage_since < stages.current(operation).lock_wait:
        operation.move(OperationState.QUEUED, waiting_for=refusal.reason)
        return clock.now() + LOCK_RETRY
    if isinstance(refusal, GuestMissing) and _may_have_moved(operation):
        operation.cluster.sync_soon()
        operation.move(
            OperationState.QUEUED, waiting_for=_("It is not on that node any more: where it is now is asked.")
        )
        return clock.now() + LOCK_RETRY
    return stages.fail(operation, refusal.reason or refusal.sentence, refusal.fields, refusal=refusal)


def _may_have_moved(operation: Operation) -> bool:
    """Whether the guest went to another node so lately that our row may not know: moved through us, or by HA."""
    moment = clock.now()
    if operation.server is None or moment - operation.stage_since > MOVE_WAIT:
        return False
    moved = Operation.objects.filter(
        server=operation.server, action=Action.MIGRATE, finished_at__gt=moment - 2 * MOVE_WAIT
    )
    return bool(operation.server.ha_state) or moved.exists()


def is_lock(words: str) -> bool:
    """Whether Proxmox's words name a lock, of the configuration or of its file."""
    return "can't lock file" in words or "is locked" in words


def _endpoints(operation: Operation) -> Endpoints:
    return Endpoints(list(operation.cluster.endpoints), dict(operation.cluster.endpoint_state))
