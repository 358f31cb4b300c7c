"""How far the servers of a request are."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.lib import clock, show
from portal.lib.buttons import object_url
from servers.admin import labels
from servers.admin.creating.anew import anew_url
from servers.admin.progress import refusals
from servers.models import Operation, OperationState, RequestState, ServerRequest
from servers.plans.creating.marking import RESTORE
from servers.stages import cleans_up, current

READY: Final = (OperationState.SUCCEEDED, OperationState.WARNINGS)
BAD: Final = (OperationState.FAILED, OperationState.LOST)
TONES: Final[dict[str, str]] = {
    RequestState.WAITING: show.WARN, RequestState.GOING: show.CALM, RequestState.REJECTED: show.MUTED,
    RequestState.CANCELLED: show.MUTED,
}  # fmt: skip
MIB: Final = 1024**2
GIB: Final = 1024**3


def counts(requests: Sequence[int]) -> dict[int, dict[str, int]]:
    """How many operations of each request are in each state; what was tried again counts by its last try."""
    found: dict[int, dict[str, int]] = defaultdict(dict)
    rows = Operation.objects.filter(server_request__in=requests, operation=None).order_by()
    for key, state, number in rows.values_list("server_request", "state").annotate(Count("pk")):
        if key is not None:
            found[key][state] = number
    return found


def summary(row: ServerRequest, states: dict[str, int], waiting: int = 0) -> str:
    """“17 of 20 ready, 1 being made, 2 failed”; with how many of those that are being made wait for their turn."""
    if row.state != RequestState.GOING:
        return ngettext("%(count)d server", "%(count)d servers", row.count) % {"count": row.count}
    ready, bad = sum(states.get(one, 0) for one in READY), sum(states.get(one, 0) for one in BAD)
    off = states.get(OperationState.CANCELLED, 0)
    going = sum(states.get(one, 0) for one in Operation.ACTIVE)
    parts = [_("%(ready)d of %(count)d ready") % {"ready": ready, "count": row.count}]
    parts += [_("%(count)d being made") % {"count": going - waiting}] if going > waiting else []
    parts += [_("%(count)d waiting for their turn") % {"count": waiting}] if waiting else []
    parts += [_("%(count)d failed") % {"count": bad}] if bad else []
    parts += [_("%(count)d called off") % {"count": off}] if off else []
    return ", ".join(parts)


def state_of(row: ServerRequest, states: dict[str, int]) -> Any:
    """What became of a request, as a badge. One of which nothing is under way any more is done, whatever came of it."""
    over = bool(states) and not any(states.get(one) for one in Operation.ACTIVE)
    if row.state == RequestState.GOING and over:
        return show.badge(_("done"), show.WARN if any(states.get(one) for one in BAD) else show.GOOD)
    return show.badge(row.get_state_display(), TONES[row.state])


def overview(row: ServerRequest) -> dict[str, Any]:
    """Everything that the page of a request shows of its servers."""
    rows = list(row.operations.select_related("server", "cluster", "server_request").order_by("pk"))
    replaced = {one.retry_of_id for one in rows}
    shown = [line(one) for one in rows if one.pk not in replaced]
    wanted = [{"name": one["name"], "place": _place(one)} for one in row.wanted]
    states = counts([row.pk]).get(row.pk, {})
    to_come = any(one["may_cancel"] for one in shown)
    return {
        "state": state_of(row, states), "lines": shown, "wanted": wanted,
        "summary": summary(row, states, sum(one["waits"] for one in shown)),
        "may_cancel": to_come or row.state == RequestState.WAITING,
        "going": any(one["active"] for one in shown) or row.state == RequestState.WAITING,
        "facts": _facts(row, rows[0].parameters if rows else (row.wanted or [{}])[0]),
    }  # fmt: skip


def line(operation: Operation) -> dict[str, Any]:
    """One server: its state, the step it is at, the last line of the log, and at the end how to log in."""
    ready = operation.state in READY and not _is_gone(operation)
    return {
        "operation": operation, "url": object_url(operation), "name": operation.subject, "active": operation.is_active,
        "server": labels.to(operation.server) if operation.server else operation.parameters.get("name"),
        "state": badge(operation), "place": _place(operation.parameters), "vmid": operation.vmid,
        "step": _step(operation), "words": _words(operation), "took": clock.span(operation.duration),
        "address": operation.kept.get("address", "") if ready else "", "login": login(operation) if ready else "",
        "waits": _waits(operation), "left": bool(operation.kept.get("left")), "bad": operation.state in BAD,
        "anew": anew_url(operation) if operation.state in BAD else "",
        "again": operation.state in (*BAD, OperationState.CANCELLED) and not operation.kept.get("again"),
        "may_cancel": operation.state == OperationState.QUEUED and operation.stage <= 1
        and not operation.kept.get("accepted"),
        "done": min(operation.stage if operation.is_active else _all(operation), _all(operation)),
        "all": _all(operation),
    }  # fmt: skip


def _is_gone(operation: Operation) -> bool:
    """Whether the server was made and is not there any more: nobody logs in to it."""
    return operation.server is not None and operation.server.is_retired


def badge(operation: Operation) -> Any:
    """The state in the words of somebody who waits for a server."""
    if operation.state in READY and _is_gone(operation):
        return show.badge(_("made, and deleted since"), show.MUTED)
    if operation.state in READY:
        warned = operation.state == OperationState.WARNINGS
        return show.badge(_("ready, with warnings") if warned else _("ready"), show.WARN if warned else show.GOOD)
    if operation.is_active and cleans_up(operation):
        return show.badge(_("failed, cleaning up"), show.BAD)
    if _waits(operation):
        return show.badge(_("waiting"), show.MUTED)
    if operation.is_active:
        return show.badge(_("being made"), show.CALM)
    return show.badge(operation.get_state_display(), show.BAD if operation.state in BAD else show.MUTED)


def _waits(operation: Operation) -> bool:
    """Whether nothing of it is made yet: it has no id, or waits for its turn to be copied."""
    sent = operation.state != OperationState.QUEUED or operation.kept.get("accepted")
    return operation.is_active and operation.stage <= 1 and not sent


def login(operation: Operation) -> str:
    """The line that logs in; without anything secret. '' while no address is known."""
    address, user = operation.kept.get("address", ""), operation.parameters.get("user", "")
    if operation.kind == "lxc":
        user = "root"
    return f"ssh {user}@{address}" if address and user else (f"ssh {address}" if address else "")


def _all(operation: Operation) -> int:
    return len(operation.plan.stages)


def _step(operation: Operation) -> str:
    if not operation.is_active:
        return ""
    number = min(operation.stage + 1, _all(operation))
    return f"{number}/{_all(operation)} {_(current(operation).title)}"


def _words(operation: Operation) -> str:
    if not operation.is_active and operation.state in READY:
        failed = [record for record in operation.stages_done if record.get("failed")]
        return "; ".join(f"{_(str(record['title']))}: {record['words']}" for record in failed)
    if operation.message and not operation.is_active:
        return " ".join([operation.message, *refusals(operation)])
    last = operation.log.rstrip().rpartition("\n")[2]
    return operation.waiting_for or ("" if last.startswith("— ") else last)  # a heading of ours says nothing new


def _place(parameters: dict[str, Any]) -> str:
    if _restored(parameters):
        return _("%(node)s, from a backup") % {"node": parameters.get("node", "")}
    ip = str(parameters.get("ip") or "dhcp")
    return f"{parameters.get('node', '')}, {ip}"


def _restored(parameters: dict[str, Any]) -> bool:
    return bool(parameters.get("source", {}).get("how") == RESTORE)


def _facts(row: ServerRequest, given: dict[str, Any]) -> list[tuple[str, Any]]:
    decided = show.moment(row.decided_at) if row.decided_at else ""
    return [
        (_("Asked by"), row.requester), (_("Asked"), show.moment(row.requested_at)), (_("What for"), row.reason),
        (_("Blueprint"), labels.to(row.blueprint) if row.blueprint else ""), (_("Cluster"), labels.to(row.cluster)),
        (_("Backup"), given.get("source", {}).get("volume", "") if _restored(given) else ""),
        (_("Each of them"), _sizes(given)), (_("Network"), _network(given)), (_("First log-in"), _first_login(given)),
        (_("Decided by"), row.decider), (_("Decided"), decided), (_("Reason of the decision"), row.decision),
    ]  # fmt: skip


def _sizes(given: dict[str, Any]) -> str:
    parts = [labels.cores(given["cores"])] if given.get("cores") else []
    parts += [_("%(size)s of memory") % {"size": show.size(given["memory"] * MIB)}] if given.get("memory") else []
    parts += [_("%(size)s of disks") % {"size": show.size(given["disk_gib"] * GIB)}] if given.get("disk_gib") else []
    parts += [_("on %(storage)s") % {"storage": given["storage"]}] if given.get("storage") else []
    if given.get("second_disk_gib"):
        size = show.size(given["second_disk_gib"] * GIB)
        words = _("a second disk of %(size)s on %(storage)s")
        parts.append(words % {"size": size, "storage": given["second_disk_storage"]})
    return ", ".join(parts)


def _network(given: dict[str, Any]) -> str:
    parts = [str(given["bridge"])] if given.get("bridge") else []
    parts += [_("VLAN %(number)d") % {"number": given["vlan"]}] if given.get("vlan") else []
    parts += [str(given["second_bridge"])] if given.get("second_bridge") else []
    parts += [_("VLAN %(number)d") % {"number": given["second_vlan"]}] if given.get("second_vlan") else []
    parts += [_("gateway %(address)s") % {"address": given["gateway"]}] if given.get("gateway") else []
    return ", ".join(parts)


def _first_login(given: dict[str, Any]) -> str:
    keys = [" ".join(str(key).split()[2:]) or "?" for key in given.get("ssh_keys") or ()]  # whose, not the key itself
    parts = [str(given["user"])] if given.get("user") else []
    parts += [_("keys: %(names)s") % {"names": ", ".join(keys)}] if keys else []
    return "; ".join(parts)
