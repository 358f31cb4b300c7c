"""What a form needs to know of a server when it opens, asked of Proxmox while a person waits: some seconds at most."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.translation import gettext as _

from servers.failover import Endpoints, ask
from servers.models import Kind, Server
from servers.proxmox.details import GuestConfig, MigrationCheck, PendingChange, SnapshotFacts, StorageSpace
from servers.proxmox.errors import NotAllowed, ProxmoxError, Refused
from servers.proxmox.gateway import Gateway

READ_SECONDS: Final = 5.0
ALL_SECONDS: Final = 10.0
ENDPOINTS: Final = 2  # of a cluster whose first nodes are gone the person hears soon


@dataclass(slots=True)
class Found:
    """What was answered. ``trouble`` is a sentence where nothing was; ``missing`` says what could not be told."""

    config: GuestConfig | None = None
    pending: list[PendingChange] = field(default_factory=list)
    snapshots: list[SnapshotFacts] = field(default_factory=list)
    can_snapshot: bool = True
    backup_storages: list[StorageSpace] = field(default_factory=list)
    disk_storages: list[StorageSpace] = field(default_factory=list)
    check: MigrationCheck | None = None
    trouble: str = ""
    missing: list[str] = field(default_factory=list)


Question = Callable[[Gateway, str, str, int], Any]
QUESTIONS: Final[Mapping[str, Question]] = {
    "config": lambda gateway, *guest: gateway.config(*guest),
    "pending": lambda gateway, *guest: gateway.pending(*guest),
    "snapshots": lambda gateway, *guest: gateway.snapshots(*guest),
    "can_snapshot": lambda gateway, *guest: gateway.can_snapshot(*guest),
    "backup_storages": lambda gateway, node, _kind, _vmid: _usable(gateway.storages(node, "backup")),
    "disk_storages": lambda gateway, node, kind, _vmid: _usable(
        gateway.storages(node, "images" if kind == Kind.QEMU else "rootdir")
    ),
    "check": lambda gateway, *guest: gateway.migration_check(*guest),
}


def about(server: Server, *wanted: str) -> Found:
    """The answers to these of :data:`QUESTIONS`. Call it outside a transaction. Raises KeyError for another name."""
    if server.node is None:
        return Found(trouble=_("It is not known on which node this server is."))
    if server.cluster.failures:
        return Found(trouble=_("The cluster cannot be asked now: %(why)s") % {"why": server.cluster.last_error})
    found, guest = Found(), (server.node.name, server.kind, server.vmid)
    cluster = server.cluster
    endpoints = Endpoints(list(cluster.endpoints)[:ENDPOINTS], dict(cluster.endpoint_state))
    try:
        ask(cluster, lambda gateway: _put_all(gateway, guest, wanted, found), endpoints, read_seconds=READ_SECONDS)
    except ProxmoxError as error:
        found.trouble = f"{error.sentence} {error.hint}".strip()
    return found


def _put_all(gateway: Gateway, guest: tuple[str, str, int], wanted: tuple[str, ...], found: Found) -> None:
    until = time.monotonic() + ALL_SECONDS
    for name in wanted:
        question = QUESTIONS[name]
        if time.monotonic() > until:
            found.missing.append(_("Proxmox answers slowly: some of the choices are missing. Open the form again."))
            return
        try:
            setattr(found, name, question(gateway, *guest))
        except (NotAllowed, Refused) as error:
            if name == wanted[0]:
                raise  # without it there is no form
            found.missing.append(error.sentence)


def _usable(storages: list[StorageSpace]) -> list[StorageSpace]:
    return [storage for storage in storages if storage.active and storage.enabled]
