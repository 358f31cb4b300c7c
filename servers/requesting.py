"""New servers: from a request to its operations, with the approval of a second person in between where it is wanted."""

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from portal.lib import clock
from portal.lib.access import may
from portal.lib.audit import note
from portal.lib.nudge import nudge
from servers.models import Action, Blueprint, Cluster, Operation, OperationState, Server
from servers.models.serverrequest import RequestState, ServerRequest
from servers.operations import Refusal

TITLE_LENGTH: Final = 200
FAILED: Final = (OperationState.FAILED, OperationState.LOST, OperationState.CANCELLED)


def submit(  # noqa: PLR0913 - a request has that many parts
    user: Any, cluster: Cluster, title: str, wanted: Sequence[Mapping[str, Any]], *,
    secrets: Mapping[str, Any] | None = None, blueprint: Blueprint | None = None, reason: str = "",
) -> ServerRequest:  # fmt: skip
    """Keep a request, and begin unless its blueprint wants a second person. ``wanted`` has the checked parameters of
    each server. Raises Refusal for somebody who may not make servers."""
    if not may(user, "provision", Server):
        raise Refusal(_("You may not create servers: ask an administrator for the right to it."))
    waits = bool(blueprint and blueprint.needs_approval)
    with transaction.atomic():
        request = ServerRequest.objects.create(
            cluster=cluster, blueprint=blueprint, title=title[:TITLE_LENGTH], requested_by=user,
            requester=user.get_username(), reason=reason, wanted=[dict(one) for one in wanted], count=len(wanted),
            secrets=json.dumps(dict(secrets)) if secrets else "",
            state=RequestState.WAITING if waits else RequestState.GOING,
        )  # fmt: skip
        if not waits:
            _begin(request)
    return request


def approve(request: ServerRequest, user: Any, reason: str) -> None:
    """Let it begin. Raises Refusal: the person who asked is not the one who approves."""
    _may_decide(request, user)
    with transaction.atomic():
        if not request.move(RequestState.GOING, decided_by=user, decider=user.get_username(), decision=reason):
            raise Refusal(_decided(request))
        note(request, {"state": (RequestState.WAITING, RequestState.GOING)})
        _begin(request)


def reject(request: ServerRequest, user: Any, reason: str) -> None:
    """Say no, with the reason. Raises Refusal."""
    _may_decide(request, user)
    if not reason.strip():
        raise Refusal(_("Say why: the person who asked will read it."))
    columns = {"decided_by": user, "decider": user.get_username(), "decision": reason, "secrets": ""}
    if not request.move(RequestState.REJECTED, **columns):
        raise Refusal(_decided(request))
    note(request, {"state": (RequestState.WAITING, RequestState.REJECTED)})


def cancel_rest(request: ServerRequest, user: Any) -> int:
    """Call off whatever has not begun yet; what is being made is made. Returns how many were called off. Raises
    Refusal."""
    mine = request.requested_by_id == user.pk
    if not may(user, "provision", Server) or not (mine or may(user, "decide", ServerRequest)):
        raise Refusal(_("Only who asked for it, or an administrator, may call it off."))
    if request.move(RequestState.CANCELLED, decided_by=user, decider=user.get_username(), secrets=""):
        return request.count
    sent = Q(kept__has_key="accepted") | Q(kept__has_key="broke_off")
    # Nothing has been sent for the others: the first stages only choose an id.
    words = _("Called off by %(who)s before anything was made.") % {"who": user.get_username()}
    rows = request.operations.filter(state=OperationState.QUEUED, stage__lte=1, upid="").exclude(sent)
    columns = {"message": words, "waiting_for": "", "finished_at": clock.now(), "vmid": None, "secrets": ""}
    count = rows.update(state=OperationState.CANCELLED, **columns)
    note(request, {"called off": (0, count)})
    return count


def try_again(operation: Operation, user: Any) -> Operation:
    """Ask once more for a server that could not be made. Returns the new row. Raises Refusal."""
    if operation.state not in FAILED:
        raise Refusal(_("It did not fail: there is nothing to try again."))
    if not may(user, "provision", Server):
        raise Refusal(_("You may not create servers: ask an administrator for the right to it."))
    if operation.kept.get("left"):
        raise Refusal(_("What is left of it has to be removed first."))
    with transaction.atomic():
        # the row itself says that it was tried again: two people press at once
        untried = Operation.objects.filter(pk=operation.pk).exclude(kept__has_key="again")
        if not untried.update(kept={**operation.kept, "again": True}):
            raise Refusal(_("It was tried again already."))
        return _queue(
            operation.cluster, operation.parameters, operation.kind, user, operation.secrets,
            server_request=operation.server_request, retry_of=operation,
        )  # fmt: skip


def ask_to_remove_rest(operation: Operation, user: Any) -> Operation:
    """Remove what a failed creation left. Returns the new row, which is its clean-up alone. Raises Refusal."""
    if operation.state not in FAILED or not operation.kept.get("left"):
        raise Refusal(_("Nothing of it is left."))
    if not may(user, "provision", Server):
        raise Refusal(_("You may not create servers: ask an administrator for the right to it."))
    made = remove_rest(operation, user)
    if made is None:
        raise Refusal(_("It is being removed already."))
    return made


def remove_rest(operation: Operation, user: Any = None) -> Operation | None:
    """The clean-up of what a failed creation left, for that person or for who asked for the server; None where another
    one is at it already."""
    kept = {name: value for name, value in operation.kept.items() if name not in ("left", "cleaned")}
    asked = {} if user else {"requester": operation.requester}
    with transaction.atomic():
        lying = Operation.objects.filter(pk=operation.pk, kept__has_key="left")
        if not lying.update(kept={**kept, "cleaned": "removed"}):
            return None
        # one of ours that is being made has the number: it is free in Proxmox, so nothing is left
        if Operation.objects.filter(
            cluster=operation.cluster, vmid=operation.vmid, action=Action.CREATE, state__in=Operation.ACTIVE
        ).exists():
            return None
        return _queue(
            operation.cluster, operation.parameters, operation.kind, user or operation.requested_by,
            operation.secrets, kept={**kept, "tries": kept.get("tries", 0) + 1}, retry_of=operation,
            server_request=operation.server_request, vmid=operation.vmid, node_name=operation.node_name,
            stage=len(operation.plan.stages), stages_done=operation.stages_done, **asked,
        )  # fmt: skip


def _begin(request: ServerRequest) -> None:
    """Make its operations, in the transaction that lets it begin."""
    for parameters in request.wanted:
        _queue(
            request.cluster, parameters, parameters["kind"], request.requested_by, request.secrets,
            server_request=request, requester=request.requester,
        )  # fmt: skip
    ServerRequest.objects.filter(pk=request.pk).update(secrets="", wanted=[])


def _queue(
    cluster: Cluster, parameters: Mapping[str, Any], kind: str, user: Any, secrets: str, **more: Any
) -> Operation:
    more.setdefault("kept", {"mark": str(uuid.uuid4())})
    more.setdefault("requester", user.get_username() if user else "")
    operation = Operation.objects.create(
        cluster=cluster, action=Action.CREATE, parameters=dict(parameters), kind=kind, requested_by=user,
        secrets=secrets, **more,
    )  # fmt: skip
    from servers.tasks import run_operation

    nudge(run_operation, operation.pk)
    return operation


def _may_decide(request: ServerRequest, user: Any) -> None:
    if request.requested_by_id == user.pk:
        raise Refusal(_("You asked for it yourself: a second person has to decide."))
    if not may(user, "decide", ServerRequest):
        raise Refusal(_("You may not decide about requests: ask an administrator for the right to it."))


def _decided(request: ServerRequest) -> str:
    request.refresh_from_db()
    return _("It was decided already: %(state)s, by %(who)s.") % {
        "state": request.get_state_display(), "who": request.decider or "?",
    }  # fmt: skip
