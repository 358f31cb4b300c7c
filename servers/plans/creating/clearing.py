"""What is done after a stage failed: whatever was made is stopped and removed, if it is ours beyond doubt."""

from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from servers.models import Action, Operation, ServerStatus
from servers.plans.creating.marking import OfNew, Owner, found, place
from servers.proxmox.errors import Invalid, NodeUnreachable
from servers.proxmox.gateway import Gateway


class _Clear(OfNew):
    """A stage of the clean-up. What it is about lies where it is found, such as on its template's node."""

    def node(self, operation: Operation) -> str:
        """Where it was found at the last look."""
        return str(operation.kept.get("at") or place(operation))

    def needed(self, operation: Operation) -> bool:
        """Only where the call that makes a guest was answered, or may have arrived."""
        return bool(operation.vmid) and operation.vmid in (
            operation.kept.get(name) for name in ("accepted", "broke_off")
        )

    def is_there(self, gateway: Gateway, operation: Operation) -> bool:
        """Whether there is something of ours to remove. Raises Invalid where that cannot be told."""
        try:
            whose, node = found(gateway, operation)
        except NodeUnreachable:
            operation.note(node_name=self.node(operation))
            raise
        if whose is Owner.UNSURE:
            raise Invalid({"vmid": _("it is locked, and does not say whose it is")})
        word = {Owner.OURS: "removed", Owner.FOREIGN: "foreign"}.get(whose, "nothing")
        word = "removed" if operation.kept.get("cleaned") == "removed" else word
        operation.note(kept={**operation.kept, "cleaned": word}, node_name=node or operation.node_name)
        return whose is Owner.OURS


class StopIt(_Clear):
    """What runs cannot be removed."""

    title = gettext_noop("Clean up: stop it")

    @property
    def tasks(self) -> frozenset[str]:
        """The stop."""
        return frozenset({"{}stop"})

    def call(self, gateway: Gateway, operation: Operation) -> str | None:
        """The UPID; None where nothing of ours runs."""
        if not self.is_there(gateway, operation):
            return None
        if gateway.guest_state(self.node(operation), *operation.guest).status == ServerStatus.STOPPED:
            return None
        return gateway.power(self.node(operation), *operation.guest, Action.STOP)


class RemoveIt(_Clear):
    """With its disks, and out of every job."""

    title = gettext_noop("Clean up: remove it")

    @property
    def tasks(self) -> frozenset[str]:
        """``qmdestroy``."""
        return frozenset({"{}destroy"})

    def call(self, gateway: Gateway, operation: Operation) -> str | None:
        """The UPID; None where nothing of ours is there."""
        if not self.is_there(gateway, operation):
            return None
        return gateway.delete_guest(self.node(operation), *operation.guest)


CLEANUP: Final = (StopIt(), RemoveIt())
