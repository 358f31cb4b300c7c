"""Rows for tests and for looking at pages: clusters, nodes, servers, storages, backups, history and usage figures."""

import itertools
import random
from datetime import datetime, timedelta

from django.contrib.auth.models import Group, User
from django.test import Client

from portal import roles
from portal.lib import clock
from servers import snapshot
from servers.models import Backup, BackupRun, ChangeKind, Cluster, Node, Server, StateChange, Storage
from servers.proxmox.types import Guest, NodeFacts, StorageFacts
from servers.snapshot import Snapshot

GIB = 1024**3
SECRET = "5ec2e7aa-0000-4000-8000-0123456789ab"
_numbers = itertools.count(1)

NAMES = [
    "web-01", "web-02", "web-03", "db-primary", "db-replica", "mail", "gitlab", "runner-1", "runner-2", "grafana",
    "회계서버", "영업팀-포털", "테스트-데이터베이스", "nextcloud", "vpn", "dns-1", "dns-2", "jump",
    "windows-2022-domain-controller-01",
    "a-very-long-name-that-somebody-chose-with-love-and-without-a-thought-for-narrow-screens.example.internal",
]  # fmt: skip
TAGS = [";prod;web;", ";prod;db;", ";test;", "", ";prod;", ";운영;web;"]
OWNERS = ["", "platform", "sales", "김민수", "data team"]
STATUSES = ["running"] * 12 + ["stopped"] * 5 + ["paused", "io-error", "unknown"]


def make_user(role="", *, name="", superuser=False, staff=True):
    """A person in the group of that role ("viewer", "operator", "administrator"); "" is staff without any right."""
    user = User.objects.create_user(
        name or f"person-{next(_numbers)}", password="pass", is_staff=staff, is_superuser=superuser
    )
    if role:
        if not Group.objects.filter(name=role).exists():
            roles.apply()
        user.groups.add(Group.objects.get(name=role))
    return user


def make_cluster(name="", **columns):
    """A cluster whose last sync was good."""
    moment = clock.now()
    found = {
        "endpoints": ["https://pve1.example.org:8006"],
        "token_id": "portal@pve!manager",
        "token_secret": SECRET,
        "version": "9.1.2",
        "quorate": True,
        "last_attempt_at": moment,
        "last_success_at": moment,
        "first_complete_at": moment - timedelta(days=30),
        "last_duration": 0.8,
    }
    return Cluster.objects.create(name=name or f"cluster-{next(_numbers)}", **(found | columns))


def make_node(cluster, name="", **columns):
    """An online node of 32 cores and 128 GiB."""
    found = {"status": "online", "address": "10.0.0.11", "max_cpu": 32, "max_memory": 128 * GIB, "max_disk": 200 * GIB}
    return Node.objects.create(cluster=cluster, name=name or f"pve{next(_numbers)}", **(found | columns))


def make_server(cluster, node=None, **columns):
    """A running virtual machine of 4 cores, 8 GiB and 64 GiB."""
    number = next(_numbers)
    found = {
        "vmid": 10_000 + number,
        "kind": "qemu",
        "name": f"server-{number}",
        "status": "running",
        "max_cpu": 4,
        "max_memory": 8 * GIB,
        "max_disk": 64 * GIB,
    }
    return Server.objects.create(cluster=cluster, node=node, **(found | columns))


def make_storage(cluster, node=None, **columns):
    """A storage that is three quarters full; shared where no node is given."""
    found = {
        "name": f"storage-{next(_numbers)}",
        "plugin_type": "zfspool" if node else "nfs",
        "content": "backup,images" if not node else "images,rootdir",
        "shared": node is None,
        "status": "available",
        "used": 750 * GIB,
        "size": 1000 * GIB,
    }
    return Storage.objects.create(cluster=cluster, node=node, **(found | columns))


def make_backup(storage, server=None, *, age=timedelta(hours=5), **columns):
    """A backup of that age."""
    vmid = server.vmid if server else 999
    made = clock.now() - age
    found = {
        "volid": f"{storage.name}:backup/vzdump-qemu-{vmid}-{made:%Y_%m_%d-%H_%M_%S}-{next(_numbers)}.vma.zst",
        "vmid": vmid,
        "kind": "qemu",
        "format": "vma.zst",
        "size": 9 * GIB,
        "created_at": made,
    }
    return Backup.objects.create(cluster=storage.cluster, storage=storage, server=server, **(found | columns))


def make_run(cluster, server=None, **columns):
    """A backup run that succeeded five hours ago."""
    started = clock.now() - timedelta(hours=5)
    found = {
        "upid": f"UPID:pve1:{next(_numbers):08X}:00000001:66000000:vzdump:{server.vmid if server else ''}:root@pam:",
        "node_name": "pve1",
        "vmid": server.vmid if server else None,
        "user": "root@pam",
        "started_at": started,
        "ended_at": started + timedelta(minutes=12),
        "outcome": "success",
        "message": "OK",
    }
    return BackupRun.objects.create(cluster=cluster, server=server, **(found | columns))


def make_change(cluster, server=None, **columns):
    """A server's change from stopped to running."""
    found = {"kind": ChangeKind.STATUS, "field": "status", "old": "stopped", "new": "running"}
    return StateChange.objects.create(cluster=cluster, server=server, **(found | columns))


def many_servers(number, *, cluster=None, nodes=3, seed=1):
    """A cluster with that many varied servers, its nodes, storages, backups, runs and changes. Returns the cluster."""
    chance = random.Random(seed)
    cluster = cluster or make_cluster()
    machines = [make_node(cluster, f"pve{place + 1}") for place in range(nodes)]
    servers = Server.objects.bulk_create(
        [_varied_server(cluster, chance.choice(machines), place, chance) for place in range(number)], batch_size=500
    )
    storages = [
        make_storage(cluster, name="nas-backup", used=920 * GIB),
        make_storage(cluster, name="ceph", used=410 * GIB),
    ]
    storages += [make_storage(cluster, node, name="local-zfs", used=chance.randint(50, 800) * GIB) for node in machines]
    _add_history(cluster, servers, storages[0], chance)
    return cluster


def fill_snapshot(cluster, *, seed=1, taken_at: datetime | None = None):
    """Put usage figures of every living row into the cache."""
    chance = random.Random(seed)
    living = cluster.server_set.filter(retired_at=None).select_related("node")
    found = Snapshot(
        taken_at=taken_at or clock.now(),
        nodes=[_node_facts(node, chance) for node in cluster.node_set.filter(retired_at=None)],
        guests=[_guest(server, chance) for server in living],
        storages=[_storage_facts(storage) for storage in cluster.storage_set.filter(retired_at=None)],
    )
    snapshot.save(cluster.pk, found)
    return found


def _varied_server(cluster, node, place, chance):
    status = chance.choice(STATUSES)
    name = NAMES[place % len(NAMES)] + (f"-{place}" if place >= len(NAMES) else "")
    return Server(
        cluster=cluster,
        node=node,
        vmid=100 + place,
        kind="lxc" if place % 4 == 3 else "qemu",
        name=name,
        status=status,
        last_known_status="running" if status == "unknown" else "",
        template=place % 25 == 24,
        tags=chance.choice(TAGS),
        owner=chance.choice(OWNERS),
        environment=chance.choice(["", "production", "staging"]),
        lock="backup" if place % 17 == 5 else "",
        max_cpu=chance.choice([1, 2, 4, 8, 16]),
        max_memory=chance.choice([1, 2, 4, 8, 16, 64]) * GIB,
        max_disk=chance.choice([8, 32, 64, 500, 2048]) * GIB,
        status_since=clock.now() - timedelta(hours=chance.randint(0, 900)),
    )


def _add_history(cluster, servers, storage, chance):
    now = clock.now()
    backups, runs, changes = [], [], []
    for place, server in enumerate(servers):
        made = now - timedelta(hours=chance.choice([5, 8, 29, 100, 400]))
        if place % 6:
            volid = f"{storage.name}:backup/vzdump-{server.kind}-{server.vmid}-{made:%Y_%m_%d-%H_%M_%S}.vma.zst"
            backups.append(
                Backup(
                    cluster=cluster, storage=storage, server=server, volid=volid, vmid=server.vmid, kind=server.kind,
                    size=chance.randint(1, 80) * GIB, created_at=made, protected=place % 11 == 0,
                    verification=chance.choice(["", "ok", "ok", "failed"]),
                )
            )  # fmt: skip
        if place % 5 == 0:
            failed = place % 4 == 0
            runs.append(
                BackupRun(
                    cluster=cluster, server=server, vmid=server.vmid, node_name="pve1", user="root@pam",
                    started_at=made,
                    upid=f"UPID:pve1:{place:08X}:{cluster.pk}:66000000:vzdump:{server.vmid}:root@pam:",
                    ended_at=made + timedelta(minutes=chance.randint(1, 90)),
                    outcome="failure" if failed else "success",
                    message="job errors: unable to open file '/mnt/pve/nas-backup' - No space left on device"
                    if failed else "OK",
                )
            )  # fmt: skip
        if place % 3 == 0:
            at = now - timedelta(minutes=chance.randint(1, 5000))
            pair = chance.choice([("stopped", "running"), ("running", "stopped"), ("running", "unknown")])
            changes.append(
                StateChange(
                    cluster=cluster, server=server, kind="status", field="status", old=pair[0], new=pair[1], at=at
                )
            )
    Backup.objects.bulk_create(backups, batch_size=500)
    BackupRun.objects.bulk_create(runs, batch_size=500)
    StateChange.objects.bulk_create(changes, batch_size=500)


def _guest(server, chance):
    running = server.status == "running"
    return Guest(
        vmid=server.vmid, kind=server.kind, node=server.node.name if server.node else "", name=server.name,
        status=server.status, template=server.template, tags=server.tags, pool=server.pool, lock=server.lock,
        ha_state=server.ha_state, cpu=chance.choice([0.004, 0.07, 0.31, 0.64, 0.97]) if running else 0.0,
        max_cpu=server.max_cpu, memory=int(server.max_memory * chance.uniform(0.1, 0.98)) if running else 0,
        max_memory=server.max_memory,
        disk=int(server.max_disk * chance.uniform(0.1, 0.95)) if server.kind == "lxc" else None,
        max_disk=server.max_disk, uptime=chance.randint(60, 9_000_000) if running else 0,
        net_in=chance.randint(0, 10**12), net_out=chance.randint(0, 10**11), disk_read=0, disk_write=0,
    )  # fmt: skip


def _node_facts(node, chance):
    there = node.status == "online"
    return NodeFacts(
        name=node.name, status=node.status, level="", cpu=chance.uniform(0.05, 0.95) if there else None,
        max_cpu=node.max_cpu, memory=int(node.max_memory * chance.uniform(0.3, 0.95)) if there else None,
        max_memory=node.max_memory, disk=30 * GIB if there else None, max_disk=node.max_disk,
        uptime=2_000_000 if there else None,
    )  # fmt: skip


def _storage_facts(storage):
    return StorageFacts(
        name=storage.name, node=storage.node.name if storage.node else "pve1", plugin_type=storage.plugin_type,
        content=storage.content, shared=storage.shared, status=storage.status, used=storage.used, size=storage.size,
    )  # fmt: skip


def browser(role="", *, superuser=False, staff=True):
    """A logged-in test client of a person in that role."""
    client = Client()
    client.force_login(make_user(role, superuser=superuser, staff=staff))
    return client
