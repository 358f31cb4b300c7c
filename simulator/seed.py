"""A cluster made from a number: the same number gives the same cluster, with the variety of a real one."""

from __future__ import annotations

import random
from typing import Any

from simulator.cluster import Cluster
from simulator.model import GiB, Guest, Node, Snapshot, Storage

SINGLES = """gitlab mail db-main dns-01 dns-02 vpn grafana prometheus nexus ldap jenkins nextcloud wiki proxy-01
proxy-02 redis-01 kafka-01 bastion backup-proxy registry vault keycloak sentry matomo ntp-01""".split()  # noqa: SIM905
SERIES = "web app api worker db cache queue search ci-runner k8s-node batch ml edge dev stage report".split()  # noqa: SIM905
TAGS = {
    "web": "prod;web", "app": "app;prod", "api": "api;prod", "worker": "prod", "db": "critical;db;prod",
    "cache": "cache;prod", "queue": "prod", "search": "prod", "ci-runner": "ci",
    "k8s-node": "k8s;prod", "batch": "batch", "ml": "gpu;ml",
    "edge": "edge;prod;web", "dev": "dev", "stage": "staging", "report": "",
}  # fmt: skip
OWNERS = ["platform", "data", "web team", "김민준", "Ana Souza", "it-ops"]
POOLS = {"production": "what customers see", "internal": "for ourselves", "lab": ""}
KOREAN = "결제 서비스의 주 서버입니다.\n담당: 박서연\n재시작하기 전에 알려 주세요."


def seed_cluster(cluster: Cluster, guests: int, nodes: int, seed: int) -> None:
    """Fill an empty cluster. Raises ValueError for a number of nodes or guests that makes no cluster."""
    if nodes < 1 or guests < 0:
        raise ValueError("a cluster has at least one node, and no negative number of guests")
    rng = random.Random(seed)
    _seed_nodes(cluster, nodes, rng)
    _seed_storages(cluster, guests)
    cluster.pools = dict(POOLS)
    names = _names(guests)
    for index, name in enumerate(names):
        guest = _make_guest(cluster, index, name, rng)
        cluster.guests[guest.vmid] = guest
    _make_odd_ones(cluster, list(cluster.guests.values()))
    _add_templates(cluster, guests)


def _seed_nodes(cluster: Cluster, nodes: int, rng: random.Random) -> None:
    for number in range(1, nodes + 1):
        cluster.nodes[f"pve{number}"] = Node(
            name=f"pve{number}",
            nodeid=number,
            ip=f"192.0.2.{10 + number}" if number < 200 else f"198.51.100.{number % 200}",
            cores=rng.choice([32, 48, 64]),
            memory=rng.choice([256, 384, 512]) * GiB,
            rootfs=94 * GiB,
            booted=cluster.born - rng.randint(12, 90) * 86400,
        )


def _seed_storages(cluster: Cluster, guests: int) -> None:
    scale = max(1, guests // 40)
    for storage in (
        Storage("local", "dir", "iso,vztmpl,backup", 94 * GiB, 21 * GiB),
        Storage("local-lvm", "lvmthin", "images,rootdir", 2000 * GiB * scale, 1180 * GiB * scale),
        Storage("ceph-vm", "rbd", "images,rootdir", 8000 * GiB * scale, 2600 * GiB * scale, shared=True),
        Storage("cephfs", "cephfs", "iso,vztmpl,snippets", 4000 * GiB, 310 * GiB, shared=True),
        Storage("nfs-backup", "nfs", "backup,iso", 12000 * GiB * scale, 9300 * GiB * scale, shared=True),
        Storage("pbs", "pbs", "backup", 20000 * GiB * scale, 7400 * GiB * scale, shared=True),
    ):
        cluster.storages[storage.name] = storage


def _names(count: int) -> list[str]:
    """Return that many names: well-known single machines first, numbered series after them, one name twice."""
    names = SINGLES[: max(1, count * 2 // 5)] if count else []
    number = 0
    while len(names) < count:
        number += 1
        names += [f"{series}-{number:02d}" for series in SERIES[: max(3, (count - len(names)) // 2)]]
    names = names[:count]
    if count >= 12:
        names[-1] = names[-2]
    return names


def _series(name: str) -> str:
    return name.rpartition("-")[0] or name


def _make_guest(cluster: Cluster, index: int, name: str, rng: random.Random) -> Guest:
    series = _series(name)
    kind = "lxc" if rng.random() < 0.3 else "qemu"
    big = 4 if series.startswith(("db", "ml", "search", "gitlab")) else 1
    node = f"pve{1 + index % len(cluster.nodes)}"
    running = index % 9 != 7 and rng.random() < 0.95
    agent = int(kind == "qemu" and rng.random() < 0.75)
    guest = Guest(
        vmid=100 + index,
        type=kind,
        node=node,
        name=name,
        status="running" if running else "stopped",
        cores=rng.choice([1, 2, 2, 4]) * big,
        maxmem=rng.choice([1, 2, 4, 8]) * big * GiB,
        maxdisk=rng.choice([8, 16, 32, 64, 100]) * GiB,
        tags=TAGS.get(series, rng.choice(["", "prod", "infra;prod", "infra"])),
        pool=rng.choice(["production", "production", "internal", ""]),
        description=f"owner: {rng.choice(OWNERS)}" if rng.random() < 0.6 else "",
        ostype=rng.choice(["debian", "ubuntu"]) if kind == "lxc" else "l26",
        onboot=int(rng.random() < 0.7),
        agent=agent,
        agent_running=bool(agent and rng.random() < 0.85),
        ips=[_address(index)],
    )
    _give_age(cluster, guest, rng)
    if rng.random() < 0.12 and kind == "qemu":
        guest.snapshots = _snapshots(guest, cluster.born, rng)
    return guest


def _give_age(cluster: Cluster, guest: Guest, rng: random.Random) -> None:
    """Say when a guest was made and, if it runs, since when: not longer than it exists or its node runs."""
    guest.created = cluster.born - rng.uniform(3, 700) * 86400
    started = cluster.born - rng.uniform(600, 40 * 86400)
    if guest.running:
        guest.started = max(cluster.nodes[guest.node].booted + 60, guest.created + 600, started)
        guest.pid = 1000 + guest.salt % 4_000_000


def _address(index: int) -> str:
    return f"10.{index // 60000}.{index // 240 % 250}.{10 + index % 240}"


def _snapshots(guest: Guest, now: float, rng: random.Random) -> list[Snapshot]:
    first = Snapshot("before-upgrade", int(now - rng.uniform(30, 200) * 86400), "before the upgrade")
    second = Snapshot("known-good", int(now - rng.uniform(1, 29) * 86400), "", first.name)
    return [first, second][: rng.randint(1, 2)]


def _make_odd_ones(cluster: Cluster, guests: list[Guest]) -> None:
    """Give some guests what makes them special. A small cluster gets as many of these as it has guests for."""
    vms = [guest for guest in guests if guest.is_vm and guest.running]
    containers = [guest for guest in guests if not guest.is_vm and guest.running]
    oddities: list[dict[str, Any]] = [
        {"description": KOREAN},
        {"hastate": "started", "tags": "critical;ha;prod"},
        {"agent": 1, "agent_running": True},
        {"status": "paused", "paused_at": cluster.born - 3600},
        {"lock": "backup"},
        {"reacts": False, "agent": 0, "agent_running": False},
        {"tags": "compliance;critical;db;monitored;prod"},
        {"protection": 1},
        {"agent": 1, "agent_running": False},
    ]
    for guest, oddity in zip(vms[1:], oddities, strict=False):
        for name, value in oddity.items():
            setattr(guest, name, value)
    for guest in containers[:1]:
        guest.ips.append("2001:db8::25")


def _add_templates(cluster: Cluster, guests: int) -> None:
    """Turn the last guests into templates with ids of their own: about one in twenty, at least one of two guests."""
    if guests < 2:
        return
    first = 9000 if guests < 8000 else 990000
    kinds = ["debian-12-cloud", "ubuntu-24-cloud", "rocky-9-cloud", "windows-2022"]
    victims = [guest for guest in cluster.guests.values() if not guest.running][: max(1, min(4, guests // 20))]
    victims = victims or list(cluster.guests.values())[-1:]
    for offset, guest in enumerate(victims):
        del cluster.guests[guest.vmid]
        guest.vmid, guest.name = first + offset, kinds[offset % len(kinds)]
        guest.template, guest.status, guest.started, guest.pid = True, "stopped", 0.0, 0
        guest.tags, guest.lock, guest.hastate, guest.description = "template", "", "", ""
        guest.type, guest.onboot, guest.ostype = ("qemu", 0, "l26")
        guest.snapshots = []
        # on shared storage, so that a clone may be made on any node; with a drive for cloud-init
        guest.storage, guest.agent, guest.agent_running = "ceph-vm", 1, True
        guest.extra = {"ide2": f"ceph-vm:vm-{guest.vmid}-cloudinit,media=cdrom"}
        cluster.guests[guest.vmid] = guest
