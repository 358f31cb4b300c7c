"""Deleting a server from Proxmox: its name typed, stopped, not protected; retired here in the same transaction."""

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from servers import retiring
from servers.models import Action, Operation, Server
from servers.plans.base import Plan, Stage
from servers.plans.common import StopFirst, stopped_or_asked
from servers.proxmox.errors import Invalid
from servers.proxmox.gateway import Gateway


class Destroy(Stage):
    """The guest with its disks."""

    title = gettext_noop("Delete it from Proxmox")

    @property
    def tasks(self) -> frozenset[str]:
        """``qmdestroy``."""
        return frozenset({"{}destroy"})

    def call(self, gateway: Gateway, operation: Operation) -> str | None:
        """Returns the UPID. Proxmox refuses it while the guest runs or is protected."""
        purge = bool(operation.parameters.get("purge", True))
        return gateway.delete_guest(self.node(operation), *operation.guest, purge=purge)


def typed_name(server: Server) -> str:
    """What has to be typed: its name, or its number where it has none."""
    return server.name or str(server.vmid)


def _check(server: Server, parameters: Mapping[str, Any]) -> None:
    wanted = typed_name(server)
    if str(parameters.get("confirm", "")).strip() != wanted:
        raise Invalid({"confirm": _("Type “%(name)s”, letter by letter.") % {"name": wanted}})
    stopped_or_asked(server, parameters)


def _gone(operation: Operation) -> None:
    if operation.server:
        retiring.retire(operation.server)


PLANS: Final = (
    Plan(
        Action.DELETE, (StopFirst(), Destroy()), right="destroy", check=_check, takes_down=lambda _operation: True,
        succeeded=_gone,
    ),
)  # fmt: skip
