"""Tasks: what nearly every write starts. They take time, take lock files, write a log, and may fail.

A task's body is a generator that yields the seconds until its next step. One thread runs the steps of all tasks, each
under the cluster's lock, so a body may look at and change the cluster freely between two yields.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from simulator.errors import TaskCancelled, TaskFailed
from simulator.faults import Fault

Body = Generator[float, None, None]
LOCK_WAIT = 10.0
KEPT = 2000


@dataclass
class Task:
    """A running or finished task. ``status`` is its exit status, empty while it runs. Times are epoch seconds."""

    upid: str
    node: str
    type: str
    id: str
    user: str
    pid: int
    pstart: int
    starttime: int
    log: list[str] = field(default_factory=list)
    status: str = ""
    endtime: int = 0
    long_log: Callable[[], list[str]] | None = None
    body: Body | None = None
    concerns: set[int] = field(default_factory=set)  # further guests it works on, such as the one that a clone makes
    steps: int = 0

    def say(self, line: str) -> None:
        """Write a line into the log."""
        self.log.append(line)

    @property
    def account(self) -> str:
        """The user without the token part."""
        return self.user.partition("!")[0]

    @property
    def token(self) -> str:
        """The token part of the user, or nothing."""
        return self.user.partition("!")[2]

    @property
    def failed(self) -> bool:
        """Whether it ended, and badly."""
        return bool(self.endtime) and self.status != "OK" and not self.status.startswith("WARNINGS")

    def lines(self) -> list[str]:
        """Return the whole log; that of a seeded task is written when it is asked for."""
        if self.long_log is not None:
            self.log, self.long_log = self.long_log(), None
        return self.log


class TaskBook:
    """All tasks of a cluster and the thread that runs them. Guarded by the cluster's lock."""

    def __init__(self, lock: threading.RLock, pace: float) -> None:
        self.condition = threading.Condition(lock)
        self.pace = pace
        self.tasks: dict[str, Task] = {}
        self.lock_files: dict[int, Task] = {}
        self.changed: Callable[[], None] = lambda: None
        self.faults: list[Fault] = []
        self.node_dies: Callable[[str], None] = lambda _node: None
        self._queue: list[tuple[float, int, Task]] = []
        self._order = itertools.count()
        self._pids = itertools.count(2000)
        self._thread: threading.Thread | None = None
        self._running = False

    def run(self) -> None:
        """Start the thread that steps the tasks."""
        self._running = True
        self._thread = threading.Thread(target=self._loop, name="simulator-tasks", daemon=True)
        self._thread.start()

    def halt(self) -> None:
        """Stop the thread; tasks in progress go on at the next :meth:`run`."""
        with self.condition:
            self._running = False
            self.condition.notify_all()
        if self._thread:
            self._thread.join(5)

    def add(  # noqa: PLR0913, PLR0917 - the parts of a UPID
        self, node: str, kind: str, ident: str, user: str, start: float, body: Body | None = None
    ) -> Task:
        """Return a new task; with a body it is running."""
        pid, pstart = next(self._pids), int(start * 100) % 0xFFFFFFF
        upid = f"UPID:{node}:{pid:08X}:{pstart:08X}:{int(start):08X}:{kind}:{ident}:{user}:"
        task = Task(upid, node, kind, ident, user, pid, pstart, int(start), body=body)
        self.tasks[upid] = task
        if body is not None:
            self._push(task, 0.0)
        self._forget_old()
        return task

    def start(self, node: str, kind: str, ident: object, user: str, make: Callable[[Task], Body]) -> str:
        """Start a task and return its UPID."""
        with self.condition:
            task = self.add(node, kind, str(ident), user, time.time())
            task.body = make(task)
            self._push(task, 0.0)
            self.changed()
            return task.upid

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something later, in the thread of the tasks, without a task that anybody sees."""

        def body() -> Body:
            yield seconds
            action()

        self.run_hidden(body())

    def run_hidden(self, body: Body) -> None:
        """Step a body that is no task anybody sees."""
        with self.condition:
            self._push(Task("", "", "", "", "", 0, 0, 0, body=body), 0.0)

    def running(self, node: str = "") -> list[Task]:
        """Return the tasks that have not ended, of one node or of all."""
        return [task for task in self.tasks.values() if not task.endtime and node in ("", task.node)]

    def cancel(self, task: Task, log: str = "received interrupt") -> None:
        """End a running task as a request to stop it does."""
        if not task.steps:
            self._step(task)  # what has not begun could not tidy up
        if task.endtime or task.body is None:
            return
        try:
            task.body.throw(TaskCancelled(log))
        except StopIteration:
            self._end(task, "OK")
        except (TaskCancelled, TaskFailed) as problem:
            self._end(task, str(problem))

    def kill(self, task: Task) -> None:
        """End a running task without a last word, as a node that goes down does."""
        if task.body is not None and not task.endtime:
            task.body.close()
            self._end(task, "unexpected status", silent=True)

    def take_lock_file(self, task: Task, vmid: int, kind: str) -> Body:
        """Wait for a guest's lock file and hold it until the task ends. Raises TaskFailed after ten scaled seconds."""
        deadline = time.time() + LOCK_WAIT * self.pace
        holder = self.lock_files.get(vmid)
        if holder is not None and holder is not task:
            task.say("trying to acquire lock...")
            while self.lock_files.get(vmid) is not None:
                if time.time() >= deadline:
                    raise TaskFailed(lock_timeout(vmid, kind))
                yield min(0.25, LOCK_WAIT * self.pace / 10)
            task.say(" OK")
        self.lock_files[vmid] = task

    def wait_for_lock_file(self, vmid: int) -> bool:
        """Wait, in a call that is no task, until nobody holds a guest's lock file; False after ten (scaled) seconds."""
        with self.condition:
            return self.condition.wait_for(lambda: vmid not in self.lock_files, LOCK_WAIT * self.pace)

    def _push(self, task: Task, seconds: float) -> None:
        heapq.heappush(self._queue, (time.time() + seconds, next(self._order), task))
        self.condition.notify_all()

    def _loop(self) -> None:
        with self.condition:
            while self._running:
                if not self._queue:
                    self.condition.wait()
                    continue
                delay = self._queue[0][0] - time.time()
                if delay > 0:
                    self.condition.wait(delay)
                    continue
                self._step(heapq.heappop(self._queue)[2])

    def _step(self, task: Task) -> None:
        if task.endtime or task.body is None:
            return
        task.steps += 1
        try:
            if self._broken(task):
                return
            delay = next(task.body)
            self._push(task, delay * self._slowness(task))
        except StopIteration:
            warnings = sum(line.startswith("WARN:") for line in task.log)
            self._end(task, f"WARNINGS: {warnings}" if warnings else "OK")
        except (TaskFailed, TaskCancelled) as problem:
            self._end(task, str(problem))
        except Exception as problem:  # noqa: BLE001 - a fault of the simulator must not end the thread of all tasks
            self._end(task, f"internal error - {problem!r}")

    def _broken(self, task: Task) -> bool:
        """Let a fault strike. Whether the task is over without another word."""
        fault = next(
            (f for f in self.faults if f.how != "slow" and f.times and task.steps > f.after and f.fits(task)), None
        )
        if fault is None or task.body is None:
            return False
        fault.times -= 1
        if fault.how == "node":
            self.node_dies(task.node)
            return True
        if fault.how == "cut":
            task.body.close()
            self._end(task, fault.error)
            return True
        # the body may tidy up and say more about it; if it swallows the error it goes on
        self._push(task, task.body.throw(TaskFailed(fault.error)))
        return True

    def _slowness(self, task: Task) -> float:
        return next((fault.factor for fault in self.faults if fault.how == "slow" and fault.fits(task)), 1.0)

    def hold_lock_file(self, vmid: int, seconds: float) -> None:
        """Hold a guest's lock file for a while without a task that anybody sees."""

        def body() -> Body:
            yield seconds

        with self.condition:
            holder = Task("", "", "", "", "", 0, 0, 0, body=body())
            self.lock_files[vmid] = holder
            self._push(holder, 0.0)

    def _end(self, task: Task, status: str, *, silent: bool = False) -> None:
        if not silent:
            task.say(f"TASK {status}" if status.startswith(("OK", "WARNINGS")) else f"TASK ERROR: {status}")
        task.status, task.endtime, task.body = status, max(int(time.time()), task.starttime), None
        for vmid in [vmid for vmid, holder in self.lock_files.items() if holder is task]:
            del self.lock_files[vmid]
        self.condition.notify_all()
        if task.upid:
            self.changed()

    def _forget_old(self) -> None:
        if len(self.tasks) > KEPT + 200:
            finished = [upid for upid, task in self.tasks.items() if task.endtime]
            for upid in finished[: len(self.tasks) - KEPT]:
                del self.tasks[upid]


def lock_timeout(vmid: int, kind: str) -> str:
    """Return the server's words for a lock file that did not come free."""
    path = f"/var/lock/qemu-server/lock-{vmid}.conf" if kind == "qemu" else f"/run/lock/lxc/pve-config-{vmid}.lock"
    return f"can't lock file '{path}' - got timeout"
