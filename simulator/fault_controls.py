"""What a test or a demonstration may let go wrong with tasks."""

from __future__ import annotations

from typing import Any

from simulator.cluster import Cluster
from simulator.faults import HOWS, Fault


class FaultControls:
    """Methods that break tasks to come. Part of the controls."""

    cluster: Cluster

    def fail_task(self, type: str = "*", how: str = "fail", **fields: Any) -> None:
        """Let the next fitting tasks go wrong, see :class:`Fault`. Raises ValueError for an unknown way or field.

        ``how`` is ``fail``, ``cut`` (a clone then leaves a guest that stays locked), ``node`` or ``slow``; further
        ``vmid``, ``after`` (steps), ``error``, ``times``, ``factor``.
        """
        unknown = set(fields) - set(Fault.__dataclass_fields__)
        if unknown or how not in HOWS:
            wrong = ", ".join(sorted(unknown)) or how
            raise ValueError(f"a fault happens as one of {', '.join(HOWS)}; there is no {wrong}")
        with self.cluster.lock:
            self.cluster.faults.append(Fault(type=type, how=how, **fields))

    def slow_tasks(self, factor: float, type: str = "*", vmid: int = 0) -> None:
        """Make each step of fitting tasks ``factor`` times as long, until :meth:`mend_tasks`."""
        self.fail_task(type, "slow", factor=factor, vmid=vmid)

    def race_ids(self, times: int = 1) -> None:
        """Let another client take the next ``times`` ids that a create or clone asks for, just before it does."""
        with self.cluster.lock:
            self.cluster.rivals = times

    def mend_tasks(self) -> None:
        """Forget all faults and races."""
        with self.cluster.lock:
            self.cluster.faults.clear()
            self.cluster.rivals = 0

    def hold_lock_file(self, vmid: int, seconds: float) -> None:
        """Hold a guest's lock file for that many real seconds: calls and tasks then wait for it and give up."""
        with self.cluster.lock:
            self.cluster.book.hold_lock_file(vmid, seconds)
