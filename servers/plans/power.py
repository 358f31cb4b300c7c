"""Start, shutdown, stop, reboot, suspend, resume: one call each."""

from typing import Final

from django.utils.translation import gettext_noop

from servers.models import Action, Operation, ServerStatus
from servers.plans.base import Plan, Stage
from servers.proxmox.gateway import Gateway

# The state a server is put in on purpose by each action; suspend is a pause that somebody wants.
INTENT: Final = {
    Action.START: ServerStatus.RUNNING,
    Action.RESUME: ServerStatus.RUNNING,
    Action.REBOOT: ServerStatus.RUNNING,
    Action.SHUTDOWN: ServerStatus.STOPPED,
    Action.STOP: ServerStatus.STOPPED,
    Action.SUSPEND: ServerStatus.PAUSED,
}
TAKE_DOWN: Final = frozenset({Action.SHUTDOWN, Action.STOP, Action.REBOOT, Action.SUSPEND})


class Power(Stage):
    """The one call. An HA guest's task is a request only (``hastart``): the guest follows 4 to 20 s later."""

    title = gettext_noop("Ask Proxmox")

    def __init__(self, action: Action) -> None:
        self.action = action
        self.started = frozenset({f"{{}}{action}", "hastart", "hastop", "{}pause"})

    @property
    def tasks(self) -> frozenset[str]:
        """Those of this action."""
        return self.started

    def call(self, gateway: Gateway, operation: Operation) -> str | None:
        """Returns the UPID."""
        return gateway.power(self.node(operation), *operation.guest, self.action)

    def settles(self, operation: Operation) -> bool:
        """With HA, and where the guest goes down and comes back."""
        return ":ha" in operation.upid or self.action == Action.REBOOT

    def settled(self, gateway: Gateway, operation: Operation) -> tuple[bool, str]:
        """Whether it is in the state that was asked for."""
        status = gateway.guest_status(self.node(operation), *operation.guest)
        return status == INTENT[self.action], status


PLANS: Final = tuple(
    Plan(
        action, (Power(action),),
        takes_down=lambda operation: operation.action in TAKE_DOWN,
        intent=lambda operation: INTENT[Action(operation.action)],
    )
    for action in INTENT
)  # fmt: skip
