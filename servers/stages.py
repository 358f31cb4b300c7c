"""Which stage of its plan an operation is at, and how it goes on to the next."""

from datetime import datetime

from django.utils.translation import gettext as _

from portal.lib import clock
from servers.backups import outcome_of
from servers.models import Operation, OperationState, Outcome
from servers.plans.base import Stage

LOG_KEPT = 100_000  # characters


def current(operation: Operation) -> Stage:
    """The stage that it is at."""
    return operation.plan.stages[min(operation.stage, len(operation.plan.stages) - 1)]


def skip_to_needed(operation: Operation) -> Stage | None:
    """The first stage from here on that has anything to do, or None; the operation stands there then."""
    for number in range(operation.stage, len(operation.plan.stages)):
        stage = operation.plan.stages[number]
        if stage.needed(operation):
            if number != operation.stage:
                operation.note(stage=number, stage_since=clock.now())
            return stage
    return None


def advance(operation: Operation, words: str) -> datetime:
    """This stage is done: keep what became of it, and stand before the next one, or be over. Returns when the next step
    is due."""
    moment = clock.now()
    began = operation.sending_at or operation.stage_since
    record = {
        "title": current(operation).title, "node": operation.node_name, "upid": operation.upid, "words": words,
        "ended": moment.isoformat(), "seconds": round((moment - began).total_seconds(), 1),
    }  # fmt: skip
    done = [*operation.stages_done, record]
    if operation.stage + 1 >= len(operation.plan.stages):
        return finish(operation, words, stages_done=done)
    operation.move(
        OperationState.QUEUED, stage=operation.stage + 1, stage_since=moment, stages_done=done, message="", upid="",
        log_lines=0, task_ended_at=None, sending_at=None, sent_at=None,
    )  # fmt: skip
    return moment


def finish(operation: Operation, words: str, **columns: object) -> datetime:
    """All stages are done."""
    done = columns.get("stages_done", operation.stages_done)
    assert isinstance(done, list)  # noqa: S101  (for the type's sake)
    warned = any(outcome_of(str(record["words"])) == Outcome.WARNINGS for record in done)
    state = OperationState.WARNINGS if warned else OperationState.SUCCEEDED
    operation.move(state, message=words or "OK", **columns)
    return clock.now()


def headed_log(operation: Operation, stage: Stage) -> str:
    """The log so far, with a line that says what comes now where there are several stages."""
    if len(operation.plan.stages) == 1:
        return operation.log
    return f"{operation.log}— {_(stage.title)} —\n"[-LOG_KEPT:]
