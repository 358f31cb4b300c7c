"""What changes guests: one method per call of Proxmox. A UPID means queued, not done.

The same mistake is a refusal at once with one call and the end of the task with another (``refusals.of_task`` judges
that text), so a caller handles both. Behaviour is that of live servers of 8.4 and 9.2.
"""

from django.utils.translation import gettext as _

from servers.proxmox import answers, formats
from servers.proxmox.calls import Calls, guest_path
from servers.proxmox.errors import NothingStarted
from servers.proxmox.formats import segment
from servers.proxmox.moves import BackupOrder, MigrateOrder, RestoreOrder
from servers.proxmox.orders import Changes, CloneOrder, ContainerOrder, VmOrder
from servers.proxmox.parts import Values
from servers.proxmox.reads import checked


class GuestWrites(Calls):
    """Writes to guests. Part of the gateway."""

    def create_vm(self, node: str, order: VmOrder) -> str:
        """Make an empty VM. Returns the UPID. Raises AlreadyThere if the id is taken. With ``start`` the task ends
        before the VM runs: the start is a task of its own."""
        return answers.upid(self.post(f"nodes/{segment(node)}/qemu", **self._known(order.parameters())))

    def create_container(self, node: str, order: ContainerOrder) -> str:
        """Make a container from a template. Returns the UPID. Raises AlreadyThere if the id is taken."""
        return answers.upid(self.post(f"nodes/{segment(node)}/lxc", **order.parameters()))

    def clone(self, node: str, kind: str, vmid: int, order: CloneOrder) -> str:
        """Make a guest from another. Returns the UPID of a task on the source's node. Raises AlreadyThere if the id is
        taken by a guest of the same kind; if by one of the other kind, a VM's task fails with a text that
        ``refusals.of_task`` knows. Until it ends the new guest has ``lock: clone`` and takes no change."""
        return answers.upid(self.post(f"{guest_path(node, kind, vmid)}/clone", **order.parameters(kind)))

    def change(self, node: str, kind: str, vmid: int, changes: Changes) -> None:
        """Change the configuration, and wait for it. What cannot take effect while the guest runs waits as pending.
        Raises ParametersRefused, also where a change stays as pending although it was refused (``hotplug problem``),
        Locked, and Refused ``checksum mismatch`` for an old digest."""
        self.put(f"{guest_path(node, kind, vmid)}/config", **self._known(changes.parameters(kind)))

    def change_vm(self, node: str, vmid: int, changes: Changes) -> str | None:
        """The same as a task, for VMs only. Returns the UPID, or None where there was nothing to wait for."""
        path = f"{guest_path(node, 'qemu', vmid)}/config"
        return _upid_or_none(self.post(path, **self._known(changes.parameters("qemu"))))

    def resize(self, node: str, kind: str, vmid: int, disk: str, size: str) -> str | None:
        """Grow a disk to ``32G`` or by ``+10G``. Returns the UPID (None on 7.x, where it is done then). Shrinking and
        unknown disks are errors of the task."""
        given: Values = {"disk": checked("disk", disk, formats.disk), "size": checked("size", size, formats.growth)}
        return _upid_or_none(self.put(f"{guest_path(node, kind, vmid)}/resize", **given))

    def regenerate_cloud_init(self, node: str, vmid: int) -> None:
        """Write the cloud-init drive anew with the settings of now."""
        self.put(f"{guest_path(node, 'qemu', vmid)}/cloudinit")

    def unlink_disks(self, node: str, vmid: int, disks: tuple[str, ...], *, destroy: bool = False) -> None:
        """Take disks off a VM; ``destroy`` removes their volumes too."""
        names = ",".join(checked("idlist", disk, formats.disk) for disk in disks)
        self.put(f"{guest_path(node, 'qemu', vmid)}/unlink", idlist=names, **_forced(destroy))

    def make_template(self, node: str, kind: str, vmid: int) -> str | None:
        """Turn a stopped guest without snapshots into a template, for good. Returns the UPID; None for a container,
        which is one then."""
        return _upid_or_none(self.post(f"{guest_path(node, kind, vmid)}/template"))

    def migrate(self, node: str, kind: str, vmid: int, order: MigrateOrder) -> str:
        """Move a guest. Returns the UPID; of an HA guest that of a request, which the guest follows later."""
        return answers.upid(self.post(f"{guest_path(node, kind, vmid)}/migrate", **order.parameters(kind)))

    def delete_guest(self, node: str, kind: str, vmid: int, *, purge: bool = True, unreferenced: bool = True) -> str:
        """Destroy a stopped guest. Returns the UPID. ``purge`` removes it from jobs and HA too, ``unreferenced`` the
        disks that its configuration does not name. Raises Refused while it runs or is protected."""
        given: Values = {"purge": formats.flag(purge), "destroy-unreferenced-disks": formats.flag(unreferenced)}
        return answers.upid(self.delete(guest_path(node, kind, vmid), **given))

    # --- snapshots

    def snapshot(  # noqa: PLR0913 - the guest and the snapshot
        self, node: str, kind: str, vmid: int, name: str, *, description: str = "", memory: bool = False
    ) -> str:
        """Take a snapshot; ``memory`` with the RAM of a running VM. Returns the UPID."""
        given: Values = {"snapname": checked("snapname", name, formats.snapshot_name)}
        if description:
            given["description"] = description
        if memory and kind == "qemu":
            given["vmstate"] = 1
        return answers.upid(self.post(f"{guest_path(node, kind, vmid)}/snapshot", **given))

    def describe_snapshot(self, node: str, kind: str, vmid: int, name: str, description: str) -> None:
        """Change what is said of a snapshot."""
        self.put(f"{_snapshot(node, kind, vmid, name)}/config", description=description)

    def rollback(self, node: str, kind: str, vmid: int, name: str, *, start: bool = False) -> str:
        """Go back to a snapshot. Returns the UPID. Without its RAM a running guest is stopped by it; ``start`` starts
        it again."""
        given: Values = {"start": 1} if start else {}
        return answers.upid(self.post(f"{_snapshot(node, kind, vmid, name)}/rollback", **given))

    def delete_snapshot(self, node: str, kind: str, vmid: int, name: str, *, force: bool = False) -> str:
        """Remove a snapshot. Returns the UPID. ``force`` removes it from the configuration even where a disk
        fails."""
        return answers.upid(self.delete(_snapshot(node, kind, vmid, name), **_forced(force)))

    # --- backups

    def back_up(self, node: str, order: BackupOrder) -> str:
        """Back up guests that are on that node. Returns the UPID. Raises NothingStarted where none of them is: Proxmox
        answers "OK" then and makes no backup. Of several guests, those elsewhere are left out without a word."""
        data = self.post(f"nodes/{segment(node)}/vzdump", **order.parameters())
        if data == "OK":
            raise NothingStarted(
                _("Proxmox made no backup: the server is not on node %(node)s.") % {"node": node},
                _("It may have moved. Synchronize the cluster and try again."),
            )
        return answers.upid(data)

    def restore(self, node: str, kind: str, order: RestoreOrder) -> str:
        """Bring a backup back. Returns the UPID. Raises AlreadyThere where the id is taken and ``overwrite`` not said.
        A restore that fails leaves an empty guest with the id (``config(…).empty``): delete it."""
        return answers.upid(self.post(f"nodes/{segment(node)}/{segment(kind)}", **order.parameters(kind)))

    def cancel_task(self, upid: str) -> None:
        """Ask a running task to end. A cancelled clone removes its half-made guest, a cancelled backup its lock."""
        self.delete(f"nodes/{segment(upid.split(':')[1])}/tasks/{segment(upid)}")

    # --- help

    def _known(self, parameters: Values) -> Values:
        """The parameters, or Invalid for one that the cluster's version does not know."""
        if "ciupgrade" in parameters and answers.version(self.get("version")).startswith("7."):
            checked("ciupgrade", "", _too_old)
        return parameters


def _too_old(value: str) -> None:
    raise ValueError(_("Proxmox VE 7 cannot be told whether to upgrade packages at the first start. Leave it open."))


def _snapshot(node: str, kind: str, vmid: int, name: str) -> str:
    return f"{guest_path(node, kind, vmid)}/snapshot/{checked('snapname', name, formats.snapshot_name)}"


def _upid_or_none(data: object) -> str | None:
    return None if data is None else answers.upid(data)


def _forced(wanted: bool) -> Values:
    return {"force": 1} if wanted else {}
