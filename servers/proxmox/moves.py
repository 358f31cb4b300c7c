"""Orders that move, save and bring back guests: migrate, back up, restore, and the jobs that back up by themselves.

Sources: Proxmox VE's API schema 8.4 and 9.1, and live servers of 8.4 and 9.2.
"""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from servers.proxmox import formats
from servers.proxmox.orders import MODES
from servers.proxmox.parts import Checks, Values, filled


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrateOrder:
    """To another node. A running VM needs ``online``, a running container ``restart``; ``local_disks`` lets an online
    VM take its local disks along; ``storage`` is where they go there."""

    target: str
    online: bool = False
    restart: bool = False
    local_disks: bool = False
    storage: str = ""
    timeout: int | None = None  # seconds that a container has to shut down
    bandwidth: int | None = None  # KiB/s

    def __post_init__(self) -> None:
        checks = Checks().unless(self.target, "target", _("Choose a node."))
        checks.that("target", self.target, formats.node_name).that("targetstorage", self.storage, formats.storage_id)
        checks.done()

    def parameters(self, kind: str) -> Values:
        """As ``POST …/migrate`` of that kind of guest takes them."""
        values: dict[str, object] = {"target": self.target, "bwlimit": self.bandwidth}
        if kind == "qemu":
            values |= {
                "online": self.online or None, "with-local-disks": self.local_disks or None,
                "targetstorage": self.storage,
            }  # fmt: skip
        else:
            values |= {"restart": self.restart or None, "target-storage": self.storage}
            values["timeout"] = self.timeout if self.restart else None
        return filled(values)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupOrder:
    """A backup now, of guests on one node. ``keep`` prunes afterwards (``{"keep-last": 3}``) and needs
    Datastore.Allocate on the storage; without it nothing is pruned. ``notes`` may hold ``{{guestname}}``."""

    vmids: tuple[int, ...]
    storage: str
    mode: str = "snapshot"
    compress: str = "zstd"
    notes: str = ""
    protected: bool = False
    keep: dict[str, int] | None = None

    def __post_init__(self) -> None:
        checks = Checks().each("vmid", self.vmids, formats.guest_id).that("storage", self.storage, formats.storage_id)
        checks.unless(self.vmids, "vmid", _("Choose a server.")).unless(self.storage, "storage", _("Choose a storage."))
        checks.unless(self.mode in MODES, "mode", _("Choose snapshot, suspend or stop."))
        wrong = _("Choose zstd, gzip, lzo or 0 for none.")
        checks.unless(self.compress in ("0", "gzip", "lzo", "zstd", ""), "compress", wrong)
        checks.that("notes-template", self.notes, formats.one_line).done()

    def parameters(self) -> Values:
        """As ``POST /nodes/N/vzdump`` takes them."""
        values = {
            "vmid": ",".join(str(vmid) for vmid in self.vmids), "storage": self.storage, "mode": self.mode,
            "compress": self.compress, "notes-template": self.notes, "protected": self.protected or None,
            "prune-backups": keep_text(self.keep), "remove": bool(self.keep),
        }  # fmt: skip
        return filled(values)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreOrder:
    """A backup brought back: as a new guest, or over the guest of that id with ``overwrite`` (it must be stopped).
    ``unique`` gives new hardware addresses, for a copy beside the original. ``storage`` '' is that of the backup."""

    vmid: int
    volume: str
    storage: str = ""
    overwrite: bool = False
    unique: bool = False
    start: bool | None = None
    pool: str = ""

    def __post_init__(self) -> None:
        checks = Checks().that("vmid", self.vmid, formats.guest_id).that("archive", self.volume, formats.volume_id)
        checks.unless(self.volume, "archive", _("Choose a backup."))
        checks.that("storage", self.storage, formats.storage_id).that("pool", self.pool, formats.pool_id).done()

    def parameters(self, kind: str) -> Values:
        """As ``POST /nodes/N/qemu`` or ``…/lxc`` takes them."""
        values = {
            "vmid": self.vmid, "archive" if kind == "qemu" else "ostemplate": self.volume, "storage": self.storage,
            "force": self.overwrite or None, "unique": self.unique or None, "pool": self.pool, "start": self.start,
        }  # fmt: skip
        return filled(values) | ({} if kind == "qemu" else {"restore": 1})


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOrder:
    """A backup job, or changes of one: what is None stays. ``vmids``, ``pool`` or ``everything`` names the guests."""

    schedule: str | None = None
    storage: str | None = None
    vmids: tuple[int, ...] | None = None
    everything: bool | None = None
    exclude: tuple[int, ...] | None = None
    pool: str | None = None
    mode: str | None = None
    compress: str | None = None
    enabled: bool | None = None
    comment: str | None = None
    notes: str | None = None
    keep: dict[str, int] | None = None
    delete: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        checks = Checks().each("vmid", self.vmids or (), formats.guest_id)
        checks.each("exclude", self.exclude or (), formats.guest_id).that("pool", self.pool, formats.pool_id)
        checks.that("storage", self.storage, formats.storage_id).that("comment", self.comment, formats.one_line)
        checks.unless(self.mode in (None, *MODES), "mode", _("Choose snapshot, suspend or stop."))
        checks.each("delete", self.delete, formats.config_id).done()

    def parameters(self) -> Values:
        """As ``/cluster/backup`` takes them."""
        values = {
            "schedule": self.schedule, "storage": self.storage, "vmid": _ids(self.vmids), "all": self.everything,
            "exclude": _ids(self.exclude), "pool": self.pool, "mode": self.mode, "compress": self.compress,
            "enabled": self.enabled, "comment": self.comment, "notes-template": self.notes,
            "prune-backups": keep_text(self.keep), "delete": ",".join(self.delete),
        }  # fmt: skip
        return filled(values)


def _ids(vmids: tuple[int, ...] | None) -> str | None:
    return None if vmids is None else ",".join(str(vmid) for vmid in vmids)


def keep_text(keep: dict[str, int] | None) -> str:
    """``keep-last=3,keep-daily=7``. Raises Invalid for a word that Proxmox does not know."""
    words = {f"keep-{word}" for word in ("last", "hourly", "daily", "weekly", "monthly", "yearly", "all")}
    checks = Checks().unless(
        set(keep or {}) <= words, "prune-backups", _("Say what is kept as keep-last, keep-daily …")
    )
    checks.done()
    return ",".join(f"{name}={int(count)}" for name, count in (keep or {}).items())
