"""An inventory for tests: rows and a snapshot, as a good sync leaves them. Needs no Proxmox."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from portal.lib import clock
from servers import snapshot
from servers.models import Backup, Cluster, Counter, Finding, Node, Server, Storage
from servers.proxmox.types import Guest, NodeFacts, StorageFacts

GIB = 2**30


def guest(vmid: int, **facts: object) -> Guest:
    """A running VM on pve1, with these facts different."""
    usual = Guest(
        vmid=vmid, kind="qemu", node="pve1", name=f"web-{vmid}", status="running", template=False, tags=";prod;",
        pool="", lock="", ha_state="", cpu=0.25, max_cpu=4, memory=2 * GIB, max_memory=8 * GIB, disk=None,
        max_disk=32 * GIB, uptime=3600, net_in=1000, net_out=2000, disk_read=3000, disk_write=4000,
    )  # fmt: skip
    return usual._replace(**facts)


def container(vmid: int, **facts: object) -> Guest:
    """A running container on pve1: Proxmox knows how full its disk is."""
    return guest(vmid, **{"kind": "lxc", "name": f"box-{vmid}", "disk": 5 * GIB, **facts})


def node(name: str, **facts: object) -> NodeFacts:
    """An online node."""
    usual = NodeFacts(name, "online", "", 0.5, 16, 20 * GIB, 64 * GIB, 10 * GIB, 100 * GIB, 7200)
    return usual._replace(**facts)


def storage(name: str, on: str, **facts: object) -> StorageFacts:
    """A local storage, a quarter full."""
    usual = StorageFacts(name, on, "dir", "images", False, "available", 25 * GIB, 100 * GIB)
    return usual._replace(**facts)


def make_cluster(
    name: str = "demo",
    guests: Iterable[Guest] = (),
    nodes: Iterable[NodeFacts] = (),
    storages: Iterable[StorageFacts] = (),
    *,
    synced: datetime | None = None,
    cached: bool = True,
) -> Cluster:
    """A cluster with these things, last synced now or at ``synced``, its snapshot in the cache or not."""
    moment = synced or clock.now()
    guests, nodes, storages = list(guests), list(nodes) or [node("pve1")], list(storages)
    cluster = Cluster.objects.create(
        name=name, endpoints=["https://pve.example.org:8006"], token_id="portal@pve!manager", token_secret="secret",
        version="9.0.3", quorate=True, last_attempt_at=moment, last_success_at=moment, last_duration=0.5,
        first_complete_at=moment,
    )  # fmt: skip
    places = {facts.name: Node.objects.create(cluster=cluster, name=facts.name, status=facts.status) for facts in nodes}
    for key in {(None if facts.shared else facts.node, facts.name, facts.shared) for facts in storages}:
        facts = next(row for row in storages if row.name == key[1] and key[0] in (None, row.node))
        Storage.objects.create(
            cluster=cluster, node=places.get(key[0]), name=facts.name, shared=facts.shared, status=facts.status,
            used=facts.used, size=facts.size,
        )  # fmt: skip
    Server.objects.bulk_create(_row(cluster, places, facts) for facts in guests)
    if cached:
        snapshot.save(cluster.pk, snapshot.Snapshot(moment, nodes, guests, storages))
    return cluster


def _row(cluster: Cluster, places: dict[str, Node], facts: Guest) -> Server:
    return Server(
        cluster=cluster, vmid=facts.vmid, kind=facts.kind, node=places.get(facts.node), name=facts.name,
        status=facts.status, template=facts.template, tags=facts.tags, pool=facts.pool, lock=facts.lock,
        intended_state=facts.status if facts.status in ("running", "stopped") else "",
    )  # fmt: skip


def resync(cluster: Cluster, guests: Iterable[Guest], nodes: Iterable[NodeFacts] = ()) -> None:
    """A later good sync, as far as the cache and the cluster's row go."""
    moment = max(clock.now(), cluster.last_success_at + timedelta(microseconds=1))
    Cluster.objects.filter(pk=cluster.pk).update(last_success_at=moment)
    snapshot.save(cluster.pk, snapshot.Snapshot(moment, list(nodes) or [node("pve1")], list(guests), []))


def make_backup(server: Server, days: int = 1, **columns: object) -> Backup:
    """A backup of that server on a storage of its own, made that many days ago."""
    place, _new = Storage.objects.get_or_create(cluster=server.cluster, name="backups", shared=True)
    made = clock.now() - timedelta(days=days)
    return Backup.objects.create(
        cluster=server.cluster, storage=place, server=server, vmid=server.vmid, volid=f"vzdump-{server.vmid}-{days}",
        **{"created_at": made, "size": 7 * GIB, **columns},
    )  # fmt: skip


def seed_everything() -> None:
    """Two clusters in which every family of the portal has a sample."""
    guests = [guest(100), guest(101, status="stopped", lock="backup"), container(102), guest(900, template=True)]
    both = [storage("local", "pve1"), storage("ceph", "pve1", shared=True), storage("ceph", "pve2", shared=True)]
    first = make_cluster("demo", guests, [node("pve1"), node("pve2")], both)
    make_cluster("second", [guest(100, name='한국어 😀 "quoted" \\ back')], storages=[storage("local", "pve1")])
    for server in Server.objects.filter(cluster=first, template=False):
        make_backup(server)
    Finding.keep(first, "load@pve1", [0.5, 0.25, 0.125], clock.now())
    Finding.keep(first, "certificates@pve1", {"pve-ssl.pem": 1_900_000_000}, clock.now())
    Counter.add(Counter.CREATED, "demo", 3)
    Counter.add(Counter.BACKUP_FAILURE, "demo", 1)
