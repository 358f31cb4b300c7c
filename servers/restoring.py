"""A backup as a new server beside the one that it is of: what lies in it, where it fits, and what is asked for.

Looking asks Proxmox for the configuration in the backup and for bridges, within some seconds; the rest are rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings
from django.utils.translation import gettext as _

from portal.lib.access import may
from servers import offers
from servers.failover import Endpoints, ask
from servers.in_use import names_in_use
from servers.models import Backup, Kind, Operation, Server, ServerRequest
from servers.naming import names
from servers.operations import Refusal
from servers.plans.creating.making import free_ids
from servers.plans.creating.marking import RESTORE
from servers.proxmox import formats
from servers.proxmox.details import GuestConfig
from servers.proxmox.errors import Invalid, ProxmoxError
from servers.requesting import submit

READ_SECONDS: Final = 8.0  # a backup on a slow storage is opened for its first bytes
MIB: Final = 1024**2
REGISTERED: Final = ("owner", "environment", "exporter_port", "backup_days")


@dataclass
class Source:
    """A backup with what is known of it. ``obstacle`` says why it cannot be restored; '' where it can. ``needed`` are
    the bytes of its disks. ``storages`` are those that have room for them, with the nodes where they do."""

    backup: Backup
    offer: offers.Offer
    config: GuestConfig | None = None
    obstacle: str = ""
    needed: int = 0
    vmid: int | None = None
    nodes: list[str] = field(default_factory=list)
    storages: dict[str, set[str]] = field(default_factory=dict)
    tight: dict[str, int] = field(default_factory=dict)  # those without room, and the bytes that are free
    own: set[str] = field(default_factory=set)  # the nodes where its disks can go where they were

    @property
    def kind(self) -> str:
        """VM or container."""
        known = "rootfs" in self.config.disks if self.config else False
        return self.backup.kind or (Kind.LXC if known else Kind.QEMU)

    @property
    def memory(self) -> int:
        """Bytes that it takes when it runs; 0 where that is not said."""
        return (self.config.memory or 0) * MIB if self.config else 0

    @property
    def homes(self) -> list[str]:
        """The storages that its disks lay on."""
        disks = self.config.disks.values() if self.config else ()
        return sorted({disk.storage for disk in disks if disk.storage and not disk.cdrom})

    @property
    def original(self) -> Server | None:
        """The server that it is of, if there still is one."""
        server = self.backup.server
        return server if server and not server.is_retired else None


def look(backup: Backup) -> Source:
    """What can be said before the form opens. Call it outside of transactions."""
    source = Source(backup, offers.of_cluster(backup.cluster))
    if backup.gone_at:
        source.obstacle = _("That backup is not there any more. Choose another.")
        return source
    source.vmid = next(free_ids(Operation(cluster=backup.cluster, kept={})), None)
    home = backup.storage.node
    reach = set(source.offer.nodes) if home is None else {home.name} & set(source.offer.nodes)
    source.obstacle = _obstacle(source, reach)
    if not source.obstacle:
        _open(source, min(reach))
    if source.config:
        source.nodes = sorted(reach & _bridged(source, reach))
        _measure(source)
    return source


def _obstacle(source: Source, reach: set[str]) -> str:
    if source.vmid is None:
        low, high = settings.PORTAL_VMID_RANGE
        return _("No id from %(low)d to %(high)d is free.") % {"low": low, "high": high}
    if not reach:
        return _("No node that reaches the storage %(storage)s is online.") % {"storage": source.backup.storage.name}
    return ""


def _open(source: Source, node: str) -> None:
    """Read the configuration that lies in the backup."""
    cluster, volume = source.backup.cluster, source.backup.volid
    endpoints = Endpoints(list(cluster.endpoints), dict(cluster.endpoint_state))
    try:
        source.config = ask(
            cluster, lambda gateway: gateway.saved_config(node, volume), endpoints, read_seconds=READ_SECONDS
        )
    except ProxmoxError as error:
        why = f"{error.sentence} {error.hint}".strip()
        source.obstacle = _("What is in the backup cannot be read: %(why)s") % {"why": why}


def _bridged(source: Source, reach: set[str]) -> set[str]:
    """The nodes that have the bridges of its cards; all where nobody could say."""
    config, known = source.config, source.offer.bridges
    found = set(reach)
    if config is None or not known or len(source.offer.nodes) > offers.NODES_ASKED:
        return found
    for card in config.cards.values():
        found &= set(known.get(card.bridge, reach if not card.bridge else []))
    return found


def missing_bridges(source: Source) -> list[str]:
    """The bridges of its cards that no node has."""
    cards = source.config.cards.values() if source.config else ()
    known = source.offer.bridges
    return sorted({card.bridge for card in cards if card.bridge and known and card.bridge not in known})


def _measure(source: Source) -> None:
    disks = [disk for disk in source.config.disks.values() if not disk.cdrom] if source.config else []
    source.needed = sum(disk.size or 0 for disk in disks) or source.backup.size
    for name in sorted({row.name for row in source.offer.fitting(source.kind)}):
        there = source.offer.nodes_of(name) & set(source.nodes)
        roomy = {node for node in there if (_free(source, name, node) or source.needed) >= source.needed}
        if roomy:
            source.storages[name] = roomy
        elif there:
            source.tight[name] = source.offer.free_on(name) or 0
    own = set(source.homes)
    # A container's disks go to "local" where no storage is said, which cannot hold them on most installations.
    if source.kind == Kind.QEMU and own and own <= source.storages.keys():
        source.own = set.intersection(*(source.storages[name] for name in own))


def _free(source: Source, name: str, node: str) -> int | None:
    """The bytes that are free on a storage, as that node has it; None where nobody knows."""
    rows = [one for one in source.offer.storages if one.name == name and (one.node is None or one.node.name == node)]
    known = [one.size - one.used for one in rows if one.size is not None and one.used is not None]
    return max(known, default=None)


def order(source: Source, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of the new server. Raises Invalid by field."""
    wrong: dict[str, str] = {}
    name = _name(source, str(given.get("name") or ""), wrong)
    node = _node(source, given, wrong)
    if wrong:
        raise Invalid(wrong)
    config = source.config
    return {
        "name": name, "kind": source.kind, "node": node, "storage": given.get("storage") or "",
        "source": {"how": RESTORE, "kind": source.kind, "volume": source.backup.volid},
        "description": config.description if config else "", "tags": _tags(config), "cloud_init": False,
        "start": bool(given.get("start")), "wait": _tells_address(source),
        "register": {key: given[key] for key in REGISTERED if given.get(key)},
    }  # fmt: skip


def _tells_address(source: Source) -> bool:
    """Whether it is of use to wait for its address: containers tell one, and VMs by their agent alone."""
    agent = source.config.values.get("agent", "") if source.config else ""
    return source.kind == Kind.LXC or agent.startswith(("1", "enabled=1"))


def _tags(config: GuestConfig | None) -> list[str]:
    """Its tags, but for those that Proxmox took once and takes no more."""
    found = []
    for word in config.tags if config else ():
        try:
            formats.tag(word)
        except ValueError:
            continue
        found.append(word)
    return found


def _name(source: Source, text: str, wrong: dict[str, str]) -> str:
    try:
        found = names(text)
    except ValueError as problem:
        wrong["name"] = str(problem)
        return ""
    if len(found) > 1:
        wrong["name"] = _("One backup becomes one server: give one name.")
    elif found[0].lower() in names_in_use(source.backup.cluster):
        sentence = _("There is a server “%(name)s” in this cluster, or one is asked for.")
        wrong["name"] = sentence % {"name": found[0]}
    return found[0]


def _node(source: Source, given: Mapping[str, Any], wrong: dict[str, str]) -> str:
    storage, chosen = str(given.get("storage") or ""), str(given.get("node") or "")
    fitting = (source.storages.get(storage, set()) if storage else source.own) & set(source.nodes)
    if chosen and chosen not in fitting:
        sentence = _("%(node)s does not have that storage, or not enough room on it.")
        wrong["node"] = sentence % {"node": chosen}
        return ""
    candidates = {chosen} if chosen else fitting
    if not candidates:
        wrong["storage"] = _("No node has room for it there. Choose another storage.")
        return ""
    needed = source.memory if given.get("start") else 0
    found = offers.spread(source.backup.cluster, candidates, 1, needed)
    if not found:
        wrong["node"] = _("No node that could take it has that much memory free: leave it off, or choose another.")
    return found[0] if found else ""


def restore(user: Any, source: Source, parameters: Mapping[str, Any], reason: str = "") -> ServerRequest:
    """Ask for it. Returns the request, whose page shows it advancing. Raises Refusal."""
    if not may(user, "view", source.backup):
        raise Refusal(_("You may not see that backup."))
    return submit(user, source.backup.cluster, str(parameters["name"]), [parameters], reason=reason)
