"""What is asked about one guest, storage or node: for forms that open, and before and after a write."""

from collections.abc import Callable

from servers.proxmox import answers, config_answers, detail_answers, formats
from servers.proxmox.calls import Calls, guest_path
from servers.proxmox.details import (
    Appliance,
    Bridge,
    GuestConfig,
    GuestState,
    HaResource,
    JobFacts,
    MigrationCheck,
    PendingChange,
    SnapshotFacts,
    StorageSpace,
    VolumeFacts,
)
from servers.proxmox.errors import Invalid, Refused
from servers.proxmox.formats import segment
from servers.proxmox.parts import Values


def checked(field: str, value: str, *judges: Callable[[str], None]) -> str:
    """The value, or Invalid naming the field: what a person typed never reaches a path unchecked."""
    try:
        for judge in judges:
            judge(value)
    except ValueError as problem:
        raise Invalid({field: str(problem)}) from None
    return value


class DetailReads(Calls):
    """Reads of one thing. Part of the gateway."""

    def next_id(self, wanted: int | None = None) -> int:
        """A free id, which Proxmox does not reserve. With ``wanted``: that one, or ParametersRefused if it is taken."""
        given: Values = {} if wanted is None else {"vmid": wanted}
        found = self.get("cluster/nextid", **given)
        return answers.identifier(found)

    def config(self, node: str, kind: str, vmid: int, *, current: bool = False, snapshot: str = "") -> GuestConfig:
        """The configuration as it will be; ``current`` as it is in force; ``snapshot`` as it was then."""
        given: Values = {"current": 1} if current else {}
        if snapshot:
            given["snapshot"] = checked("snapname", snapshot, formats.snapshot_name)
        return config_answers.guest_config(self.get(f"{guest_path(node, kind, vmid)}/config", **given))

    def saved_config(self, node: str, volume: str) -> GuestConfig:
        """The configuration that lies in a backup; its ``digest`` is ''. Needs the rights of a restore."""
        volid = checked("archive", volume, formats.volume_id)
        path = f"nodes/{segment(node)}/vzdump/extractconfig"
        return config_answers.saved_config(self.get(path, volume=volid))

    def pending(self, node: str, kind: str, vmid: int) -> list[PendingChange]:
        """The changes that wait for a restart."""
        return detail_answers.pending(self.get(f"{guest_path(node, kind, vmid)}/pending"))

    def guest_state(self, node: str, kind: str, vmid: int) -> GuestState:
        """What the guest is at this moment, with its lock. Raises GuestMissing where it is not on that node."""
        return detail_answers.guest_state(self.get(f"{guest_path(node, kind, vmid)}/status/current"))

    def snapshots(self, node: str, kind: str, vmid: int) -> list[SnapshotFacts]:
        """The guest's snapshots, the oldest first."""
        return detail_answers.snapshots(self.get(f"{guest_path(node, kind, vmid)}/snapshot"))

    def can_snapshot(self, node: str, kind: str, vmid: int) -> bool:
        """Whether all of the guest's disks can have snapshots."""
        data = self.get(f"{guest_path(node, kind, vmid)}/feature", feature="snapshot")
        return answers.flag(answers.mapping(data, "…/feature").get("hasFeature"))

    def migration_check(self, node: str, kind: str, vmid: int, target: str = "") -> MigrationCheck:
        """What stands against moving the guest. Proxmox VE 8 does not tell it of containers: ``asked`` is False."""
        given: Values = {"target": checked("target", target, formats.node_name)} if target else {}
        try:
            return detail_answers.migration(self.get(f"{guest_path(node, kind, vmid)}/migrate", **given))
        except Refused as refusal:
            if refusal.status != 501:
                raise
            return MigrationCheck(False, (), {}, (), (), asked=False)

    def storages(self, node: str, content: str = "") -> list[StorageSpace]:
        """The storages that the node has, with their space; only those for ``images``, ``rootdir``, ``backup`` …"""
        given: Values = {"content": checked("content", content, formats.config_id)} if content else {}
        return detail_answers.storages(self.get(f"nodes/{segment(node)}/storage", slow=True, **given))

    def volumes(self, node: str, storage: str, content: str = "", vmid: int | None = None) -> list[VolumeFacts]:
        """What lies on a storage: ``vztmpl``, ``iso``, ``images``, ``backup`` …, of all guests or of one."""
        given: Values = {"content": checked("content", content, formats.config_id)} if content else {}
        if vmid is not None:
            given["vmid"] = vmid
        path = f"nodes/{segment(node)}/storage/{segment(storage)}/content"
        return detail_answers.volumes(self.get(path, slow=True, **given))

    def bridges(self, node: str) -> list[Bridge]:
        """The bridges that a guest's network card can hang on."""
        return detail_answers.bridges(self.get(f"nodes/{segment(node)}/network", type="any_bridge"))

    def appliances(self, node: str) -> list[Appliance]:
        """The container templates that Proxmox offers for download."""
        return detail_answers.appliances(self.get(f"nodes/{segment(node)}/aplinfo"))

    def backup_jobs(self) -> list[JobFacts]:
        """The cluster's backup jobs. Raises NotAllowed without Sys.Audit on ``/``."""
        return detail_answers.jobs(self.get("cluster/backup"))

    def ha_resources(self) -> list[HaResource]:
        """The guests that high availability keeps."""
        return detail_answers.ha_resources(self.get("cluster/ha/resources"))
