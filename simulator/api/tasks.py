"""Tasks: list, status, log, cancelling."""

from __future__ import annotations

import re
from typing import Any

from simulator.errors import bad_parameter, forbidden
from simulator.params import COUNT, FLAG, TEXT, VMID, WHOLE, choice
from simulator.routing import Call, Listing, route
from simulator.tasks import Task

UPID = re.compile(r"UPID:([A-Za-z0-9-]+):[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8}:[^:\s]+:[^:\s]*:[^:\s]+:")
FILTERS = {
    "start": COUNT, "limit": COUNT, "since": WHOLE, "until": WHOLE, "typefilter": TEXT, "vmid": VMID,
    "userfilter": TEXT, "errors": FLAG, "statusfilter": TEXT, "source": choice("archive", "active", "all"),
}  # fmt: skip


def task_row(task: Task) -> dict[str, Any]:
    """Return a task's row of a node's list."""
    row: dict[str, Any] = {
        "upid": task.upid, "node": task.node, "type": task.type, "id": task.id, "pid": task.pid,
        "pstart": task.pstart, "starttime": task.starttime, "user": task.account,
    }  # fmt: skip
    if not task.endtime:
        return row | {"status": "RUNNING", "user": task.user}
    if task.token:
        row["tokenid"] = task.token
    return row | {"status": task.status, "endtime": task.endtime}


@route("GET", "/nodes/{node}/tasks", takes=FILTERS)
def tasks(call: Call) -> Any:
    """Return a node's tasks, newest first: the finished ones unless ``source`` says otherwise."""
    source = call.params.get("source", "archive")
    found = [task for task in call.cluster.book.tasks.values() if task.node == call.node and _wanted(call, task)]
    if source != "all":
        found = [task for task in found if bool(task.endtime) == (source == "archive")]
    found.sort(key=lambda task: (task.endtime or task.starttime, task.pid), reverse=True)
    start, limit = call.params.get("start", 0), call.params.get("limit", 50)
    return Listing([task_row(task) for task in found[start:][:limit]], {"total": len(found)})


def _wanted(call: Call, task: Task) -> bool:
    given = call.params
    states = re.split(r"[,;\s]+", given["statusfilter"]) if "statusfilter" in given else [_state(task)]
    return (
        may_see(call, task)
        and (task.failed or not given.get("errors"))
        and given.get("typefilter", task.type) == task.type
        and str(given.get("vmid", task.id)) == task.id
        and given.get("userfilter", "").lower() in task.user.lower()
        and _state(task) in states
        and given.get("since", 0) <= task.starttime <= given.get("until", 1 << 60)
    )


def _state(task: Task) -> str:
    if task.status in ("OK", ""):
        return "ok"
    if task.status.startswith("WARNINGS"):
        return "warning"
    return "unknown" if task.status == "unexpected status" else "error"


def may_see(call: Call, task: Task) -> bool:
    """Whether the task is the caller's own or he may audit its node."""
    return task.user == call.user or call.rights.may(f"/nodes/{task.node}", "Sys.Audit")


def _find(call: Call) -> Task | None:
    """Return the task of the path, if it is there. Raises the 400 of what is no UPID, the 403 of another's."""
    upid = str(call.values["upid"])
    if not UPID.fullmatch(upid):
        raise bad_parameter(upid="unable to parse worker upid")
    task = call.cluster.book.tasks.get(upid)
    if task is not None and not may_see(call, task):
        raise forbidden(f"/nodes/{call.node}", "Sys.Audit")
    return task if task and task.node == call.node else None


@route("GET", "/nodes/{node}/tasks/{upid}/status")
def task_status(call: Call) -> Any:
    """Return whether a task runs or how it ended. Raises the 400 ``no such task``."""
    task = _find(call)
    if task is None:
        raise bad_parameter(upid="no such task")
    row = task_row(task) | {"user": task.account, "status": "stopped" if task.endtime else "running"}
    row.pop("endtime", None)
    if task.token:
        row["tokenid"] = task.token
    return row | ({"exitstatus": task.status} if task.endtime else {})


@route("GET", "/nodes/{node}/tasks/{upid}/log", takes={"start": COUNT, "limit": COUNT, "download": FLAG})
def task_log(call: Call) -> Any:
    """Return lines of a task's log; of a task that is gone an object instead of a list, as the real server does."""
    task = _find(call)
    if task is None:
        return {"n": 1, "t": "unable to open file - No such file or directory"}
    lines = task.lines() or ["no content"]
    start, limit = call.params.get("start", 0), call.params.get("limit", 50)
    numbered = [{"n": number, "t": text} for number, text in enumerate(lines, 1)]
    return Listing(numbered[start:][: limit or None], {"total": len(lines)})


@route("DELETE", "/nodes/{node}/tasks/{upid}")
def cancel(call: Call) -> Any:
    """End a task. Own tasks need no right, those of others Sys.Modify on the node."""
    task = _find(call)
    if task is None:
        raise bad_parameter(upid="no such task")
    if task.user != call.user:
        call.rights.require(f"/nodes/{call.node}", "Sys.Modify")
    call.cluster.book.cancel(task)
    return None
