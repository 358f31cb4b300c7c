"""Taking a snapshot, going back to one, removing one."""

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from servers.models import Action, Kind, Operation, Server, ServerStatus
from servers.plans.base import Plan, Stage
from servers.proxmox import formats
from servers.proxmox.errors import Invalid
from servers.proxmox.gateway import Gateway


class Take(Stage):
    """The snapshot."""

    title = gettext_noop("Take the snapshot")

    @property
    def tasks(self) -> frozenset[str]:
        """``qmsnapshot``."""
        return frozenset({"{}snapshot"})

    def call(self, gateway: Gateway, operation: Operation) -> str | None:
        """Returns the UPID."""
        given = operation.parameters
        return gateway.snapshot(
            self.node(operation), *operation.guest, given["name"], description=given.get("description", ""),
            memory=bool(given.get("memory")),
        )  # fmt: skip


class GoBack(Stage):
    """To a snapshot."""

    title = gettext_noop("Roll back")

    @property
    def tasks(self) -> frozenset[str]:
        """``qmrollback``."""
        return frozenset({"{}rollback"})

    def call(self, gateway: Gateway, operation: Operation) -> str | None:
        """Returns the UPID."""
        given = operation.parameters
        return gateway.rollback(
            self.node(operation), *operation.guest, given["name"], start=bool(given.get("start"))
        )  # fmt: skip


class Remove(Stage):
    """A snapshot."""

    title = gettext_noop("Delete the snapshot")

    @property
    def tasks(self) -> frozenset[str]:
        """``qmdelsnapshot``."""
        return frozenset({"{}delsnapshot"})

    def call(self, gateway: Gateway, operation: Operation) -> str | None:
        """Returns the UPID."""
        return gateway.delete_snapshot(self.node(operation), *operation.guest, operation.parameters["name"])


def _check(server: Server, parameters: Mapping[str, Any]) -> None:
    try:
        formats.snapshot_name(str(parameters.get("name", "")))
    except ValueError as problem:
        raise Invalid({"name": str(problem)}) from None


def _check_taking(server: Server, parameters: Mapping[str, Any]) -> None:
    _check(server, parameters)
    if parameters.get("memory") and (server.kind != Kind.QEMU or server.status != ServerStatus.RUNNING):
        raise Invalid({"memory": _("Only a running VM has memory that can be kept. Leave it out.")})


def _after_rollback(operation: Operation) -> str:
    """With its memory it runs, without it is stopped, unless it is started again."""
    given = operation.parameters
    return ServerStatus.RUNNING if given.get("start") or given.get("memory") else ServerStatus.STOPPED


PLANS: Final = (
    Plan(Action.SNAPSHOT, (Take(),), right="operate", check=_check_taking),
    Plan(
        Action.ROLLBACK, (GoBack(),), right="configure", check=_check, takes_down=lambda _operation: True,
        intent=_after_rollback,
    ),
    Plan(Action.DELETE_SNAPSHOT, (Remove(),), right="configure", check=_check),
)  # fmt: skip
