"""Stages that several actions have."""

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from servers.models import Action, Operation, Server, ServerStatus
from servers.plans.base import Stage
from servers.proxmox.errors import Invalid
from servers.proxmox.gateway import Gateway

# Where a sentence belongs to no field of the form.
WHOLE: Final = "__all__"


class StopFirst(Stage):
    """Where it was asked for: a guest that runs is stopped, since what comes next replaces or removes it."""

    title = gettext_noop("Stop it")

    @property
    def tasks(self) -> frozenset[str]:
        """The stop, or the request for it."""
        return frozenset({"{}stop", "hastop"})

    def needed(self, operation: Operation) -> bool:
        """Only where it was asked for."""
        return bool(operation.parameters.get("stop"))

    def call(self, gateway: Gateway, operation: Operation) -> str | None:
        """The UPID; None where it is stopped already."""
        node = self.node(operation)
        if gateway.guest_state(node, *operation.guest).status == ServerStatus.STOPPED:
            return None
        return gateway.power(node, *operation.guest, Action.STOP)

    def settles(self, operation: Operation) -> bool:
        """An HA guest stops some seconds later."""
        return True

    def settled(self, gateway: Gateway, operation: Operation) -> tuple[bool, str]:
        """Whether it is stopped."""
        status = gateway.guest_status(self.node(operation), *operation.guest)
        return status == ServerStatus.STOPPED, status


def stopped_or_asked(server: Server, parameters: Mapping[str, Any]) -> None:
    """Raises Invalid where it runs and nobody said that it may be stopped."""
    if server.status != ServerStatus.STOPPED and not parameters.get("stop"):
        raise Invalid({"stop": _("It is not stopped: shut it down first, or let it be stopped as the first step.")})


def something(parameters: Mapping[str, Any], *names: str) -> None:
    """Raises Invalid where none of these is asked for."""
    if not any(name in parameters for name in names):
        raise Invalid({WHOLE: _("Nothing is changed: there is nothing to ask of Proxmox.")})
