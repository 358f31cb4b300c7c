"""What ``manage.py servers`` is made of: finding a server by what a person types, and rows as plain values."""

import time
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet

from portal.lib import clock
from portal.lib.access import may
from servers.models import Cluster, Operation, OperationState, Server
from servers.tasks import run_operation

REFUSED: Final = 2  # nothing was done: unknown, not allowed, bad input
FAILED: Final = 1  # it was done and failed
NOT_OVER: Final = 3  # it still goes on
GOOD: Final = (OperationState.SUCCEEDED, OperationState.WARNINGS)
PACE: Final = 0.2


class Fault(Exception):
    """What goes wrong, with the code that the command ends with, and sentences by field."""

    def __init__(self, sentence: str, code: int = REFUSED, fields: dict[str, str] | None = None) -> None:
        self.sentence, self.code, self.fields = sentence, code, fields or {}
        super().__init__(sentence)


def person(name: str) -> Any:
    """The person whose rights count. Raises Fault."""
    model = get_user_model()
    found = model.objects.filter(**{model.USERNAME_FIELD: name}).first()
    if found is None:
        raise Fault(f"Nobody is called “{name}” here.")
    if not found.is_active or not found.is_staff:
        raise Fault(f"“{name}” may not use the portal: the account is not active, or not of the staff.")
    return found


def listed(user: Any, cluster: str = "", status: str = "", tag: str = "", *, retired: bool = False) -> QuerySet[Server]:
    """The servers that fit, by cluster and VMID. Raises Fault for an unknown cluster, or without the right to see."""
    if user is not None and not may(user, "view", Server):
        raise Fault(f"“{user}” may not see servers: ask an administrator for the right to it.")
    rows = Server.objects.select_related("cluster", "node").order_by("cluster__name", "vmid", "pk")
    if cluster:
        if not Cluster.objects.filter(name=cluster).exists():
            raise Fault(f"No cluster is called “{cluster}”.")
        rows = rows.filter(cluster__name=cluster)
    if status:
        rows = rows.filter(status=status)
    if tag:
        rows = rows.filter(tags__contains=f";{tag};")
    return rows if retired else rows.filter(retired_at=None)


def find(typed: str, user: Any) -> Server:
    """The living server of that VMID or name; ``CLUSTER/…`` where several have it. Raises Fault."""
    cluster, slash, word = typed.rpartition("/")
    rows = listed(user, cluster if slash else "")
    wanted = Q(name=word) | (Q(vmid=int(word)) if word.isdecimal() and len(word) < 10 else Q(pk=None))
    found = list(rows.filter(wanted)[:11])
    if not found:
        raise Fault(f"No server is called “{typed}”. Say its name or VMID, or CLUSTER/VMID.")
    if len(found) > 1:
        names = ", ".join(f"{row.cluster}/{row.vmid} {row.name}" for row in found[:10])
        raise Fault(f"“{typed}” is more than one server: {names}. Say which, as CLUSTER/VMID.")
    return found[0]


def facts(server: Server) -> dict[str, Any]:
    """A server as plain values; sizes are bytes."""
    return {
        "cluster": server.cluster.name, "vmid": server.vmid, "name": server.name, "type": server.kind,
        "status": server.status, "node": server.node.name if server.node else None, "cores": server.max_cpu,
        "memory": server.max_memory, "disk": server.max_disk, "tags": server.tag_list,
        "address": server.address or None, "owner": server.owner, "environment": server.environment,
        "lock": server.lock or None, "template": server.template,
        "retired": server.retired_at.isoformat() if server.retired_at else None,
    }  # fmt: skip


def outcome(operation: Operation) -> dict[str, Any]:
    """An operation as plain values."""
    return {
        "operation": operation.pk, "action": operation.action, "state": operation.state,
        "cluster": operation.cluster.name, "vmid": operation.guest[1], "message": operation.message or None,
        "waiting_for": operation.waiting_for or None, "errors": operation.errors, "upid": operation.upid or None,
        "seconds": round(operation.duration.total_seconds(), 1),
    }  # fmt: skip


def wait(operation: Operation, seconds: float) -> Operation:
    """Until it is over, or that long. Whatever is due and that no worker does is done here: claims keep them apart."""
    until = time.monotonic() + seconds
    while True:
        run_operation(operation.pk)
        operation.refresh_from_db()
        if not operation.is_active or time.monotonic() > until:
            return operation
        due = (operation.due_at - clock.now()).total_seconds()
        time.sleep(min(max(due, PACE), 1.0))


def code_of(operation: Operation) -> int:
    """What the command ends with, of an operation that was waited for."""
    if operation.is_active:
        return NOT_OVER
    return 0 if operation.state in GOOD else FAILED
