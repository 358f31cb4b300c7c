"""From what a person wished for to the parameters of each server. Everything that can be known is said here, by field,
before anything is sent: names and addresses in use, a template that is gone, a full storage, an unknown bridge."""

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext as _

from servers import offers
from servers.failover import Endpoints, ask
from servers.in_use import addresses_in_use, names_in_use
from servers.models import Kind
from servers.naming import addresses, lines, names, words
from servers.offers import Offer
from servers.plans.creating.fitting import GIB, first_disk
from servers.proxmox import formats
from servers.proxmox.details import GuestConfig
from servers.proxmox.errors import GuestMissing, Invalid, ProxmoxError

MIB: Final = 1024**2
# What a linked clone takes at first.
LINKED: Final = GIB


class Wish:
    """One form, checked against one offer. ``wrong`` collects sentences by field; ``wanted`` are the parameters."""

    def __init__(self, given: Mapping[str, Any], offer: Offer) -> None:
        self.given, self.offer, self.cluster = given, offer, offer.cluster
        self.wrong: dict[str, str] = {}
        self.kind = str(given["kind"])
        self.names: list[str] = []
        self.addresses: list[str] = []
        self.allowed = set(offer.nodes)  # the nodes that may take it
        self.source: dict[str, Any] = {}
        self.config: GuestConfig | None = None
        self.second = ""  # the storage of the second disk

    def check(self) -> list[dict[str, Any]]:
        """The parameters of each server. Raises Invalid by field."""
        self._names()
        self._source()
        self._bridges()
        self._storage()
        self._addresses()
        self._keys()
        nodes = self._nodes() if not self.wrong else []
        if self.wrong:
            raise Invalid(self.wrong)
        return [self._parameters(*each) for each in zip(self.names, self.addresses, nodes, strict=True)]

    # --- each field

    def _names(self) -> None:
        try:
            self.names = names(self.given["names"])
        except ValueError as problem:
            self.wrong["names"] = str(problem)
            return
        taken = names_in_use(self.cluster)
        doubled = [name for name in self.names if name.lower() in taken]
        if doubled:
            self._say("names", _("There is a server “%(name)s” in this cluster, or one is asked for."), name=doubled[0])
        most = self.given.get("max_count") or 500
        if len(self.names) > most:
            self._say("names", _("That are %(count)d servers; this blueprint allows %(most)d at once."),
                      count=len(self.names), most=most)  # fmt: skip

    def _source(self) -> None:
        if not self.offer.nodes:
            self._say("template", _("No node of cluster %(cluster)s is online."), cluster=self.cluster)
            return
        text = str(self.given["template"])
        if ":" in text:
            self._image(text)
        else:
            self._template(int(text) if text.isdecimal() else 0)

    def _image(self, volume: str) -> None:
        where = self.offer.images.get(volume)
        if not where:
            sentence = _("The container template %(name)s is not there any more.") % {"name": volume}
            self._say("template", self.offer.trouble or sentence)
            return
        self.allowed &= set(where)
        self.source = {"how": "template", "kind": Kind.LXC, "volume": volume}

    def _template(self, vmid: int) -> None:
        row = self.offer.templates.get(vmid)
        if row is None or row.node is None:
            self._say("template", _("The template %(vmid)s is gone from cluster %(cluster)s."), vmid=vmid,
                      cluster=self.cluster)  # fmt: skip
            return
        node = row.node.name
        self.source = {"how": "clone", "kind": row.kind, "vmid": vmid, "node": node}
        self.kind = row.kind
        endpoints = Endpoints(list(self.cluster.endpoints), dict(self.cluster.endpoint_state))
        try:
            self.config = ask(self.cluster, lambda gateway: gateway.config(node, row.kind, vmid), endpoints)
        except GuestMissing:
            self._say("template", _("The template %(vmid)s is gone from cluster %(cluster)s."), vmid=vmid,
                      cluster=self.cluster)  # fmt: skip
            return
        except ProxmoxError as error:
            self._say("template", error.sentence)
            return
        shared = {one.name for one in self.offer.storages if one.shared}
        disks = [disk for disk in self.config.disks.values() if not disk.cdrom]
        if not all(disk.storage in shared for disk in disks):
            self.allowed &= {node}

    def _bridges(self) -> None:
        for field in ("bridge", "second_bridge"):
            if bridge := self.given.get(field):
                self._bridge(field, str(bridge))
        if self.given.get("second_bridge") and not self.given.get("bridge"):
            self._say("bridge", _("Choose the bridge of the first card too."))

    def _bridge(self, field: str, bridge: str) -> None:
        if not self.offer.bridges and self.offer.trouble:
            self._say(field, self.offer.trouble)
        elif bridge not in self.offer.bridges:
            known = ", ".join(sorted(self.offer.bridges))
            self._say(field, _("No node has a bridge “%(bridge)s”. There are: %(known)s."), bridge=bridge, known=known)
        elif len(self.offer.nodes) <= offers.NODES_ASKED:
            self.allowed &= set(self.offer.bridges[bridge])

    def _storage(self) -> None:
        wished = self.given.get("storage")
        if wished and wished not in {one.name for one in self.offer.fitting(self.kind)}:
            self._say(
                "storage", _("“%(storage)s” is not there, or cannot hold disks of such a server."), storage=wished
            )
            return
        if wished:
            self.allowed &= self.offer.nodes_of(wished)
        needed = dict.fromkeys({wished} if wished else self._own_storages(), self._space())
        second = self._second_storage(str(wished or ""))
        if second:
            room = int(self.given["second_disk_gib"]) * GIB * len(self.names)
            needed[second] = needed.get(second, 0) + room
        for name, room in needed.items():
            free = self.offer.free_on(name)
            if free is not None and free < room:
                field = "second_disk_storage" if name == second != wished else "storage"
                self._say(field, _("“%(storage)s” has %(free)d GiB free; %(count)d servers need %(needed)d GiB."),
                          storage=name, free=free // GIB, needed=-(-room // GIB), count=len(self.names))  # fmt: skip

    def _second_storage(self, first: str) -> str:
        """Where the second disk lies; '' where there is none, or nowhere to put it."""
        if not self.given.get("second_disk_gib"):
            return ""
        if self.kind == Kind.LXC and not self.given.get("second_disk_path"):
            self._say("second_disk_path", _("Say where the container mounts its second disk."))
        self.second = str(self.given.get("second_disk_storage") or first or self._first_storage())
        if self.second not in {one.name for one in self.offer.fitting(self.kind)}:
            self._say("second_disk_storage", _("“%(storage)s” is not there, or cannot hold disks of such a server."),
                      storage=self.second)  # fmt: skip
            return ""
        self.allowed &= self.offer.nodes_of(self.second)
        return self.second

    def _first_storage(self) -> str:
        disks = self.config.disks if self.config else {}
        name = first_disk([name for name, disk in disks.items() if not disk.cdrom])
        return disks[name].storage if name else ""

    def _own_storages(self) -> set[str]:
        disks = self.config.disks.values() if self.config else ()
        return {disk.storage for disk in disks if not disk.cdrom}

    def _space(self) -> int:
        disks = self.config.disks if self.config else {}
        sizes = {name: disk.size or 0 for name, disk in disks.items() if not disk.cdrom}
        first, wanted = first_disk(list(sizes)), int(self.given.get("disk_gib") or 0) * GIB
        if wanted and first and wanted < sizes[first]:
            self._say("disk_gib", _("The template's disk has %(size)d GiB already, and disks only grow."),
                      size=sizes[first] // GIB)  # fmt: skip
        if not self.given.get("full", True) and self.config:
            return LINKED * len(self.names)
        sizes[first or "rootfs"] = max(sizes.get(first, 0), wanted)
        return sum(sizes.values()) * len(self.names)

    def _addresses(self) -> None:
        if not self.names:
            return
        try:
            self.addresses = addresses(self.given.get("ip") or "", len(self.names))
        except ValueError as problem:
            self.wrong["ip"] = str(problem)
            return
        used = addresses_in_use(self.cluster) | dict.fromkeys(self.offer.addresses, _("a node"))
        if self.given.get("gateway"):
            used[str(self.given["gateway"])] = _("the gateway")
        for address in self.addresses:
            bare = address.partition("/")[0]
            if bare in used:
                self._say("ip", _("%(address)s is in use: %(who)s has it."), address=bare, who=used[bare])
                return

    def _keys(self) -> None:
        for key in lines(self.given.get("ssh_keys")):
            try:
                formats.ssh_key(key)
            except ValueError as problem:
                self.wrong["ssh_keys"] = str(problem)
        login = self.given.get("ssh_keys") or self.given.get("password")
        if self.given.get("cloud_init", True) and not login:
            self._say("ssh_keys", _("Give a key or a password: nobody could log in otherwise."))

    def _nodes(self) -> list[str]:
        """A node for each: the one that was chosen, or spread by free memory and load."""
        chosen = self.given.get("node")
        if chosen and chosen not in self.allowed:
            self._say(
                "node", _("%(node)s lacks the template, the storage or the bridge, or is not online."), node=chosen
            )
            return []
        candidates = {chosen} if chosen else self.allowed
        if not candidates:
            self._say("node", _("No node has the template, the storage and the bridge together."))
            return []
        found = offers.spread(self.cluster, candidates, len(self.names), int(self.given["memory"]) * MIB)
        if not found:
            self._say("memory", _("No node that could take it has that much memory free."))
        return found

    def _say(self, field: str, sentence: str, **facts: Any) -> None:
        self.wrong.setdefault(field, sentence % facts if facts else sentence)

    def _parameters(self, name: str, ip: str, node: str) -> dict[str, Any]:
        given = self.given
        kept = ("cores", "memory", "disk_gib", "storage", "second_disk_gib", "second_disk_path", "bridge", "vlan",
                "second_bridge", "second_vlan", "gateway", "search_domain", "user", "description", "protection",
                "onboot", "start", "wait", "full", "swap")  # fmt: skip
        parameters = {key: given[key] for key in kept if given.get(key) not in (None, "")}
        disks = self.config.disks if self.config else {}
        drive = any(disk.cloud_init for disk in disks.values())
        registered = ("owner", "environment", "exporter_port", "backup_days", "expected_state")
        return parameters | {
            **({"second_disk_storage": self.second} if self.second else {}),
            "name": name, "ip": ip, "node": node, "kind": self.kind, "source": self.source,
            "cloud_init": self.kind == Kind.QEMU and given.get("cloud_init", True),
            "drive_storage": "" if drive or not disks else next(iter(disks.values())).storage,
            "nameservers": words(given.get("nameservers")), "ssh_keys": lines(given.get("ssh_keys")),
            "tags": words(given.get("tags")), "register": {key: given[key] for key in registered if given.get(key)},
        }  # fmt: skip
