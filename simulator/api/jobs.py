"""Backup jobs: one of them, making, changing and removing them."""

from __future__ import annotations

import re
import uuid
from typing import Any

from simulator import formats, schemas
from simulator.api.cluster import job_row
from simulator.errors import ApiError, bad_parameter, failure
from simulator.model import Job
from simulator.params import TEXT
from simulator.routing import Call, route

MODIFY = ("/", "Sys.Modify")
NAMES = {"notes-template": "notes"}
FIELDS = (
    "storage",
    "schedule",
    "enabled",
    "all",
    "vmid",
    "exclude",
    "pool",
    "mode",
    "comment",
    "compress",
    "notes-template",
)


def _inner(text: str) -> ApiError:
    """Return the 500 whose reason is the first line of another answer's text."""
    return failure(f"400 Parameter verification failed.\n{text}\n")


def _apply(call: Call, job: Job) -> None:
    for name in FIELDS:
        if name in call.params:
            setattr(job, NAMES.get(name, name), call.params[name])
    if "prune-backups" in call.params:
        words = [part.partition("=") for part in re.split(r"[,;]", call.params["prune-backups"]) if part]
        job.keep = {key: value for key, _, value in words}
    if not (job.vmid or job.all or job.pool):
        raise _inner("vmid: property is missing")
    call.cluster.touch()


@route("POST", "/cluster/backup", takes={**schemas.JOB, "id": formats.CONFIG_ID}, needs=MODIFY)
def create(call: Call) -> Any:
    """Add a job. Raises the 500 of an id that is taken, and that of a job without guests."""
    name = call.params.get("id") or str(uuid.uuid4())
    if name in call.cluster.jobs:
        raise failure(f"Job '{name}' already exists")
    if "schedule" not in call.params and "starttime" not in call.params:
        raise _inner("schedule: property is missing and it is not optional")
    job = Job(name, call.params.get("storage", "local"), call.params.get("schedule", "00:00"))
    job.mode = ""
    _apply(call, job)
    call.cluster.jobs[name] = job


@route("GET", "/cluster/backup/{id}", needs=("/", "Sys.Audit"))
def one(call: Call) -> Any:
    """Return a job."""
    name = str(call.values["id"])
    if name not in call.cluster.jobs:
        raise bad_parameter(id=f"No such job '{name}'")
    return {key: value for key, value in job_row(call.cluster, name).items() if key != "next-run"}


def _name(call: Call) -> str:
    name = str(call.values["id"])
    if name not in call.cluster.jobs:
        raise _inner(f"id: No such job '{name}'")
    return name


@route("PUT", "/cluster/backup/{id}", takes={**schemas.JOB, "delete": TEXT}, needs=MODIFY)
def change(call: Call) -> Any:
    """Change a job."""
    job = call.cluster.jobs.get(str(call.values["id"]))
    if job is None:
        raise failure("no such vzdump job")
    for name in re.split(r"[,; ]+", call.params.get("delete", "")):
        if name == "prune-backups":
            job.keep = {}
        elif name in FIELDS:
            setattr(job, NAMES.get(name, name), 0 if name == "all" else "")
    _apply(call, job)


@route("DELETE", "/cluster/backup/{id}", needs=MODIFY)
def remove(call: Call) -> Any:
    """Remove a job."""
    del call.cluster.jobs[_name(call)]
    call.cluster.touch()
