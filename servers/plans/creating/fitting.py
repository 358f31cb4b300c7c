"""What a new guest is told to be, and its first start."""

from collections.abc import Mapping

from django.utils.translation import gettext_noop

from servers.models import Action, Operation, ServerStatus
from servers.plans.creating import orders
from servers.plans.creating.marking import TEMPLATE, OfNew, how
from servers.proxmox.gateway import Gateway

GIB = 1024**3


class Configure(OfNew):
    """Cores, memory, network, cloud-init, tags: one change, which may be repeated."""

    title = gettext_noop("Configure it")

    def needed(self, operation: Operation) -> bool:
        """A container from a template was told everything when it was made."""
        return how(operation) != TEMPLATE

    def call(self, gateway: Gateway, operation: Operation) -> str | None:
        """Change it."""
        gateway.change(self.node(operation), *operation.guest, orders.configuration(operation))
        return None


class Grow(OfNew):
    """Its disk to the size that was wished for; never by a size, so that twice is once."""

    title = gettext_noop("Grow the disk")

    @property
    def tasks(self) -> frozenset[str]:
        """Both kinds call it so."""
        return frozenset({"resize"})

    def needed(self, operation: Operation) -> bool:
        """Where a size was said; a container from a template was made with it."""
        return bool(operation.parameters.get("disk_gib")) and how(operation) != TEMPLATE

    def call(self, gateway: Gateway, operation: Operation) -> str | None:
        """The UPID, or None where it is large enough."""
        node, wanted = self.node(operation), int(operation.parameters["disk_gib"])
        disks = gateway.config(node, *operation.guest).disks
        name = operation.parameters.get("disk") or first_disk(list(disks))
        if not name or name not in disks or (disks[name].size or 0) >= wanted * GIB:
            return None
        return gateway.resize(node, *operation.guest, name, f"{wanted}G")


def first_disk(names: list[str]) -> str:
    """The disk that a guest boots from, most likely; '' where there is none."""
    for prefix in ("rootfs", "scsi0", "virtio0", "sata0", "ide0"):
        if prefix in names:
            return prefix
    return ""


class AddDisk(OfNew):
    """A second disk. The same change twice would make two: it is looked first whether the first one arrived."""

    title = gettext_noop("Add the second disk")

    def needed(self, operation: Operation) -> bool:
        """Where one was wished for."""
        return bool(operation.parameters.get("second_disk_gib"))

    def call(self, gateway: Gateway, operation: Operation) -> str | None:
        """Change it, unless the disk is there."""
        node = self.node(operation)
        config = gateway.config(node, *operation.guest)
        name = operation.kept.get("second_disk") or _free_place(operation.kind, config.values)
        if name in config.values:
            return None
        operation.note(kept={**operation.kept, "second_disk": name})
        gateway.change(node, *operation.guest, orders.second_disk(operation, name, config.digest))
        return None


def _free_place(kind: str, values: Mapping[str, str]) -> str:
    places = (f"mp{n}" for n in range(256)) if kind == "lxc" else (f"scsi{n}" for n in range(1, 31))
    return next(name for name in places if name not in values)


class FirstStart(OfNew):
    """Its first start."""

    title = gettext_noop("Start it")

    @property
    def tasks(self) -> frozenset[str]:
        """The start."""
        return frozenset({"{}start"})

    def needed(self, operation: Operation) -> bool:
        """Unless it is to stay off."""
        return bool(operation.parameters.get("start", True))

    def call(self, gateway: Gateway, operation: Operation) -> str | None:
        """The UPID; None where it runs already."""
        node = self.node(operation)
        if gateway.guest_state(node, *operation.guest).status == ServerStatus.RUNNING:
            return None
        return gateway.power(node, *operation.guest, Action.START)
