"""What goes wrong with tasks, on request."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Protocol

HOWS = ("fail", "cut", "node", "slow")


class Struck(Protocol):
    """What a fault looks at of a task."""

    upid: str
    type: str
    id: str
    concerns: set[int]


@dataclass
class Fault:
    """What goes wrong with tasks: ``type`` and ``vmid`` choose them, ``after`` is the number of steps they make first.

    ``how``: ``fail`` ends the task with ``error``, and it cleans up as it would; ``cut`` ends it on the spot, so that
    its lock stays; ``node`` takes its node down; ``slow`` makes each of its steps ``factor`` times as long.
    """

    type: str = "*"
    vmid: int = 0
    how: str = "fail"
    error: str = "write failed: No space left on device"
    after: int = 1
    factor: float = 10.0
    times: int = 1

    def fits(self, task: Struck) -> bool:
        """Whether the fault is one of this task's."""
        ids = {task.id, *(str(vmid) for vmid in task.concerns)}
        return fnmatch(task.type, self.type) and (not self.vmid or str(self.vmid) in ids) and bool(task.upid)
