"""The first stages of a new server: its id, and the guest itself."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from portal.lib import clock
from portal.lib.nudge import nudge
from servers.models import Kind, Operation, OperationState, Server
from servers.nodes import is_down
from servers.plans.base import Found, Stage
from servers.plans.creating import orders
from servers.plans.creating.marking import CLONE, RESTORE, OfNew, Owner, how, owner, place
from servers.proxmox.errors import AlreadyThere, GuestMissing, Invalid, ParametersRefused, Refused, Unreachable
from servers.proxmox.gateway import Gateway

RESERVE, MAKE = 0, 1
ASKED_AT_ONCE: Final = 25
# So often an id may be taken from under us before that is told.
RACES: Final = 50
FOUND: Final = {
    Owner.OURS: Found.OURS, Owner.FOREIGN: Found.FOREIGN, Owner.NOBODY: Found.ABSENT, Owner.UNSURE: Found.UNSURE,
}  # fmt: skip


class Reserve(OfNew):
    """A free id of the portal's range. It is reserved among our operations only: Proxmox reserves none."""

    title = gettext_noop("Choose an id")

    def call(self, gateway: Gateway, operation: Operation) -> str | None:
        """Ask whether the next free ids are free in Proxmox too, and keep the first. Raises Invalid if none is."""
        for number, vmid in enumerate(free_ids(operation)):
            if number >= ASKED_AT_ONCE:
                raise Unreachable(_("Many ids in a row are taken in Proxmox: the next ones are asked in a moment."))
            try:
                gateway.next_id(vmid)
            except ParametersRefused:
                _remember(operation, vmid)
                continue
            if _keep(operation, vmid):
                return None
        low, high = settings.PORTAL_VMID_RANGE
        raise Invalid({"vmid": _("No id from %(low)d to %(high)d is free.") % {"low": low, "high": high}})


class Make(OfNew):
    """The clone, the container or the restore. Its notes carry our mark from the first moment that they can."""

    title = gettext_noop("Make the guest")
    turn = timedelta(seconds=5)
    lock_wait = timedelta(hours=1)  # others may be copying the same template
    settles_within = timedelta(hours=1)

    @property
    def tasks(self) -> frozenset[str]:
        """The three ways."""
        return frozenset({"{}clone", "{}create", "{}restore"})

    def waits_for(self, operation: Operation) -> str:
        """One copy of a template at a time: Proxmox locks it, and they would only slow each other down."""
        if how(operation) != CLONE:
            return ""
        copying = [OperationState.SENDING, OperationState.RUNNING, OperationState.SETTLING]
        # one whose task has ended copies no longer, even where it cannot be asked whether all is well
        others = _of_template(operation).filter(state__in=copying).exclude(state=OperationState.SETTLING, upid__gt="")
        other = others.first()
        return (
            _("its turn: %(name)s is being copied from the same template.") % {"name": other.subject} if other else ""
        )

    def task_ended(self, operation: Operation) -> None:
        """The template is free: whoever has waited longest is next."""
        from servers.tasks import run_operation

        if how(operation) != CLONE:
            return
        moment = clock.now()
        waiting = _of_template(operation).filter(state=OperationState.QUEUED).exclude(waiting_for="")
        following = waiting.order_by("pk").first()
        if following and Operation.objects.filter(pk=following.pk, due_at__gt=moment).update(due_at=moment):
            nudge(run_operation, following.pk)

    def node(self, operation: Operation) -> str:
        """Where the task runs: a clone's on the node of its source."""
        if how(operation) != CLONE:
            return place(operation)
        row = _template(operation)
        return row.node.name if row and row.node else str(operation.parameters["source"]["node"])

    def vmid(self, operation: Operation) -> int:
        """The task of a clone bears its source's id."""
        return int(operation.parameters["source"]["vmid"]) if how(operation) == CLONE else int(operation.vmid or 0)

    def call(self, gateway: Gateway, operation: Operation) -> str | None:
        """Returns the UPID. Before it is sent a second time it is looked whether the first one arrived after all."""
        node = self.node(operation)
        _require_online(operation)
        operation.note(kept={**operation.kept, "made_on": node})
        again = operation.kept.get("broke_off") == operation.vmid
        if again and owner(gateway, operation) is not Owner.NOBODY:
            raise Unreachable(_("The first call may have arrived: it is looked for."), maybe_done=True)
        try:
            upid = _send(gateway, operation, node)
        except AlreadyThere:
            if again:
                raise Unreachable(_("The first call may have arrived: it is looked for."), maybe_done=True) from None
            raise
        operation.kept = {**operation.kept, "accepted": operation.vmid}
        operation.note(kept=operation.kept)
        return upid

    def recognise(self, gateway: Gateway, operation: Operation) -> Found:
        """By the mark in its notes. A restore has none yet, and is known by its task, which bears its id."""
        if operation.kept.get("broke_off") != operation.vmid:
            operation.note(kept={**operation.kept, "broke_off": operation.vmid})
        if how(operation) == RESTORE:
            return Found.BY_TASK
        return FOUND[owner(gateway, operation)]

    def retreat(self, operation: Operation, refusal: Refused) -> int | None:
        """Where the id was taken from under us: to the next one."""
        lost = len(operation.kept.get("raced", []))
        if not isinstance(refusal, AlreadyThere) or lost >= RACES:
            return None
        kept = {**operation.kept, "raced": [*operation.kept.get("raced", []), operation.vmid]}
        for name in ("accepted", "broke_off"):
            kept.pop(name, None)
        operation.note(kept=kept, vmid=None)
        return RESERVE

    def settles(self, operation: Operation) -> bool:
        """It is not ours to change before it is unlocked."""
        return True

    def settled(self, gateway: Gateway, operation: Operation) -> tuple[bool, str]:
        """Whether it is whole. Raises GuestMissing where it is gone, as a copy that failed is."""
        target, copied_on = place(operation), str(operation.kept.get("made_on", ""))
        try:
            state = gateway.guest_state(target, operation.kind, operation.vmid or 0)
        except GuestMissing:
            if copied_on in ("", target):
                raise
            state = gateway.guest_state(copied_on, operation.kind, operation.vmid or 0)
            return False, _("still on node %(node)s") % {"node": copied_on}
        if not state.lock and operation.kept.get("accepted") != operation.vmid:
            operation.note(kept={**operation.kept, "accepted": operation.vmid})
        return not state.lock, _("locked (%(lock)s)") % {"lock": state.lock}


def _require_online(operation: Operation) -> None:
    """Raises Invalid for a node that is down: Proxmox would make the copy all the same, and nobody could go on."""
    node = place(operation)
    if is_down(operation.cluster_id, node):
        raise Invalid({"node": _("Node %(node)s is not online.") % {"node": node}})


def _send(gateway: Gateway, operation: Operation, node: str) -> str:
    way = how(operation)
    if way == CLONE:
        source = operation.parameters["source"]
        if _template(operation) is None:
            raise Invalid({"template": _("The template is gone from Proxmox.")})
        try:
            return gateway.clone(node, operation.kind, int(source["vmid"]), orders.clone(operation, node))
        except GuestMissing as refusal:
            sentence = _("The template (%(vmid)s) is not on node %(node)s any more.")
            raise Refused(refusal.status, sentence % {"vmid": source["vmid"], "node": node}) from None
    if way == RESTORE:
        return gateway.restore(node, operation.kind, orders.restore(operation))
    return gateway.create_container(node, orders.container(operation))


def _of_template(operation: Operation) -> "models.QuerySet[Operation]":
    """The others that are at this stage with the same template."""
    return Operation.objects.filter(
        cluster_id=operation.cluster_id, action=operation.action, stage=MAKE,
        parameters__source__vmid=operation.parameters["source"]["vmid"],
    ).exclude(pk=operation.pk)  # fmt: skip


def _template(operation: Operation) -> Server | None:
    rows = Server.objects.filter(cluster_id=operation.cluster_id, retired_at=None).select_related("node")
    return rows.filter(vmid=operation.parameters["source"]["vmid"]).first()


def free_ids(operation: Operation) -> Iterator[int]:
    """Ids of the range that nobody is known to have, the lowest first."""
    low, high = settings.PORTAL_VMID_RANGE
    known = Server.objects.filter(cluster_id=operation.cluster_id, retired_at=None, vmid__range=(low, high))
    active = Operation.objects.filter(cluster_id=operation.cluster_id, state__in=Operation.ACTIVE)
    taken = set(known.values_list("vmid", flat=True)) | set(active.values_list("vmid", flat=True))
    taken |= {*operation.kept.get("raced", []), *operation.kept.get("taken", [])}
    return (vmid for vmid in range(low, high + 1) if vmid not in taken)


def _remember(operation: Operation, vmid: int) -> None:
    operation.note(kept={**operation.kept, "taken": [*operation.kept.get("taken", []), vmid]})


def _keep(operation: Operation, vmid: int) -> bool:
    """Whether no other operation of ours took it at the same moment."""
    try:
        with transaction.atomic():
            operation.note(vmid=vmid)
    except IntegrityError:
        return False
    return True


def kind_of(source: dict[str, Any]) -> str:
    """The kind of guest that a source makes."""
    return str(source.get("kind") or Kind.QEMU)


__all__ = ["MAKE", "RESERVE", "Make", "Reserve", "Stage", "free_ids", "kind_of"]
