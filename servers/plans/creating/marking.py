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


def owner(gateway: Gateway, operation: Operation) -> Owner:
    """Whose the guest of the operation's id is now. Raises ProxmoxError where that cannot be told."""
    if not operation.vmid:
        return Owner.NOBODY
    for node in dict.fromkeys((place(operation), operation.node_name)):
        if not node:
            continue
        try:
            config = gateway.config(node, operation.kind, operation.vmid)
        except GuestMissing:
            continue
        except NodeUnreachable:
            raise
        except Refused as refusal:
            if "does not exist" in refusal.reason:
                continue
            raise
        return _judge(operation, config)
    return Owner.NOBODY


def _judge(operation: Operation, config: Any) -> Owner:
    if operation.kept.get("mark", "?") in config.description:
        return Owner.OURS
    accepted = operation.kept.get("accepted") == operation.vmid  # a task of ours made it, or was about to
    if accepted and (config.empty or config.lock in BEING_MADE or how(operation) == RESTORE):
        return Owner.OURS
    if config.lock in BEING_MADE or TEMPORARY in config.description:
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
