"""Name, tags, description, protection; CPU, memory and disk. What may be repeated without harm is a plain call; a disk
grows to a size, never by one, so that twice is once."""

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from servers.models import Action, Kind, Operation, Server
from servers.plans.base import Plan, Stage
from servers.plans.common import something
from servers.proxmox import formats
from servers.proxmox.errors import Invalid
from servers.proxmox.gateway import Gateway
from servers.proxmox.orders import Changes

WORDS: Final = ("name", "description", "tags", "protection")
SIZES: Final = ("cores", "sockets", "memory", "swap")


def changes_of(parameters: Mapping[str, Any]) -> Changes:
    """What is sent of it. Raises Invalid by field."""
    given = {name: parameters[name] for name in (*WORDS, *SIZES) if name in parameters}
    if "tags" in given:
        given["tags"] = tuple(given["tags"])
    return Changes(**given)


class Configure(Stage):
    """One change of the configuration, done when it is answered."""

    title = gettext_noop("Change the configuration")
    columns: tuple[str, ...] = WORDS

    def needed(self, operation: Operation) -> bool:
        """Whether any of it was asked for."""
        return any(name in operation.parameters for name in self.columns)

    def call(self, gateway: Gateway, operation: Operation) -> str | None:
        """Change it."""
        gateway.change(self.node(operation), *operation.guest, changes_of(operation.parameters))
        return None


class Size(Configure):
    """CPU and memory. What a running guest cannot take at once waits for its restart, and the log says so."""

    title = gettext_noop("Change CPU and memory")
    columns = SIZES

    def call(self, gateway: Gateway, operation: Operation) -> str | None:
        """Change it, and say what waits."""
        super().call(gateway, operation)
        waiting = [row for row in gateway.pending(self.node(operation), *operation.guest) if row.key in SIZES]
        sentence = _("%(key)s: %(now)s until the next restart, then %(then)s.")
        lines = [sentence % {"key": row.key, "now": row.value or "–", "then": row.pending or "–"} for row in waiting]
        operation.note(log=operation.log + "".join(f"{line}\n" for line in lines))
        return None


class Grow(Stage):
    """A disk to a size."""

    title = gettext_noop("Grow the disk")

    @property
    def tasks(self) -> frozenset[str]:
        """Both kinds call it so."""
        return frozenset({"resize"})

    def needed(self, operation: Operation) -> bool:
        """Whether a disk was named."""
        return bool(operation.parameters.get("disk"))

    def call(self, gateway: Gateway, operation: Operation) -> str | None:
        """Returns the UPID."""
        disk, size = operation.parameters["disk"], operation.parameters["size"]
        return gateway.resize(self.node(operation), *operation.guest, disk, size)


def _check_words(server: Server, parameters: Mapping[str, Any]) -> None:
    something(parameters, *WORDS)
    changes_of({name: parameters[name] for name in WORDS if name in parameters})


def _check_sizes(server: Server, parameters: Mapping[str, Any]) -> None:
    something(parameters, *SIZES, "disk")
    if server.kind == Kind.LXC and "sockets" in parameters:
        raise Invalid({"sockets": _("A container has no sockets: give it cores.")})
    changes_of({name: parameters[name] for name in SIZES if name in parameters})
    if "disk" not in parameters:
        return
    size = str(parameters.get("size", ""))
    if size.startswith("+"):
        raise Invalid({"size": _("Say how large the disk shall be in all, such as 40G.")})
    for name, value, judge in (("disk", parameters["disk"], formats.disk), ("size", size, formats.growth)):
        try:
            judge(value)
        except ValueError as problem:
            raise Invalid({name: str(problem)}) from None


PLANS: Final = (
    Plan(Action.CHANGE, (Configure(),), right="configure", check=_check_words),
    Plan(Action.RESIZE, (Size(), Grow()), right="configure", check=_check_sizes),
)
