"""The last stages of a new server: what it lacks there takes nothing back."""

from datetime import timedelta
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from portal.lib.nudge import nudge
from servers import newcomers
from servers.addresses import choose
from servers.models import Operation
from servers.plans.creating.marking import OfNew
from servers.proxmox.errors import Refused
from servers.proxmox.gateway import Gateway
from servers.proxmox.orders import Changes

NO_AGENT: Final = "No QEMU guest agent configured"


class SignOff(OfNew):
    """Takes our mark out of its notes, and protects it where that was wished for."""

    title = gettext_noop("Write its notes")
    optional = True

    def call(self, gateway: Gateway, operation: Operation) -> str | None:
        """Change it; it may be repeated."""
        given = operation.parameters
        changes = Changes(
            description=given.get("description", ""), protection=True if given.get("protection") else None
        )
        gateway.change(self.node(operation), *operation.guest, changes)
        return None


class Register(OfNew):
    """Lets the sync see it: until now it was ours alone, and would have counted as a server before it was one."""

    title = gettext_noop("Register it in the portal")
    optional = True

    def call(self, gateway: Gateway, operation: Operation) -> str | None:
        """Open it for the sync and ask for one."""
        from servers.tasks import sync_cluster

        operation.note(kept={**operation.kept, "shown": True})
        operation.cluster.sync_soon()
        nudge(sync_cluster, operation.cluster_id)
        return None

    def settles(self, operation: Operation) -> bool:
        """Until a sync has seen it."""
        return True

    def settled(self, gateway: Gateway, operation: Operation) -> tuple[bool, str]:
        """Whether it has a row, which knows owner, environment and the like."""
        if newcomers.linked(operation):
            return True, ""
        operation.cluster.sync_soon()
        return False, _("not in Proxmox's list yet")


class WaitForAddress(OfNew):
    """Waits until its guest agent, or the container, tells an address."""

    title = gettext_noop("Wait for its address")
    optional = True
    settles_within = timedelta(minutes=3)

    def needed(self, operation: Operation) -> bool:
        """Where it was started, and somebody is to wait."""
        return bool(operation.parameters.get("start", True) and operation.parameters.get("wait", True))

    def call(self, gateway: Gateway, operation: Operation) -> str | None:
        """Nothing is sent; a fixed address is known before anybody tells it."""
        fixed = str(operation.parameters.get("ip") or "dhcp").partition("/")[0]
        if fixed != "dhcp":
            operation.note(kept={**operation.kept, "address": fixed})
        return None

    def settles(self, operation: Operation) -> bool:
        """Until it tells one."""
        return True

    def settled(self, gateway: Gateway, operation: Operation) -> tuple[bool, str]:
        """Whether it tells one. One without an agent is not waited for where its address is known."""
        try:
            found = choose(gateway.interfaces(self.node(operation), *operation.guest))
        except Refused as refusal:
            silent = NO_AGENT in refusal.reason
            return silent and bool(operation.kept.get("address")), refusal.reason
        if found:
            operation.note(kept={**operation.kept, "address": operation.kept.get("address") or found})
        return bool(found), _("without an address")
