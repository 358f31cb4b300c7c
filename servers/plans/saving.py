"""A backup now, and a backup brought back over its own server."""

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from servers.models import Action, Backup, Operation, OperationState, Server, ServerStatus
from servers.plans.base import Plan, Stage
from servers.plans.common import StopFirst, stopped_or_asked
from servers.plans.power import Power
from servers.proxmox.errors import Invalid
from servers.proxmox.gateway import Gateway
from servers.proxmox.moves import BackupOrder, RestoreOrder


class BackUp(Stage):
    """vzdump of one guest, on the node where it is."""

    title = gettext_noop("Back it up")

    @property
    def tasks(self) -> frozenset[str]:
        """``vzdump``."""
        return frozenset({"vzdump"})

    def waits_for(self, operation: Operation) -> str:
        """One after the other on a node: Proxmox would only queue them there, where nobody could call them off."""
        others = Operation.objects.filter(
            cluster_id=operation.cluster_id, action=operation.action, node_name=self.node(operation),
            state__in=[OperationState.SENDING, OperationState.RUNNING, OperationState.SETTLING],
        ).exclude(pk=operation.pk)  # fmt: skip
        other = others.select_related("server").first()
        return _("its turn: %(name)s is being backed up on the same node.") % {"name": other.subject} if other else ""

    def call(self, gateway: Gateway, operation: Operation) -> str | None:
        """Returns the UPID. Raises NothingStarted where the guest is on another node: Proxmox says "OK" then."""
        return gateway.back_up(self.node(operation), backup_order(operation.guest[1], operation.parameters))


def backup_order(vmid: int, parameters: Mapping[str, Any]) -> BackupOrder:
    """The order. Raises Invalid by field."""
    given = {name: parameters[name] for name in ("storage", "mode", "notes", "protected") if name in parameters}
    return BackupOrder(vmids=(vmid,), **{"storage": "", **given})


class Restore(Stage):
    """Over the guest itself, which is stopped by then."""

    title = gettext_noop("Restore the backup")

    @property
    def tasks(self) -> frozenset[str]:
        """``qmrestore``."""
        return frozenset({"{}restore"})

    def call(self, gateway: Gateway, operation: Operation) -> str | None:
        """Returns the UPID."""
        given, (kind, vmid) = operation.parameters, operation.guest
        order = RestoreOrder(vmid=vmid, volume=given["volume"], storage=given.get("storage", ""), overwrite=True)
        return gateway.restore(self.node(operation), kind, order)


class StartAfter(Power):
    """Where it was asked for."""

    title = gettext_noop("Start it")

    def __init__(self) -> None:
        super().__init__(Action.START)

    def needed(self, operation: Operation) -> bool:
        """Only where it was asked for."""
        return bool(operation.parameters.get("start"))


def _check_backup(server: Server, parameters: Mapping[str, Any]) -> None:
    backup_order(server.vmid, parameters)


def _check_restore(server: Server, parameters: Mapping[str, Any]) -> None:
    volume = str(parameters.get("volume", ""))
    kept = Backup.objects.filter(cluster_id=server.cluster_id, volid=volume, gone_at=None).first()
    if kept is None:
        raise Invalid({"volume": _("That backup is not there any more. Choose another.")})
    if kept.kind and kept.kind != server.kind:
        raise Invalid({"volume": _("That backup is of the other kind: a VM's cannot be restored to a container.")})
    RestoreOrder(vmid=server.vmid, volume=volume, storage=str(parameters.get("storage", "")))
    stopped_or_asked(server, parameters)


def _after_restore(operation: Operation) -> str:
    return ServerStatus.RUNNING if operation.parameters.get("start") else ServerStatus.STOPPED


PLANS: Final = (
    Plan(
        Action.BACK_UP, (BackUp(),), right="operate", check=_check_backup,
        takes_down=lambda operation: operation.parameters.get("mode") in ("stop", "suspend"),
    ),
    Plan(
        Action.RESTORE, (StopFirst(), Restore(), StartAfter()), right="configure", check=_check_restore,
        takes_down=lambda _operation: True, intent=_after_restore,
    ),
)  # fmt: skip
