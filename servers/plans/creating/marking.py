"""How a guest that is being made is known as ours."""

from enum import Enum
from typing import Any, Final

from servers.models import Kind, Operation
from servers.plans.base import Stage
from servers.proxmox.errors import GuestMissing, NodeUnreachable, Refused
from servers.proxmox.gateway import Gateway

CLONE, TEMPLATE, RESTORE = "clone", "template", "restore"
# What Proxmox writes into the notes of a clone that is being made.
TEMPORARY: Final = "qmclone temporary file"
BEING_MADE: Final = frozenset({"clone", "create"})


class Owner(Enum):
    """Whose a guest is."""

    OURS = "ours"
    FOREIGN = "foreign"
    NOBODY = "nobody"  # there is none of that id
    UNSURE = "unsure"  # it is being made, and does not say by whom yet


def mark(operation: Operation) -> str:
    """The line in a guest's notes until it is ready."""
    return f"proxmox-manager: {operation.kept.get('mark', '')} is being made"


def marked(operation: Operation) -> str:
    """The notes that were wished for, with the mark below."""
    wished = str(operation.parameters.get("description", ""))
    return f"{wished}\n\n{mark(operation)}".strip()


def how(operation: Operation) -> str:
    """Whether it is cloned, made from a container template, or restored."""
    return str(operation.parameters["source"]["how"])


def place(operation: Operation) -> str:
    """The node that the new guest is to be on, or is on."""
    server = operation.server
    return server.node.name if server and server.node else str(operation.parameters["node"])


def places(operation: Operation) -> list[str]:
    """The nodes where it may be: a copy lies on its template's node until it is whole, and moves at the very end."""
    names = (place(operation), str(operation.kept.get("made_on", "")), operation.node_name)
    return [name for name in dict.fromkeys(names) if name]


def owner(gateway: Gateway, operation: Operation) -> Owner:
    """Whose the guest of the operation's id is now. Raises ProxmoxError where that cannot be told."""
    return found(gateway, operation)[0]


def found(gateway: Gateway, operation: Operation) -> tuple[Owner, str]:
    """Whose the guest of the operation's id is now, and on which node it is ('' where there is none).

    A node that is silent may have it: NodeUnreachable is raised where none of the others does, and any other
    ProxmoxError at once.
    """
    silent: NodeUnreachable | None = None
    for node in places(operation) if operation.vmid else ():
        try:
            config = gateway.config(node, operation.kind, operation.vmid or 0)
        except GuestMissing:
            continue
        except NodeUnreachable as error:
            silent = silent or error
            _remember(operation, node)
        except Refused as refusal:
            if "does not exist" not in refusal.reason:
                raise
        else:
            _remember(operation, node)
            return _judge(operation, config), node
    if silent is not None:
        raise silent
    return Owner.NOBODY, ""


def _remember(operation: Operation, node: str) -> None:
    """Where it is, or may be: what is said of it at the end names that node."""
    if operation.kept.get("at") != node:
        operation.note(kept={**operation.kept, "at": node})


def _judge(operation: Operation, config: Any) -> Owner:
    if operation.kept.get("mark", "?") in config.description:
        return Owner.OURS
    # a restored one has no mark before it is configured; hours later its id may be another's
    unmarked = how(operation) == RESTORE and not operation.kept.get("tries")
    accepted = operation.kept.get("accepted") == operation.vmid  # a task of ours made it, or was about to
    temporary = TEMPORARY in config.description
    if accepted and (config.empty or config.lock in BEING_MADE or temporary or unmarked):
        return Owner.OURS
    if config.lock in BEING_MADE or temporary:
        return Owner.UNSURE
    return Owner.FOREIGN


class OfNew(Stage):
    """A stage about the guest that is being made."""

    def node(self, operation: Operation) -> str:
        """Where it is."""
        return place(operation)


def is_container(operation: Operation) -> bool:
    """Whether it is a container."""
    return operation.kind == Kind.LXC
