"""A worker that dies at a chosen moment of an operation, without processes: the step breaks off at a write of its row.

    operation, passed = survive(operation, None)  # nobody dies; passed are the moments at which somebody could have
    operation, _ = survive(another, moment)  # the worker dies then, its claim ends, and another one goes on

A worker can die before what a call brought is written, and after a row says "being sent" and before the call is made.
Every other moment is one of these, as seen by the rows and by Proxmox.
"""

import re
import time
from dataclasses import dataclass
from datetime import timedelta
from unittest import mock

from portal.lib import clock
from servers.models import Operation, OperationState
from servers.operations import step
from servers.sync import sync_cluster

# Longer ago than a call whose task has not appeared is looked for, so that nobody has to wait for that.
LONG_AGO = timedelta(seconds=20)
DONE = (OperationState.SUCCEEDED, OperationState.WARNINGS)


class Died(BaseException):
    """The worker is gone: no handler of the step sees it."""


@dataclass(frozen=True)
class Moment:
    """Before or after the first write of these columns, in that state, at that stage."""

    stage: int
    state: str
    columns: tuple[str, ...]
    when: str


class Death:
    """Ends the step at a moment. ``passed`` are the moments at which it could have."""

    def __init__(self, moment: Moment | None) -> None:
        self.moment, self.passed = moment, {}
        self.write = Operation._write
        self.patch = mock.patch.object(Operation, "_write", self._instead())

    def _instead(self):
        def write(operation, **columns):
            key = (operation.stage, operation.state, tuple(sorted(columns)))
            self._arrive(Moment(*key, "before"))
            result = self.write(operation, **columns)
            if columns.get("state") == OperationState.SENDING:
                self._arrive(Moment(*key, "after"))
            return result

        return write

    def _arrive(self, moment):
        self.passed[moment] = True
        if moment == self.moment:
            raise Died

    def __enter__(self):
        self.patch.start()
        return self

    def __exit__(self, *problem):
        self.patch.stop()


def run(operation, seconds=60.0):
    """Do its steps, and the syncs that it asks for, one after the other until it is over."""
    deadline = time.monotonic() + seconds
    while True:
        fresh = Operation.objects.select_related("server__node", "cluster").get(pk=operation.pk)
        if not fresh.is_active:
            return fresh
        assert time.monotonic() < deadline, (fresh.state, fresh.stage, fresh.waiting_for, fresh.message)
        Operation.objects.filter(pk=operation.pk).update(due_at=clock.now())
        fresh.refresh_from_db()
        step(fresh)
        if fresh.kept.get("shown"):
            sync_cluster(fresh.cluster)


def take_over(operation):
    """Let the dead worker's claim end, as a minute would."""
    Operation.objects.filter(pk=operation.pk).update(claimed_until=clock.now() - timedelta(seconds=1))
    Operation.objects.filter(pk=operation.pk, sending_at__isnull=False).update(sending_at=clock.now() - LONG_AGO)


def survive(operation, moment):
    """Carry it out with that death in it. The operation in its end, and the moments that were passed."""
    with Death(moment) as death:
        try:
            operation = run(operation)
        except Died:
            take_over(operation)
    return run(operation), list(death.passed)


def sent(pve, vmid):
    """What Proxmox took, in order. A change of the configuration may come twice: it says what should be."""
    found = [
        re.sub(rf"\b{vmid}\b", "ID", f"{one.method} {one.path}")
        for one in pve.requests if one.method != "GET" and one.status == 200
    ]  # fmt: skip
    return [what for number, what in enumerate(found) if not (what.endswith("/config") and what in found[:number])]
