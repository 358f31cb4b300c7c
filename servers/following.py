"""The second half of an operation: from the UPID to Proxmox's last word, and to the server being what it should be."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.utils.translation import gettext as _

from portal.lib import clock
from servers import stages
from servers.backups import outcome_of
from servers.failover import Endpoints, ask
from servers.models import Operation, OperationState
from servers.models.backup import Outcome
from servers.proxmox.errors import GuestMissing, NodeUnreachable, Refused
from servers.proxmox.refusals import of_task
from servers.sending import LOCK_RETRY, MOVE_WAIT, is_lock

LOG_KEPT: Final = 100_000  # characters
# A stopped task may show "unexpected status" for a moment, before its last line is written.
UNSURE: Final = timedelta(seconds=10)
UNEXPECTED: Final = "unexpected status"


def follow(operation: Operation) -> datetime:
    """One look at the task: in turn its log and its status. Returns when the next is due."""
    if operation.steps % 2:
        return _read_log(operation)
    try:
        status = _ask(operation, lambda gateway: gateway.task_status(operation.upid))
    except Refused as refusal:
        if refusal.status == 400:
            words = _("Proxmox no longer knows the task: look at the server.")
            return stages.fail(operation, words, state=OperationState.LOST)
        raise
    if status.get("status") != "stopped":
        return clock.now() + _pace(operation)
    return _ended(operation, str(status.get("exitstatus", "")))


def settle(operation: Operation) -> datetime:
    """Wait until the server is what the stage was to make it."""
    stage, patience = stages.current(operation), stages.current(operation).settles_within
    try:
        settled, found = _ask(operation, lambda gateway: stage.settled(gateway, operation))
    except GuestMissing as refusal:  # it may be on its way to another node
        settled, found, patience = False, refusal.reason, min(patience, MOVE_WAIT)
    if settled:
        return stages.advance(operation, operation.message)
    began = operation.task_ended_at or operation.requested_at
    if clock.now() - began < patience:
        return clock.now() + timedelta(seconds=2)
    words = _("The task ended well, but the server is %(found)s and not as it was asked for.")
    return stages.fail(operation, words % {"found": found})


def _read_log(operation: Operation) -> datetime:
    _append_log(operation)
    return clock.now() + (timedelta(0) if operation.task_ended_at else _pace(operation) / 2)


def _append_log(operation: Operation) -> None:
    try:
        lines = _ask(operation, lambda gateway: gateway.task_log(operation.upid, operation.log_lines))
    except (NodeUnreachable, Refused):
        return  # the log is for the eye; the status decides
    if lines:
        text = (operation.log + "".join(f"{line}\n" for line in lines))[-LOG_KEPT:]
        operation.note(log=text, log_lines=operation.log_lines + len(lines))


def _ended(operation: Operation, words: str) -> datetime:
    moment = clock.now()
    if operation.task_ended_at is None:
        operation.note(task_ended_at=moment, message=words)
        return moment  # the next step fetches the end of the log, the one after it judges
    if words == UNEXPECTED and moment - operation.task_ended_at < UNSURE:
        return moment + timedelta(seconds=1)
    stages.current(operation).task_ended(operation)
    outcome = outcome_of(words)
    if outcome == Outcome.FAILURE:
        return _failed(operation, words, moment)
    if stages.current(operation).settles(operation):
        operation.move(OperationState.SETTLING, message=words)
        return moment + timedelta(seconds=1)
    return stages.advance(operation, words)


def _failed(operation: Operation, words: str, moment: datetime) -> datetime:
    """A task that met a lock is sent again for a while; anything else failed, in Proxmox's own words."""
    if is_lock(words) and moment - operation.stage_since < stages.current(operation).lock_wait:
        operation.move(OperationState.QUEUED, waiting_for=words, upid="", log_lines=0, task_ended_at=None, sent_at=None)
        return moment + LOCK_RETRY
    refusal = of_task(words)
    return stages.fail(operation, words, refusal.fields, refusal=refusal)


def _pace(operation: Operation) -> timedelta:
    """Every second at first, every five seconds later."""
    age = (clock.now() - (operation.sent_at or operation.requested_at)).total_seconds()
    return timedelta(seconds=1 if age < 30 else 5)


def _ask(operation: Operation, question: Any) -> Any:
    cluster = operation.cluster
    return ask(cluster, question, Endpoints(list(cluster.endpoints), dict(cluster.endpoint_state)))
