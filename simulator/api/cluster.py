"""Reads of the whole cluster."""

from __future__ import annotations

import gzip
import json
import time
from typing import Any

from simulator import jobs, rows
from simulator.api.tasks import task_row
from simulator.cluster import Cluster
from simulator.errors import bad_parameter
from simulator.params import VMID, choice
from simulator.rights import Rights
from simulator.routing import Call, Ready, route

CACHE_SECONDS = 2.0
Row = dict[str, Any]
_FIGURES = ("cpu", "mem", "maxcpu", "maxmem", "disk", "maxdisk", "uptime")


@route("GET", "/cluster/status", needs=("/", "Sys.Audit"))
def status(call: Call) -> Any:
    """Return the cluster's row (a single node has none) and one per node."""
    cluster = call.cluster
    several = len(cluster.nodes) > 1
    answering = next((node.name for node in cluster.nodes.values() if node.online), "")
    result: list[Row] = []
    if several:
        count, quorate = len(cluster.nodes), int(cluster.quorate)
        head = {"id": "cluster", "type": "cluster", "name": cluster.name, "nodes": count}
        result.append(head | {"quorate": quorate, "version": count})
    for node in cluster.nodes.values():
        row = {"id": f"node/{node.name}", "type": "node", "name": node.name, "ip": node.ip, "level": ""}
        flags = {"online": int(node.online), "local": int(node.name == answering)}
        result.append(row | flags | {"nodeid": node.nodeid if several else 0})
    return result


@route("GET", "/cluster/resources", takes={"type": choice("vm", "storage", "node", "sdn")})
def resources(call: Call) -> Any:
    """Return nodes, guests, storages, pools and networks that the caller may see; the same answer for two seconds."""
    cluster, kind, now = call.cluster, call.params.get("type", ""), time.time()
    key = (call.rights.key, kind)
    kept = cluster.listings.get(key)
    if kept and now - kept[0] < CACHE_SECONDS and kept[1] == cluster.revision:
        return kept[2]
    visible = [row for row in (_visible(call.rights, row) for row in rows.resources(cluster, now)) if row]
    wanted = [row for row in visible if not kind or _group(row) == kind]
    text = json.dumps({"data": wanted}, ensure_ascii=False, separators=(",", ":")).encode()
    ready = Ready(text, gzip.compress(text, 1))
    if len(cluster.listings) > 50:
        cluster.listings.clear()
    cluster.listings[key] = (now, cluster.revision, ready)
    return ready


def _group(row: Row) -> str:
    kind = str(row["type"])
    return {"qemu": "vm", "lxc": "vm", "network": "sdn"}.get(kind, kind)


def _visible(rights: Rights, row: Row) -> Row | None:
    """Return what the caller may see of a row: all of it, less of it for a node, or nothing."""
    match row["type"]:
        case "qemu" | "lxc":
            paths, privilege = [f"/vms/{row['vmid']}", f"/pool/{row.get('pool', '')}"], "VM.Audit"
        case "storage":
            paths, privilege = [f"/storage/{row['storage']}"], "Datastore.Audit"
        case "pool":
            paths, privilege = [f"/pool/{row['pool']}"], "Pool.Audit"
        case "node":
            if rights.may(f"/nodes/{row['node']}", "Sys.Audit"):
                return row
            return {key: value for key, value in row.items() if key not in _FIGURES}
        case _:
            paths, privilege = ["/sdn"], "SDN.Audit"
    return row if any(rights.may(path, privilege) for path in paths) else None


@route("GET", "/cluster/nextid", takes={"vmid": VMID})
def next_id(call: Call) -> Any:
    """Return a free id as a string. Raises the 400 if the wanted one is taken."""
    wanted = call.params.get("vmid")
    if wanted is None:
        return str(call.cluster.next_id())
    if wanted in call.cluster.guests:
        raise bad_parameter(vmid=f"{call.cluster.guests[wanted].kind} {wanted} already exists")
    return str(wanted)


@route("GET", "/cluster/tasks")
def tasks(call: Call) -> Any:
    """Return the running tasks and the last 25 of each node, newest first."""
    chosen = []
    for node in call.cluster.nodes.values():
        mine = [
            task
            for task in call.cluster.book.tasks.values()
            if task.node == node.name and may_see(call, task.user, node.name)
        ]
        finished = sorted((task for task in mine if task.endtime), key=lambda task: task.endtime)[-25:]
        chosen += [task for task in mine if not task.endtime] + finished
    chosen.sort(key=lambda task: task.starttime, reverse=True)
    return [_cluster_task(task_row(task)) for task in chosen]


def may_see(call: Call, user: str, node: str) -> bool:
    """Whether the caller may see a user's task: it is his own, or he may audit the node."""
    return user == call.user or call.rights.may(f"/nodes/{node}", "Sys.Audit")


def _cluster_task(row: Row) -> Row:
    row.pop("pstart", None)
    if "endtime" in row:
        row.pop("pid", None)
        return row | {"saved": "1"}
    row.pop("status", None)
    return row | {"saved": "0"}


@route("GET", "/cluster/backup", needs=("/", "Sys.Audit"))
def backup_jobs(call: Call) -> Any:
    """Return the backup jobs."""
    return [job_row(call.cluster, name) for name in call.cluster.jobs]


def job_row(cluster: Cluster, name: str) -> Row:
    """Return a backup job's row; what is not set is left out."""
    job = cluster.jobs[name]
    row: Row = {
        "id": job.id,
        "type": "vzdump",
        "storage": job.storage,
        "schedule": job.schedule,
        "enabled": job.enabled,
    }
    shown = ("all", "vmid", "exclude", "pool", "mode", "comment", "compress")
    row |= {key: getattr(job, key) for key in shown if getattr(job, key)}
    if job.notes:
        row["notes-template"] = job.notes
    if job.keep:
        row["prune-backups"] = job.keep
    if job.enabled:
        row["next-run"] = (int(time.time()) // 86400 + 1) * 86400 + 7200
    return row


@route("GET", "/cluster/backup-info/not-backed-up", needs=("/", "Sys.Audit"))
def not_backed_up(call: Call) -> Any:
    """Return the guests in no backup job."""
    safe = {guest.vmid for job in call.cluster.jobs.values() for guest in jobs.members(call.cluster, job)}
    guests = [guest for guest in call.cluster.guests.values() if guest.vmid not in safe]
    return [{"vmid": guest.vmid, "name": guest.name, "type": guest.type} for guest in guests]
