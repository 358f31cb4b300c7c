"""Which stage of its plan an operation is at, and how it goes on to the next, back, or into its clean-up."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from portal.lib import clock
from servers.backups import outcome_of
from servers.models import Operation, OperationState, Outcome
from servers.plans.base import Stage
from servers.proxmox.errors import Refused

LOG_KEPT = 100_000  # characters


def current(operation: Operation) -> Stage:
    """The stage that it is at."""
    every = _every(operation)
    return every[min(operation.stage, len(every) - 1)]


def cleans_up(operation: Operation) -> bool:
    """Whether it has failed and is removing what it left."""
    return operation.stage >= len(operation.plan.stages)


def skip_to_needed(operation: Operation) -> Stage | None:
    """The first stage from here on that has anything to do, or None; the operation stands there then."""
    every = _every(operation)
    for number in range(operation.stage, _end(operation)):
        if every[number].needed(operation):
            if number != operation.stage:
                operation.note(stage=number, stage_since=clock.now())
            return every[number]
    return None


def advance(operation: Operation, words: str) -> datetime:
    """This stage is done: keep what became of it, and stand before the next one, or be over. Returns when the next step
    is due."""
    done = [*operation.stages_done, _record(operation, words)]
    if operation.stage + 1 >= _end(operation):
        return finish(operation, words, stages_done=done)
    return _stand_before(operation, operation.stage + 1, stages_done=done)


def finish(operation: Operation, words: str, **columns: object) -> datetime:
    """All stages are done."""
    done = columns.get("stages_done", operation.stages_done)
    assert isinstance(done, list)  # noqa: S101  (for the type's sake)
    if cleans_up(operation):
        message = operation.plan.ending(operation, str(operation.kept.get("failure", "")), "")
        operation.move(OperationState.FAILED, message=message, errors=operation.kept.get("errors", {}), **columns)
        return clock.now()
    warned = any(outcome_of(str(record["words"])) == Outcome.WARNINGS or record.get("failed") for record in done)
    state = OperationState.WARNINGS if warned else OperationState.SUCCEEDED
    operation.move(state, message=words or "OK", **columns)
    return clock.now()


def fail(
    operation: Operation, words: str, errors: Mapping[str, str] | None = None, *,
    refusal: Refused | None = None, state: str = OperationState.FAILED,
) -> datetime:  # fmt: skip
    """This stage failed: go on where it was not needed, go back where that helps, clean up where there is something
    left; else it is over. Returns when the next step is due."""
    stage, plan = current(operation), operation.plan
    if refusal is not None and (back := stage.retreat(operation, refusal)) is not None:
        return _stand_before(operation, back, waiting_for=words)
    done = [*operation.stages_done, _record(operation, words, failed=True)]
    if stage.optional:
        if operation.stage + 1 >= _end(operation):
            return finish(operation, words, stages_done=done)
        return _stand_before(operation, operation.stage + 1, stages_done=done)
    if plan.cleanup and not cleans_up(operation):
        kept = {**operation.kept, "failure": words, "errors": dict(errors or {})}
        return _stand_before(operation, len(plan.stages), stages_done=done, kept=kept, message=words)
    if cleans_up(operation):
        told = plan.ending(operation, str(operation.kept.get("failure", "")), words)
        columns = {"kept": {**operation.kept, "left": words}, "errors": operation.kept.get("errors", {})}
        operation.move(OperationState.FAILED, message=told, stages_done=done, **columns)
        return clock.now()
    operation.move(state, message=words, errors=dict(errors or {}), stages_done=done if len(plan.stages) > 1 else [])
    return clock.now()


def headed_log(operation: Operation, stage: Stage) -> str:
    """The log so far, with a line that says what comes now where there are several stages."""
    if len(operation.plan.stages) == 1:
        return operation.log
    return f"{operation.log}— {_(stage.title)} —\n"[-LOG_KEPT:]


def _every(operation: Operation) -> tuple[Stage, ...]:
    return operation.plan.stages + operation.plan.cleanup


def _end(operation: Operation) -> int:
    """The number after the last stage of the way that it is on."""
    return len(_every(operation)) if cleans_up(operation) else len(operation.plan.stages)


def _record(operation: Operation, words: str, *, failed: bool = False) -> dict[str, Any]:
    moment = clock.now()
    began = operation.sending_at or operation.stage_since
    record: dict[str, Any] = {
        "title": current(operation).title, "node": operation.node_name, "upid": operation.upid, "words": words,
        "ended": moment.isoformat(), "seconds": round((moment - began).total_seconds(), 1),
    }  # fmt: skip
    return record | ({"failed": True} if failed else {})


def _stand_before(operation: Operation, number: int, **columns: Any) -> datetime:
    moment = clock.now()
    fresh: dict[str, Any] = {
        "stage": number, "stage_since": moment, "message": "", "upid": "", "log_lines": 0, "task_ended_at": None,
        "sending_at": None, "sent_at": None, **columns,
    }  # fmt: skip
    if operation.state == OperationState.QUEUED:
        operation.note(**fresh)
    else:
        operation.move(OperationState.QUEUED, **fresh)
    return moment
