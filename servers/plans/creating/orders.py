"""What Proxmox is asked for, from what the form kept. Everything raises Invalid by field where it cannot be sent."""

from typing import Any

from servers.models import Operation
from servers.plans.creating.marking import mark, marked
from servers.proxmox.moves import RestoreOrder
from servers.proxmox.orders import Changes, CloneOrder, ContainerOrder
from servers.proxmox.parts import DHCP, Address, Card, CloudInit, NewDisk


def clone(operation: Operation, source_node: str) -> CloneOrder:
    """The copy of a template. Another node than its own is named only then: local disks forbid even the same name."""
    given = operation.parameters
    full = given.get("full")
    return CloneOrder(
        new_id=operation.vmid or 0, name=given["name"], description=mark(operation), full=full,
        storage=given.get("storage", "") if full else "", pool=given.get("pool", ""),
        target=given["node"] if given["node"] != source_node else "",
    )  # fmt: skip


def container(operation: Operation) -> ContainerOrder:
    """A container from a template file."""
    given = operation.parameters
    return ContainerOrder(
        vmid=operation.vmid or 0, name=given["name"], template=given["source"]["volume"], storage=given["storage"],
        disk=given["disk_gib"], memory=given["memory"], swap=given.get("swap"), cores=given["cores"],
        cards=_cards(given), addresses=_addresses(given) if given.get("bridge") else (),
        password=operation.kept_secrets().get("password", ""), ssh_keys=tuple(given.get("ssh_keys", ())),
        nameservers=tuple(given.get("nameservers", ())), search_domain=given.get("search_domain", ""),
        description=marked(operation), tags=tuple(given.get("tags", ())), pool=given.get("pool", ""),
        onboot=given.get("onboot"),
    )  # fmt: skip


def restore(operation: Operation) -> RestoreOrder:
    """A backup as a new server, with hardware addresses of its own."""
    given = operation.parameters
    return RestoreOrder(
        vmid=operation.vmid or 0, volume=given["source"]["volume"], storage=given.get("storage", ""), unique=True,
        pool=given.get("pool", ""),
    )  # fmt: skip


def configuration(operation: Operation) -> Changes:
    """What the new guest is told to be. A container from a template was told already."""
    given = operation.parameters
    cards = dict(enumerate(_cards(given)))
    container = operation.kind == "lxc"
    return Changes(
        name=given["name"], description=marked(operation), tags=tuple(given.get("tags", ())),
        cores=given.get("cores"), memory=given.get("memory"), swap=given.get("swap") if container else None,
        onboot=given.get("onboot"), cards=cards, cloud_init=None if container else cloud_init(operation),
        addresses=dict(enumerate(_addresses(given))) if container and cards else {},
    )  # fmt: skip


def second_disk(operation: Operation, name: str, digest: str) -> Changes:
    """A disk beside the first one, under that name. Refused where somebody changed the guest since the digest."""
    given = operation.parameters
    path = given.get("second_disk_path", "") if operation.kind == "lxc" else ""
    disk = NewDisk(storage=given["second_disk_storage"], size=int(given["second_disk_gib"]), path=path)
    return Changes(disks={name: disk}, digest=digest)


def cloud_init(operation: Operation) -> CloudInit | None:
    """What a VM finds out about itself; None where nothing is said, as after a restore."""
    given = operation.parameters
    if not given.get("cloud_init"):
        return None
    return CloudInit(
        user=given.get("user", ""), password=operation.kept_secrets().get("password", ""),
        ssh_keys=tuple(given.get("ssh_keys", ())), addresses=_addresses(given),
        nameservers=tuple(given.get("nameservers", ())), search_domain=given.get("search_domain", ""),
        drive_storage=given.get("drive_storage", ""),
    )  # fmt: skip


def address(given: dict[str, Any]) -> Address:
    """DHCP, or a fixed address with its gateway, of either version."""
    ip, gateway = given.get("ip") or "dhcp", given.get("gateway", "")
    if ":" in ip:
        return Address(ip6=ip, gateway6=gateway)
    return Address(ip=ip, gateway="" if ip == "dhcp" else gateway)


def _cards(given: dict[str, Any]) -> tuple[Card, ...]:
    if not given.get("bridge"):
        return ()
    first = Card(bridge=given["bridge"], vlan=given.get("vlan"), firewall=given.get("firewall"))
    if not given.get("second_bridge"):
        return (first,)
    return (first, Card(bridge=given["second_bridge"], vlan=given.get("second_vlan"), firewall=given.get("firewall")))


def _addresses(given: dict[str, Any]) -> tuple[Address, ...]:
    """Of each card: the second one asks for its own."""
    return (address(given), DHCP) if given.get("second_bridge") else (address(given),)
