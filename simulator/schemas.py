"""The parameters of calls that write a guest's configuration: those of the API schema that a portal may use.

Names with ``[n]`` stand for numbered ones.
"""

from __future__ import annotations

from dataclasses import replace

from simulator import formats
from simulator.params import COUNT, FLAG, NUMBER, TEXT, VMID, Param, Schema, choice, required

CORES = Param("integer", minimum=1)
DRIVES = {f"{bus}[n]": formats.DRIVE for bus in ("scsi", "sata", "ide", "virtio", "unused")}
COMMON: Schema = {
    "description": TEXT, "tags": formats.TAGS, "onboot": FLAG, "protection": FLAG, "cores": CORES, "startup": TEXT,
    "cpulimit": NUMBER, "cpuunits": COUNT, "net[n]": formats.NET, "nameserver": TEXT, "searchdomain": TEXT,
    "hookscript": TEXT, "ostype": TEXT, "lock": TEXT, "template": FLAG, "arch": TEXT,
}  # fmt: skip
VM: Schema = {
    **COMMON, **DRIVES, "name": formats.DNS_NAME, "memory": formats.MEMORY, "balloon": COUNT, "sockets": CORES,
    "cpu": TEXT, "scsihw": choice("lsi", "lsi53c810", "virtio-scsi-pci", "virtio-scsi-single", "megasas", "pvscsi"),
    "boot": TEXT, "agent": TEXT, "kvm": FLAG, "acpi": FLAG, "bios": choice("seabios", "ovmf"), "machine": TEXT,
    "numa": FLAG, "vcpus": CORES, "hotplug": TEXT, "vga": TEXT, "args": TEXT, "tablet": FLAG, "serial[n]": TEXT,
    "efidisk0": formats.DRIVE, "tpmstate0": formats.DRIVE, "ciuser": TEXT, "cipassword": TEXT, "citype": TEXT,
    "cicustom": TEXT, "sshkeys": formats.ENCODED, "ipconfig[n]": formats.IP_CONFIG, "autostart": FLAG,
    "smbios1": TEXT, "vmgenid": TEXT, "rng0": TEXT, "localtime": FLAG, "shares": COUNT, "watchdog": TEXT,
}  # fmt: skip
CONTAINER: Schema = {
    **COMMON, "hostname": formats.DNS_NAME, "memory": Param("integer", minimum=16), "swap": COUNT,
    "rootfs": formats.DRIVE, "mp[n]": formats.DRIVE, "unused[n]": formats.DRIVE, "features": TEXT,
    "unprivileged": FLAG, "cmode": TEXT, "console": FLAG, "tty": COUNT, "timezone": TEXT, "debug": FLAG,
}  # fmt: skip
CHANGE: Schema = {"delete": TEXT, "revert": TEXT, "digest": TEXT}


def vm(major: int) -> Schema:
    """Return the options of a virtual machine in a version."""
    return VM if major < 8 else {**VM, "ciupgrade": FLAG}


CREATE_VM: Schema = {
    **vm(8), "vmid": required(VMID), "storage": formats.STORAGE, "pool": formats.POOL, "start": FLAG,
    "archive": TEXT, "force": FLAG, "unique": FLAG, "bwlimit": COUNT, "live-restore": FLAG,
}  # fmt: skip
CREATE_CONTAINER: Schema = {
    **CONTAINER, "vmid": required(VMID), "ostemplate": required(TEXT), "storage": formats.STORAGE,
    "pool": formats.POOL, "start": FLAG, "restore": FLAG, "force": FLAG, "unique": FLAG, "bwlimit": NUMBER,
    "password": formats.PASSWORD, "ssh-public-keys": TEXT, "ignore-unpack-errors": FLAG,
}  # fmt: skip
_CLONE: Schema = {
    "newid": required(VMID), "description": TEXT, "full": FLAG, "pool": formats.POOL, "snapname": formats.SNAPSHOT,
    "storage": formats.STORAGE, "target": formats.NODE, "bwlimit": COUNT,
}  # fmt: skip
CLONE_VM: Schema = {**_CLONE, "name": formats.DNS_NAME, "format": choice("raw", "qcow2", "vmdk")}
CLONE_CONTAINER: Schema = {**_CLONE, "hostname": formats.DNS_NAME}
MIGRATE_VM: Schema = {
    "target": required(formats.NODE), "online": FLAG, "force": FLAG, "with-local-disks": FLAG, "bwlimit": COUNT,
    "targetstorage": TEXT, "migration_type": TEXT, "migration_network": TEXT,
}  # fmt: skip
MIGRATE_CONTAINER: Schema = {
    "target": required(formats.NODE), "online": FLAG, "restart": FLAG, "timeout": COUNT, "bwlimit": NUMBER,
    "target-storage": TEXT,
}  # fmt: skip
SNAPSHOT: Schema = {"snapname": required(replace(formats.SNAPSHOT)), "description": TEXT, "vmstate": FLAG}
SNAPSHOT_CONTAINER: Schema = {"snapname": required(formats.SNAPSHOT), "description": TEXT}
RESIZE: Schema = {"disk": required(TEXT), "size": required(formats.SIZE), "digest": TEXT, "skiplock": FLAG}
JOB: Schema = {
    "storage": formats.STORAGE, "schedule": formats.SCHEDULE, "vmid": TEXT, "all": FLAG, "exclude": TEXT,
    "pool": formats.POOL, "mode": choice("snapshot", "suspend", "stop"), "enabled": FLAG, "comment": TEXT,
    "compress": choice("0", "1", "gzip", "lzo", "zstd"), "notes-template": TEXT, "prune-backups": TEXT, "node": TEXT,
    "mailto": TEXT, "mailnotification": choice("always", "failure"), "notification-mode": TEXT, "protected": FLAG,
    "repeat-missed": FLAG, "remove": FLAG, "bwlimit": COUNT, "starttime": TEXT, "dow": TEXT, "quiet": FLAG,
}  # fmt: skip
