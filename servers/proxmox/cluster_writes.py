"""What changes storages' volumes, backup jobs, high availability and templates: one method per call of Proxmox."""

from django.utils.translation import gettext as _

from servers.proxmox import answers, formats
from servers.proxmox.calls import Calls
from servers.proxmox.errors import Invalid
from servers.proxmox.formats import segment
from servers.proxmox.moves import JobOrder
from servers.proxmox.parts import Values
from servers.proxmox.reads import checked

HA_STATES = ("started", "stopped", "disabled", "ignored")


class ClusterWrites(Calls):
    """Writes to what is not a guest. Part of the gateway."""

    def delete_volume(self, node: str, volume: str) -> str | None:
        """Remove a backup or another volume. Returns the UPID (None where Proxmox was done at once). A protected one is
        refused by the task; one that is gone is deleted with success."""
        data = self.delete(_volume_path(node, volume))
        return None if data is None else answers.upid(data)

    def edit_volume(self, node: str, volume: str, *, notes: str | None = None, protected: bool | None = None) -> None:
        """Change a backup's notes or its protection."""
        given: Values = {} if notes is None else {"notes": notes}
        if protected is not None:
            given["protected"] = formats.flag(protected)
        self.put(_volume_path(node, volume), **given)

    def create_backup_job(self, name: str, order: JobOrder) -> None:
        """Add a backup job. Raises AlreadyThere if there is one of that id, ParametersRefused for a wrong schedule."""
        self.post("cluster/backup", id=checked("id", name, formats.config_id), **order.parameters())

    def change_backup_job(self, name: str, order: JobOrder) -> None:
        """Change a backup job; what the order leaves None stays."""
        self.put(f"cluster/backup/{checked('id', name, formats.config_id)}", **order.parameters())

    def delete_backup_job(self, name: str) -> None:
        """Remove a backup job."""
        self.delete(f"cluster/backup/{checked('id', name, formats.config_id)}")

    def add_ha_resource(self, kind: str, vmid: int, *, state: str = "started", comment: str = "") -> None:
        """Let high availability keep a guest. Raises AlreadyThere if it does. Comments come back garbled unless they
        are ASCII, so others are refused here."""
        if state not in HA_STATES:
            raise Invalid({"state": _("Choose started, stopped, disabled or ignored.")})
        if not comment.isascii():
            raise Invalid({"comment": _("Proxmox garbles comments of HA resources that are not ASCII.")})
        given: Values = {"sid": sid(kind, vmid), "state": state} | ({"comment": comment} if comment else {})
        self.post("cluster/ha/resources", **given)

    def remove_ha_resource(self, kind: str, vmid: int) -> None:
        """Take a guest out of high availability; it stays as it is. Raises Refused if it is not managed."""
        self.delete(f"cluster/ha/resources/{sid(kind, vmid)}")

    def download_appliance(self, node: str, storage: str, template: str) -> str:
        """Fetch a container template to a storage. Returns the UPID."""
        given: Values = {"storage": checked("storage", storage, formats.storage_id)}
        given["template"] = checked("template", template, lambda name: formats.volume_id(f"local:{name}"))
        return answers.upid(self.post(f"nodes/{segment(node)}/aplinfo", **given))


def sid(kind: str, vmid: int) -> str:
    """How high availability calls a guest: ``vm:100`` or ``ct:101``."""
    return f"{'vm' if kind == 'qemu' else 'ct'}:{vmid:d}"


def _volume_path(node: str, volume: str) -> str:
    checked("volume", volume, formats.volume_id)
    return f"nodes/{segment(node)}/storage/{volume.partition(':')[0]}/content/{volume}"
