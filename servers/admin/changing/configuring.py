"""The forms for name, tags, description and protection, and for CPU, memory and disk."""

import math
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.lib import show
from servers.admin.changing.base import ActionForm, choice, lines, number, text, tick
from servers.models import Kind
from servers.proxmox import formats
from servers.proxmox.details import Disk

GIB: Final = 1024**3


class ChangeForm(ActionForm):
    """What it is called, and what is said of it in Proxmox."""

    asked = ("config",)

    name = text(gettext_lazy("Name"), help_text=gettext_lazy("A host name: letters a-z, digits, hyphens and dots."))
    tags = text(gettext_lazy("Tags"), required=False, help_text=gettext_lazy("Separated by spaces."))
    description = lines(gettext_lazy("Description"), help_text=gettext_lazy("The notes that Proxmox shows."), rows=4)
    protection = tick(
        gettext_lazy("Protected"), help_text=gettext_lazy("Proxmox refuses to delete it and its disks while it is.")
    )

    def prepare(self) -> None:
        """The values of now."""
        if config := self.found.config:
            self.initial = {
                "name": config.name, "tags": " ".join(config.tags), "description": config.description.rstrip("\n"),
                "protection": config.protection, **self.initial,
            }  # fmt: skip

    def clean_tags(self) -> str:
        """One by one."""
        typed = str(self.cleaned_data["tags"]).replace(",", " ").replace(";", " ").split()
        for word in typed:
            try:
                formats.tag(word)
            except ValueError as problem:
                raise ValidationError(str(problem)) from None
        return " ".join(typed)

    def parameters(self) -> dict[str, Any]:
        """What differs from now: what nobody touched is not sent."""
        config, given = self.found.config, self.cleaned_data
        if config is None:
            return {}
        now = {"name": config.name, "description": config.description.rstrip("\n"), "protection": config.protection}
        found: dict[str, Any] = {
            name: given[name] for name, value in now.items() if str(given[name]).replace("\r\n", "\n") != str(value)
        }
        tags = str(given["tags"]).split()
        return found | ({"tags": tags} if sorted(tags) != sorted(config.tags) else {})


class ResizeForm(ActionForm):
    """How much of what it has."""

    asked = ("config", "pending")

    cores = number(gettext_lazy("Cores"), least=1, most=8192, required=False)
    sockets = number(gettext_lazy("Sockets"), least=1, most=4, required=False)
    memory = number(gettext_lazy("Memory (MiB)"), least=16, most=4_194_304)
    swap = number(gettext_lazy("Swap (MiB)"), least=0, most=4_194_304, required=False)
    disk = choice(gettext_lazy("Disk to grow"), required=False)
    size = number(
        gettext_lazy("New size (GiB)"), least=1, most=1_048_576, required=False,
        help_text=gettext_lazy("A disk only grows. Its partitions and file systems are grown within the server."),
    )  # fmt: skip

    def prepare(self) -> None:
        """The values of now, and its disks."""
        del self.fields["swap" if self.server.kind == Kind.QEMU else "sockets"]
        config = self.found.config
        if config is None:
            return
        now = {"cores": config.cores, "sockets": config.sockets, "memory": config.memory, "swap": config.swap}
        self.initial = {**now, **self.initial}
        words = _("%(name)s on %(storage)s: %(size)s")
        choices = [
            (disk.name, words % {"name": disk.name, "storage": disk.storage, "size": show.size(disk.size)})
            for disk in self.disks().values()
        ]
        self.choose("disk", [("", _("none: the disks stay as they are")), *choices])

    def take(self, parameters: Any) -> None:
        """The size without its unit."""
        size = str(parameters.get("size", "")).removesuffix("G")
        super().take({**parameters, "size": size} if size else parameters)

    def disks(self) -> dict[str, Disk]:
        """Those that can grow."""
        config = self.found.config
        every = config.disks if config else {}
        return {
            name: disk for name, disk in every.items()
            if not (disk.cdrom or disk.cloud_init or name.startswith(("unused", "efidisk", "tpmstate")))
        }  # fmt: skip

    def points(self) -> list[Any]:
        """What waits already, and what a restart is needed for."""
        words = _("Waits for a restart since earlier: %(key)s from %(now)s to %(then)s.")
        waiting = [
            words % {"key": row.key, "now": row.value or "–", "then": row.pending or "–"} for row in self.found.pending
        ]
        if self.server.kind == Kind.QEMU and self.server.status != "stopped":
            waiting.append(_("It runs: more cores or memory may wait for its next restart. The log says so then."))
        return waiting

    def clean(self) -> dict[str, Any]:
        """A disk needs a size, and a size a disk."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        disk, size = self.disks().get(given.get("disk", "")), given.get("size")
        if size and not given.get("disk"):
            self.add_error("disk", _("Choose the disk that shall have this size."))
        if given.get("disk") and not size and "size" not in self.errors:
            self.add_error("size", _("Say how large it shall be."))
        if disk and disk.size and size and size * GIB <= disk.size:
            sentence = _("It has %(now)s and can only grow: write more than %(least)d.")
            self.add_error("size", sentence % {"now": show.size(disk.size), "least": math.floor(disk.size / GIB)})
        return given

    def parameters(self) -> dict[str, Any]:
        """What differs from now."""
        config, given = self.found.config, self.cleaned_data
        if config is None:
            return {}
        names = [name for name in ("cores", "sockets", "memory", "swap") if given.get(name) is not None]
        found = {name: given[name] for name in names if given[name] != getattr(config, name)}
        return found | ({"disk": given["disk"], "size": f"{given['size']}G"} if given.get("disk") else {})
