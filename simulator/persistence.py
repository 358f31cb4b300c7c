"""What people changed, kept in a file, so that a restart brings back the same cluster."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from simulator.cluster import Cluster
from simulator.model import Guest, Job, Snapshot, Volume
from simulator.rights import Rights
from simulator.tasks import Task

KEPT_TASKS = 300
TASK_FIELDS = ("upid", "node", "type", "id", "user", "pid", "pstart", "starttime", "log", "status", "endtime")


class Keeper:
    """Saves and restores the difference between the cluster and its seed. ``recipe`` names the seed."""

    def __init__(self, path: Path, recipe: dict[str, Any]) -> None:
        self.path = path
        self.recipe = recipe
        self.data = self._read()
        self._volumes: dict[tuple[str, str], Volume] = {}
        self._seeded_tasks: set[str] = set()
        self._seeded: set[int] = set()
        self._changed: set[int] = set()

    def _read(self) -> dict[str, Any]:
        try:
            data = json.loads(self.path.read_text())
        except (OSError, ValueError):
            return {}
        return data if isinstance(data, dict) and data.get("recipe") == self.recipe else {}

    @property
    def born(self) -> float | None:
        """When the cluster was made first, if there is a saved one of the same seed."""
        return self.data.get("born")

    def remember_seed(self, cluster: Cluster) -> None:
        """Take note of what the seed made, to tell later what people changed."""
        self._volumes = {key: replace(volume) for key, volume in cluster.volumes.items()}
        self._seeded_tasks = set(cluster.book.tasks)
        self._seeded = set(cluster.guests)

    def restore(self, cluster: Cluster) -> None:
        """Apply the saved changes to a freshly seeded cluster."""
        data = self.data
        if not data:
            return
        for row in data.get("guests", []):
            row["snapshots"] = [Snapshot(**snapshot) for snapshot in row["snapshots"]]
            cluster.guests[row["vmid"]] = Guest(**row)
        for vmid in data.get("removed", []):
            cluster.guests.pop(vmid, None)
        self._changed = {row["vmid"] for row in data.get("guests", [])} | set(data.get("removed", []))
        for node, since in data.get("offline", {}).items():
            cluster.nodes[node].offline_since = since
        cluster.quorate = data.get("quorate", True)
        cluster.notifications.restore(data.get("notifications", {}))
        for node, volid in data.get("volumes_removed", []):
            cluster.volumes.pop((node, volid), None)
        for row in data.get("volumes", []):
            cluster.volumes[row["node"], row["volid"]] = Volume(**row)
        self._restore_jobs(cluster)
        self._restore_tokens(cluster)
        for row in data.get("tasks", []):
            cluster.book.tasks[row["upid"]] = Task(**row)

    def _restore_tokens(self, cluster: Cluster) -> None:
        for token, entries in self.data.get("rights", {}).items():
            if token in cluster.tokens:
                cluster.token_rights[token] = Rights({path: frozenset(names) for path, names in entries.items()})

    def _restore_jobs(self, cluster: Cluster) -> None:
        if "jobs" in self.data:
            cluster.jobs = {row["id"]: Job(**row) for row in self.data["jobs"]}

    def save(self, cluster: Cluster) -> None:
        """Write the file, whole or not at all."""
        with cluster.lock:
            self._changed |= cluster.dirty
            cluster.dirty.clear()
            data = self._collect(cluster)
        text = json.dumps(data, ensure_ascii=False)
        draft = self.path.with_suffix(".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        draft.replace(self.path)

    def _collect(self, cluster: Cluster) -> dict[str, Any]:
        volumes = [volume for key, volume in cluster.volumes.items() if self._volumes.get(key) != volume]
        mine = [task for upid, task in cluster.book.tasks.items() if upid not in self._seeded_tasks and task.endtime]
        return {
            "recipe": self.recipe,
            "born": cluster.born,
            "guests": [asdict(cluster.guests[vmid]) for vmid in sorted(self._changed) if vmid in cluster.guests],
            "removed": sorted(vmid for vmid in self._changed & self._seeded if vmid not in cluster.guests),
            "offline": {node.name: node.offline_since for node in cluster.nodes.values() if not node.online},
            "quorate": cluster.quorate,
            "notifications": cluster.notifications.saved(),
            "volumes": [asdict(volume) for volume in volumes],
            "volumes_removed": [key for key in self._volumes if key not in cluster.volumes],
            "jobs": [asdict(job) for job in cluster.jobs.values()],
            "rights": {
                token: {path: sorted(names) for path, names in rights.entries.items()}
                for token, rights in cluster.token_rights.items()
            },
            "tasks": [{name: getattr(task, name) for name in TASK_FIELDS} for task in mine[-KEPT_TASKS:]],
        }
