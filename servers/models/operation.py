"""What we ask of Proxmox: one row per request, from the button to Proxmox's last word."""

import secrets
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.lib import clock
from servers.models.inventory import Server
from servers.models.request import Request

# Longer than the slowest call of a step (5 s to connect, 30 s to read).
CLAIM: Final = timedelta(seconds=60)


class OperationState(models.TextChoices):
    """Where a request is."""

    QUEUED = "queued", _("queued")
    SENDING = "sending", _("being sent")  # the call may or may not have reached Proxmox
    RUNNING = "running", _("running")  # Proxmox has named a task
    SETTLING = "settling", _("settling")  # the task is done, the server is not yet what it should be
    SUCCEEDED = "succeeded", _("succeeded")
    WARNINGS = "warnings", _("succeeded with warnings")
    FAILED = "failed", _("failed")
    LOST = "lost", _("lost")  # Proxmox no longer knows the task: nobody can say how it ended
    CANCELLED = "cancelled", _("cancelled")  # called off before anything was sent


class InvalidTransition(Exception):
    """A move that the table does not allow, or that somebody else made first. Its text may be shown."""


class Operation(Request):
    """One request for one server. The row is the queue: whoever moves it does so by a conditional update."""

    ACTIVE: ClassVar = (
        OperationState.QUEUED,
        OperationState.SENDING,
        OperationState.RUNNING,
        OperationState.SETTLING,
    )
    MOVES: ClassVar[dict[str, set[str]]] = {
        OperationState.QUEUED: {
            OperationState.SENDING, OperationState.SUCCEEDED, OperationState.WARNINGS, OperationState.FAILED,
            OperationState.CANCELLED,
        },
        OperationState.SENDING: {
            OperationState.QUEUED, OperationState.RUNNING, OperationState.SETTLING, OperationState.SUCCEEDED,
            OperationState.WARNINGS, OperationState.FAILED, OperationState.LOST,
        },
        OperationState.RUNNING: {
            OperationState.QUEUED, OperationState.SETTLING, OperationState.SUCCEEDED, OperationState.WARNINGS,
            OperationState.FAILED, OperationState.LOST,
        },
        OperationState.SETTLING: {
            OperationState.QUEUED, OperationState.SUCCEEDED, OperationState.WARNINGS, OperationState.FAILED,
            OperationState.LOST,
        },
    }  # fmt: skip

    state = models.CharField(_("state"), max_length=10, choices=OperationState, default=OperationState.QUEUED)
    # The stage of the plan that it is at, since when, and what became of those before.
    stage = models.PositiveSmallIntegerField(default=0)
    stage_since = models.DateTimeField(default=clock.now)
    stages_done = models.JSONField(default=list)
    # What Proxmox says of single parameters, by its names.
    errors = models.JSONField(default=dict)
    # What the plan keeps for itself: a mark, an address, why it failed.
    kept = models.JSONField(default=dict)
    # The request that it is a part of, where several were asked for together.
    server_request = models.ForeignKey(
        "servers.ServerRequest", on_delete=models.SET_NULL, null=True, related_name="operations",
        verbose_name=_("request"),
    )  # fmt: skip

    # What was asked of many servers at once: the same word in each of them, '' where one was asked alone.
    batch = models.CharField(max_length=32, default="", db_index=True)

    node_name = models.CharField(_("node"), max_length=63, default="")
    upid = models.CharField(_("UPID"), max_length=200, default="")
    sending_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(_("sent"), null=True)
    task_ended_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(_("finished"), null=True, db_index=True)
    message = models.TextField(_("Proxmox says"), default="")
    waiting_for = models.TextField(_("waiting for"), default="")
    log = models.TextField(_("log"), default="")
    log_lines = models.PositiveIntegerField(default=0)
    steps = models.PositiveIntegerField(default=0)

    # Since when Proxmox cannot be asked about it; empty as soon as it answers.
    trouble_since = models.DateTimeField(null=True)
    due_at = models.DateTimeField(default=clock.now)
    claim_token = models.CharField(max_length=32, default="")
    claimed_until = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("operation")
        verbose_name_plural = _("operations")
        ordering = ["-requested_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["server"],
                condition=Q(state__in=["queued", "sending", "running", "settling"]),
                name="one_active_operation_of_a_server",
            ),
            models.UniqueConstraint(
                fields=["cluster", "vmid"],
                condition=Q(state__in=["queued", "sending", "running", "settling"], action="create"),
                name="one_creation_of_a_vmid",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "due_at"]),
            models.Index(fields=["server", "-requested_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()}: {self.subject}"

    @property
    def is_active(self) -> bool:
        """Whether it is not over yet."""
        return self.state in self.ACTIVE

    @property
    def duration(self) -> timedelta:
        """From the request to the end, or until now."""
        return (self.finished_at or clock.now()) - self.requested_at

    @classmethod
    def due(cls, moment: datetime) -> "models.QuerySet[Operation]":
        """Active ones whose next step is due and that nobody is at."""
        free = Q(claimed_until=None) | Q(claimed_until__lt=moment)
        return cls.objects.filter(free, state__in=cls.ACTIVE, due_at__lte=moment).order_by("due_at")

    def claim(self, moment: datetime) -> bool:
        """Whether this process may do the next step. A claim expires, so a dead worker holds nothing up."""
        token = secrets.token_hex(16)
        mine = type(self).due(moment).filter(pk=self.pk)
        if not mine.order_by().update(claim_token=token, claimed_until=moment + CLAIM):
            return False
        self.refresh_from_db()
        return self.claim_token == token

    def release(self, due_at: datetime, **columns: Any) -> None:
        """End the step: write what it learned and when the next is due. Nothing is written if the claim was lost."""
        self._write(claimed_until=None, claim_token="", due_at=due_at, **columns)

    def note(self, **columns: Any) -> None:
        """Write in the middle of a step, keeping the claim. Raises InvalidTransition if the claim was lost."""
        if not self._write(**columns):
            raise InvalidTransition(_("another worker took this operation over"))

    def move(self, new: str, **columns: Any) -> None:
        """Go to another state. Raises InvalidTransition where the table or another worker is against it."""
        if new not in self.MOVES.get(self.state, set()):
            raise InvalidTransition(
                _("an operation cannot go from %(old)s to %(new)s") % {"old": self.state, "new": new}
            )
        if new not in self.ACTIVE:
            columns |= {"finished_at": clock.now(), "waiting_for": ""}
        if new in (OperationState.SUCCEEDED, OperationState.WARNINGS):
            columns["secrets"] = ""  # another try of one that failed needs them
        with transaction.atomic():
            self.note(state=new, **columns)
            if new in (OperationState.SUCCEEDED, OperationState.WARNINGS):
                # One transaction: a worker that dies in between must not leave a stopped server that "should run".
                if self.server_id and self.intent:
                    Server.objects.filter(pk=self.server_id).update(intended_state=self.intent)
                self.plan.succeeded(self)

    def _write(self, **columns: Any) -> bool:
        mine = type(self).objects.filter(pk=self.pk, state=self.state, claim_token=self.claim_token)
        written = bool(mine.order_by().update(**columns))
        if written:
            for name, value in columns.items():
                setattr(self, name, value)
        return written
