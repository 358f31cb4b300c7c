"""What is done after a stage failed: whatever was made is stopped and removed, if it is ours beyond doubt."""

from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from servers.models import Action, Operation, ServerStatus
from servers.plans.creating.marking import OfNew, Owner, owner
from servers.proxmox.errors import Invalid
from servers.proxmox.gateway import Gateway


def _is_there(gateway: Gateway, operation: Operation) -> bool:
    """Whether there is something of ours to remove. Raises Invalid where that cannot be told."""
    found = owner(gateway, operation)
    if found is Owner.UNSURE:
        raise Invalid({"vmid": _("it is locked, and does not say whose it is")})
    if operation.kept.get("cleaned") != "removed":
        word = {Owner.OURS: "removed", Owner.FOREIGN: "foreign"}.get(found, "nothing")
        operation.note(kept={**operation.kept, "cleaned": word})
    return found is Owner.OURS


class StopIt(OfNew):
    """What runs cannot be removed."""

    title = gettext_noop("Clean up: stop it")

    @property
    def tasks(self) -> frozenset[str]:
        """The stop."""
        return frozenset({"{}stop"})

    def needed(self, operation: Operation) -> bool:
        """Only from its first start on: what was never started does not run."""
        return bool(operation.vmid and operation.kept.get("accepted"))

    def call(self, gateway: Gateway, operation: Operation) -> str | None:
        """The UPID; None where nothing of ours runs."""
        if not _is_there(gateway, operation):
            return None
        if gateway.guest_state(self.node(operation), *operation.guest).status == ServerStatus.STOPPED:
            return None
        return gateway.power(self.node(operation), *operation.guest, Action.STOP)


class RemoveIt(OfNew):
    """With its disks, and out of every job."""

    title = gettext_noop("Clean up: remove it")

    @property
    def tasks(self) -> frozenset[str]:
        """``qmdestroy``."""
        return frozenset({"{}destroy"})

    def needed(self, operation: Operation) -> bool:
        """Where an id was taken."""
        return bool(operation.vmid)

    def call(self, gateway: Gateway, operation: Operation) -> str | None:
        """The UPID; None where nothing of ours is there."""
        if not _is_there(gateway, operation):
            return None
        return gateway.delete_guest(self.node(operation), *operation.guest)


CLEANUP: Final = (StopIt(), RemoveIt())
