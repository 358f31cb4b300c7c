"""What a plan is: stages in order, each with at most one call, each of which may be run twice.

A stage that starts a task is found again by the task's type where the call broke off, so it is never sent twice. A
stage without a task must be one that does no harm when it is repeated.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any, ClassVar

from django.utils.translation import gettext_noop

from servers.models import Operation, Server
from servers.models.request import family
from servers.proxmox.errors import Refused
from servers.proxmox.gateway import Gateway


class Found(Enum):
    """What became of a call whose answer was lost."""

    BY_TASK = "by task"  # the engine looks for a task of the stage
    OURS = "ours"  # it arrived: wait until it is settled
    ABSENT = "absent"  # it left nothing (yet)
    FOREIGN = "foreign"  # somebody else was there first
    UNSURE = "unsure"  # look again in a moment


class Stage(ABC):
    """One step towards Proxmox. Subclasses say what is called; the engine keeps track of it.

    ``title`` is shown in the list of steps (a msgid). ``tasks`` are the types of the tasks it may start, ``{}`` being
    ``qm`` or ``vz``; empty where the call is done when it answers.
    """

    title: ClassVar[str] = gettext_noop("Send")
    # HA guests follow 4 to 20 s after their task, a rebooted one comes back after some.
    settles_within: ClassVar[timedelta] = timedelta(seconds=90)
    # A lock is waited for that long, then Proxmox's words are the end of it.
    lock_wait: ClassVar[timedelta] = timedelta(minutes=2)
    # How soon it is asked again whether what it waits for is over.
    turn: ClassVar[timedelta] = timedelta(seconds=2)
    # Whether the rest goes on where this one fails: its words are kept as a warning.
    optional: ClassVar[bool] = False

    @property
    def tasks(self) -> frozenset[str]:
        """Of a stage that is done when its call answers: none."""
        return frozenset()

    def needed(self, operation: Operation) -> bool:
        """Whether there is anything to do; asked right before the call, in no transaction."""
        return True

    def waits_for(self, operation: Operation) -> str:
        """What it has to wait for before it is sent, as a sentence; '' where nothing. Rows only."""
        return ""

    def node(self, operation: Operation) -> str:
        """The node that is asked, and on which the task runs: the server's, as it is known now."""
        server = operation.server
        return server.node.name if server and server.node else ""

    def vmid(self, operation: Operation) -> int:
        """The guest by whose number the task is found again."""
        return operation.guest[1]

    @abstractmethod
    def call(self, gateway: Gateway, operation: Operation) -> str | None:
        """Make the call. The UPID of its task, or None where it is done. Raises ProxmoxError."""

    def task_ended(self, operation: Operation) -> None:  # noqa: B027  (nothing, unless a stage has to)
        """Called when its task is over, well or not: whoever waited for that may be woken. Rows only."""

    def settles(self, operation: Operation) -> bool:
        """Whether the guest follows later than the task, so that ``settled`` is asked until it says yes."""
        return False

    def settled(self, gateway: Gateway, operation: Operation) -> tuple[bool, str]:
        """Whether the guest is what it should be, and what it is, in a word."""
        return True, ""

    def recognise(self, gateway: Gateway, operation: Operation) -> "Found":
        """What became of a call that broke off, where the task alone cannot tell."""
        return Found.BY_TASK

    def retreat(self, operation: Operation, refusal: Refused) -> int | None:
        """The number of the stage to go back to after that refusal; None where it is the end. It may note columns."""
        return None

    def task_types(self, operation: Operation) -> set[str]:
        """The types of the tasks it may start, for this guest."""
        prefix = family(operation.guest[0])
        return {name.format(prefix) for name in self.tasks}


@dataclass(frozen=True)
class Plan:
    """One action. ``right`` is the permission on the server that it takes (``operate`` …); ``takes_down`` says whether
    the server may be down while it is carried out, which is expected then."""

    action: str
    stages: tuple[Stage, ...]
    right: str = "operate"
    takes_down: Callable[[Operation], bool] = lambda _operation: False
    # Judges what was asked for before anything is queued. Raises Invalid, or Refusal.
    check: Callable[[Server, Mapping[str, Any]], None] = lambda _server, _parameters: None
    # Writes what follows from success, in the transaction that says so. Rows only.
    succeeded: Callable[[Operation], None] = lambda _operation: None
    # The state that the server should be in afterwards; '' leaves what was.
    intent: Callable[[Operation], str] = lambda _operation: ""
    # What is done after a stage failed, so that nothing is left behind; the operation has failed all the same.
    cleanup: tuple[Stage, ...] = ()
    # What is said at the end of one that failed: the words of the failure, and those of the clean-up ('' where it went
    # well).
    ending: Callable[[Operation, str, str], str] = lambda _operation, words, _left: words
