"""The forms for moving a server and for deleting it."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from servers.admin.changing.base import ActionForm, choice, text, tick
from servers.models import Kind, Node, NodeStatus, ServerStatus, Storage
from servers.plans.removing import typed_name


class MigrateForm(ActionForm):
    """Where to. The preconditions stand above: who may take it, who not and why."""

    asked = ("check",)

    target = choice(gettext_lazy("To node"))
    storage = choice(
        gettext_lazy("Storage there"), required=False,
        help_text=gettext_lazy("For disks that do not lie on a shared storage."),
    )  # fmt: skip
    local_disks = tick(gettext_lazy("Take its local disks along"), initial=True)
    restart = tick(
        gettext_lazy("It may be restarted"),
        help_text=gettext_lazy("A running container is shut down and started there."),
    )

    def prepare(self) -> None:
        """The nodes that may take it."""
        check, vm = self.found.check, self.server.kind == Kind.QEMU
        running = self.server.status != ServerStatus.STOPPED
        others = Node.objects.filter(cluster=self.server.cluster_id, retired_at=None).exclude(
            pk=self.server.node_id or 0
        )
        self.others = {node.name: node for node in others.order_by("name")}
        online = [name for name, node in self.others.items() if node.status == NodeStatus.ONLINE]
        allowed = [name for name in online if name in check.nodes] if check and check.asked and check.nodes else online
        if check and check.asked:
            allowed = [name for name in allowed if not check.refused.get(name)]
        self.allowed = allowed
        self.choose("target", [(name, name) for name in self.allowed])
        self.choose("storage", [("", _("one of the same name")), *self._storages()])
        if not (vm and running and check and check.local_disks):
            del self.fields["local_disks"]
        if vm or not running:
            del self.fields["restart"]

    def _storages(self) -> list[tuple[str, str]]:
        holds = "images" if self.server.kind == Kind.QEMU else "rootdir"
        rows = Storage.objects.filter(cluster=self.server.cluster_id, retired_at=None, content__contains=holds)
        return [(name, name) for name in sorted(set(rows.values_list("name", flat=True)))]

    def points(self) -> list[Any]:
        """How it moves, what goes along, and why some nodes are not offered."""
        check = self.found.check
        found = [self._manner()]
        if check and check.local_disks:
            found.append(_("Its local disks are copied: %(disks)s.") % {"disks": ", ".join(check.local_disks)})
        refused = check.refused if check else {}
        for name, node in self.others.items():
            if name in self.allowed:
                continue
            why = refused.get(name) or (
                _("it is not online") if node.status != NodeStatus.ONLINE else _("Proxmox says no")
            )
            found.append(_("Not to %(node)s: %(why)s.") % {"node": name, "why": why})
        return found

    def _manner(self) -> str:
        if self.server.status == ServerStatus.STOPPED:
            return _("It is stopped: its configuration moves, and disks that are not shared are copied.")
        if self.server.kind == Kind.QEMU:
            return _("It runs and goes on running: its memory is copied while it works.")
        return _("It runs: a container is shut down here and started there.")

    def obstacle(self) -> str:
        """What keeps it where it is."""
        check = self.found.check
        if check and check.local_resources:
            names = ", ".join(check.local_resources)
            return _("It uses devices of its node and stays there: %(names)s.") % {"names": names}
        return "" if self.allowed else _("No other node can take it now.")


class DeleteForm(ActionForm):
    """Its name has to be typed."""

    asked = ("config",)
    danger = True

    confirm = text(gettext_lazy("Its name"))
    stop = tick(gettext_lazy("Stop it first"), help_text=gettext_lazy("It runs. The plug is pulled."))
    purge = tick(
        gettext_lazy("Take it out of backup jobs, replication and high availability"), initial=True,
    )  # fmt: skip

    def prepare(self) -> None:
        """Which name."""
        words = _("Type “%(name)s” to delete it.")
        self.fields["confirm"].help_text = words % {"name": typed_name(self.server)}
        if self.server.status == ServerStatus.STOPPED:
            del self.fields["stop"]

    def points(self) -> list[Any]:
        """What is lost, and what stays."""
        return [
            _("It and all of its disks and snapshots are removed from Proxmox. This cannot be undone."),
            _("Its backups stay on their storages, and its history stays here."),
        ]

    def obstacle(self) -> str:
        """Protected."""
        if self.found.config and self.found.config.protection:
            return _("It is protected: take the protection away first (“Change”).")
        return ""

    def parameters(self) -> dict[str, Any]:
        """With the unticked box said aloud."""
        return super().parameters() | {"purge": bool(self.cleaned_data["purge"])}
