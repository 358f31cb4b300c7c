"""The four verbs that the reads and writes of the gateway are made of."""

from abc import ABC, abstractmethod
from typing import Any

from servers.proxmox.formats import segment


class Calls(ABC):
    """Asks Proxmox. Every method raises a ProxmoxError and nothing else; parameters are sent as they are given."""

    @abstractmethod
    def get(self, path: str, *, slow: bool = False, **parameters: Any) -> Any:
        """The ``data`` of a GET, unjudged."""

    @abstractmethod
    def post(self, path: str, *, slow: bool = False, **parameters: Any) -> Any:
        """The ``data`` of a POST. An Unreachable with ``maybe_done`` means: look before you send it again."""

    @abstractmethod
    def put(self, path: str, *, slow: bool = False, **parameters: Any) -> Any:
        """The ``data`` of a PUT."""

    @abstractmethod
    def delete(self, path: str, *, slow: bool = False, **parameters: Any) -> Any:
        """The ``data`` of a DELETE."""


def guest_path(node: str, kind: str, vmid: int) -> str:
    """Where a guest lives."""
    return f"nodes/{segment(node)}/{segment(kind)}/{vmid:d}"
