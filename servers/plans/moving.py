"""To another node: a VM while it runs, a container with a restart, either while stopped."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from servers.models import Action, Kind, Node, NodeStatus, Operation, Server, ServerStatus
from servers.plans.base import Plan, Stage
from servers.proxmox.errors import GuestMissing, Invalid
from servers.proxmox.gateway import Gateway
from servers.proxmox.moves import MigrateOrder


class Move(Stage):
    """The one call. Of an HA guest it is a request, which the guest follows when its memory has been copied."""

    title = gettext_noop("Move it")
    settles_within = timedelta(minutes=30)

    @property
    def tasks(self) -> frozenset[str]:
        """``qmigrate`` (no second m), ``vzmigrate``, ``hamigrate``."""
        return frozenset({"qmigrate", "vzmigrate", "hamigrate"})

    def call(self, gateway: Gateway, operation: Operation) -> str | None:
        """Returns the UPID. Whether it runs is asked now: the form may be old."""
        node, (kind, vmid) = self.node(operation), operation.guest
        running = gateway.guest_state(node, kind, vmid).status != ServerStatus.STOPPED
        return gateway.migrate(node, kind, vmid, migrate_order(kind, running, operation.parameters))

    def settles(self, operation: Operation) -> bool:
        """The task of an HA guest is the request alone."""
        return True

    def settled(self, gateway: Gateway, operation: Operation) -> tuple[bool, str]:
        """Whether it is at the node where it should be, and no longer locked."""
        target = operation.parameters["target"]
        try:
            state = gateway.guest_state(target, *operation.guest)
        except GuestMissing:
            return False, _("not on node %(node)s") % {"node": target}
        return state.lock != "migrate", state.lock or state.status


def migrate_order(kind: str, running: bool, parameters: Mapping[str, Any]) -> MigrateOrder:
    """The order. Raises Invalid by field."""
    vm = kind == Kind.QEMU
    return MigrateOrder(
        target=parameters.get("target", ""), online=vm and running, restart=not vm and running,
        local_disks=bool(parameters.get("local_disks")), storage=parameters.get("storage", ""),
    )  # fmt: skip


def _check(server: Server, parameters: Mapping[str, Any]) -> None:
    running = server.status != ServerStatus.STOPPED
    target = migrate_order(server.kind, running, parameters).target
    if server.node and target == server.node.name:
        raise Invalid({"target": _("It is on that node already.")})
    node = Node.objects.filter(cluster_id=server.cluster_id, name=target, retired_at=None).first()
    if node is None:
        raise Invalid({"target": _("The cluster has no node of that name.")})
    if node.status != NodeStatus.ONLINE:
        raise Invalid({"target": _("That node is not online.")})
    if server.kind == Kind.LXC and running and not parameters.get("restart"):
        raise Invalid({"restart": _("A running container moves only with a restart: agree to it, or stop it first.")})


PLANS: Final = (
    Plan(
        Action.MIGRATE, (Move(),), right="configure", check=_check,
        takes_down=lambda operation: operation.kind == Kind.LXC,
    ),
)  # fmt: skip
