"""The samples of ``/pve``, as lines by family.

What the last good sync saw is told; what nobody knows is left out. A guest or storage on a node that is not online, and
a guest whose state Proxmox calls unknown, has no state and no figures. A shared storage is told once, under the name of
the first node (in the alphabet) that lists it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from monitoring.exposition import Family, escape
from monitoring.limits import DATABASE_SECONDS, limited
from monitoring.pve import names
from servers.models import Cluster, NodeStatus, Server, ServerStatus, Snapshot

Lines = dict[Family, list[str]]
FIGURES = (
    (names.DISK_SIZE, "max_disk"), (names.DISK_USAGE, "disk"), (names.MEMORY_SIZE, "max_memory"),
    (names.MEMORY_USAGE, "memory"), (names.CPU_RATIO, "cpu"), (names.CPU_LIMIT, "max_cpu"), (names.UPTIME, "uptime"),
)  # fmt: skip


def of_cluster(cluster: Cluster, snapshot: Snapshot, findings: Mapping[str, Any]) -> Lines:
    """What the exporter's cluster collectors tell."""
    lines: Lines = defaultdict(list)
    online = {node.name for node in snapshot.nodes if node.status == NodeStatus.ONLINE}
    _add_cluster(lines, cluster, findings)
    _add_nodes(lines, snapshot)
    _add_guests(lines, cluster, snapshot, online)
    _add_storages(lines, snapshot, online)
    return lines


def of_nodes(findings: Mapping[str, Any], node: str) -> Lines:
    """What the exporter's node collectors tell of this node, or of every one where none is named."""
    lines: Lines = defaultdict(list)
    for key, value in sorted(findings.items()):
        kind, _at, where = key.partition("@")
        if where and node in ("", where):
            if kind == "subscription":
                _add_subscription(lines, where, value)
            elif kind == "replication":
                _add_replication(lines, value)
    return lines


def sample(lines: Lines, family: Family, value: float, **labels: object) -> None:
    """Add one line."""
    told = ",".join(f'{name}="{escape(str(text))}"' for name, text in labels.items())
    lines[family].append(f"{family.name}{{{told}}} {value + 0}\n")


def _add_cluster(lines: Lines, cluster: Cluster, findings: Mapping[str, Any]) -> None:
    identity = findings.get("identity") or {}
    members, name = identity.get("members", {}), identity.get("name", "")
    if name and cluster.quorate is not None:
        sample(lines, names.UP, int(cluster.quorate), id=f"cluster/{name}")
        facts = {"nodes": len(members), "quorate": int(cluster.quorate), "version": identity["version"]}
        sample(lines, names.CLUSTER_INFO, 1, id=f"cluster/{name}", **facts)
    for node, facts in members.items():
        sample(lines, names.NODE_INFO, 1, id=f"node/{node}", level=facts["level"], name=node, nodeid=facts["id"])
    if release := findings.get("version"):
        sample(lines, names.VERSION_INFO, 1, **release)
    if members and (guests := findings.get("not_backed_up")) is not None:
        called = name or next(iter(members))  # a server outside any cluster is called by its own name
        sample(lines, names.NOT_BACKED_UP, len(guests), id=f"cluster/{called}")
        for guest in guests:
            sample(lines, names.NOT_BACKED_UP_INFO, 1, id=guest)
    if name and (device := findings.get("qdevice")):
        sample(lines, names.QDEVICE_UP, int(device.get("State") == "Connected"), id=f"cluster/{name}")
        told = {label: device.get(key, "") for key, label in names.QDEVICE_LABELS.items()}
        sample(lines, names.QDEVICE_INFO, 1, id=f"cluster/{name}", **told)


def _add_nodes(lines: Lines, snapshot: Snapshot) -> None:
    for node in snapshot.nodes:
        who = f'{{id="node/{escape(node.name)}"}}'
        if node.status in (NodeStatus.ONLINE, NodeStatus.OFFLINE):
            lines[names.UP].append(f"pve_up{who} {int(node.status == NodeStatus.ONLINE)}\n")
        _add_figures(lines, who, node)
        _add_states(lines[names.HA_STATE], "pve_ha_state", f"node/{node.name}", names.NODE_STATES, node.ha_state)


def _add_figures(lines: Lines, who: str, thing: Any) -> None:
    for family, attribute in FIGURES:
        if (value := getattr(thing, attribute)) is not None:
            lines[family].append(f"{family.name}{who} {value + 0}\n")


def _add_states(lines: list[str], name: str, ident: str, states: Iterable[str], current: str) -> None:
    start = f'{name}{{id="{escape(ident)}",state="'
    lines += [f'{start}{state}"}} {int(state == current)}\n' for state in states]


def _add_guests(lines: Lines, cluster: Cluster, snapshot: Snapshot, online: set[str]) -> None:
    guests = {guest.vmid: guest for guest in reversed(snapshot.guests)}  # one that is listed twice counts once
    nameless = [vmid for vmid, guest in guests.items() if guest.status == ServerStatus.UNKNOWN]
    known = _last_known(cluster, nameless) if nameless else {}
    for vmid, guest in sorted(guests.items()):
        ident = f"{guest.kind}/{vmid}"
        who = f'{{id="{ident}"}}'
        _add_states(lines[names.HA_STATE], "pve_ha_state", ident, names.GUEST_STATES, guest.ha_state)
        _add_states(lines[names.LOCK_STATE], "pve_lock_state", ident, names.LOCKS, guest.lock)
        name, template = known.get(vmid, (guest.name, guest.template))
        lines[names.GUEST_INFO].append(
            f'pve_guest_info{{id="{ident}",name="{escape(name)}",node="{escape(guest.node)}",'
            f'tags="{escape(guest.tags.strip(";"))}",template="{int(template)}",type="{guest.kind}"}} 1\n'
        )
        if guest.node not in online or guest.status == ServerStatus.UNKNOWN:
            continue
        lines[names.UP].append(f"pve_up{who} {int(guest.status == ServerStatus.RUNNING)}\n")
        _add_figures(lines, who, guest)
        for attribute, old, new in names.COUNTERS:
            if (value := getattr(guest, attribute)) is not None:
                lines[old].append(f"{old.name}{who} {value + 0}\n")
                lines[new].append(f"{new.name}{who} {value + 0}\n")


def _last_known(cluster: Cluster, vmids: list[int]) -> dict[int, tuple[str, bool]]:
    """Proxmox forgets the names of guests whose node is gone. The rows do not."""
    rows = Server.objects.filter(cluster=cluster, retired_at=None, vmid__in=vmids)
    with limited(DATABASE_SECONDS):
        return {vmid: (name, template) for vmid, name, template in rows.values_list("vmid", "name", "template")}


def _add_storages(lines: Lines, snapshot: Snapshot, online: set[str]) -> None:
    views: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for facts in sorted(snapshot.storages, key=lambda facts: facts.node):
        views["" if facts.shared else facts.node, facts.name].append(facts)
    for seen in views.values():
        first, living = seen[0], [facts for facts in seen if facts.node in online]
        best = next((facts for facts in living if facts.status == "available"), None)
        ident = f"storage/{first.node}/{first.name}"
        about = {"node": first.node, "plugintype": first.plugin_type, "storage": first.name}
        sample(lines, names.STORAGE_INFO, 1, content=first.content, id=ident, **about)
        sample(lines, names.STORAGE_SHARED, int(first.shared), id=ident)
        if living:
            sample(lines, names.UP, int(best is not None), id=ident)
        if best and best.size is not None:
            sample(lines, names.DISK_SIZE, best.size, id=ident)
        if best and best.used is not None:
            sample(lines, names.DISK_USAGE, best.used, id=ident)


def _add_subscription(lines: Lines, node: str, told: Mapping[str, str]) -> None:
    ident, status = f"node/{node}", told.get("status", "unknown")
    sample(lines, names.SUBSCRIPTION_INFO, 1, id=ident, level=told.get("level", "unknown"))
    for state in names.SUBSCRIPTION_STATES:
        sample(lines, names.SUBSCRIPTION_STATUS, int(state == status), id=ident, status=state)
    if due := _midnight(told.get("nextduedate", "")):
        sample(lines, names.SUBSCRIPTION_DUE, due, id=ident)


def _midnight(day: str) -> float | None:
    """The first second of that day, ``2026-12-31``, in UTC; None where it is no day."""
    try:
        return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _add_replication(lines: Lines, jobs: Iterable[Mapping[str, Any]]) -> None:
    for job in jobs:
        facts = {"guest": f"{job['vmtype']}/{job['guest']}", "id": job["id"], "source": f"node/{job['source']}"}
        sample(lines, names.REPLICATION_INFO, 1, **facts, target=f"node/{job['target']}", type=job["type"])
        for key, family in names.REPLICATION.items():
            if key in job:
                sample(lines, family, job[key], id=job["id"])
