"""What can be asked of Proxmox, and a request for it as it was made."""

import json
from typing import TYPE_CHECKING, Any, Final, cast

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.lib import clock
from portal.lib.encrypted import EncryptedTextField, Sealed, Undecryptable
from servers.models.cluster import Cluster
from servers.models.inventory import Kind, Server

if TYPE_CHECKING:
    from servers.models.operation import Operation
    from servers.plans.base import Plan


class Action(models.TextChoices):
    """What can be asked. How each is carried out is its plan (``servers/plans``)."""

    START = "start", _("Start")
    SHUTDOWN = "shutdown", _("Shut down")
    STOP = "stop", _("Stop")
    REBOOT = "reboot", _("Reboot")
    SUSPEND = "suspend", _("Suspend")
    RESUME = "resume", _("Resume")
    CHANGE = "change", _("Change")  # name, tags, description, protection
    RESIZE = "resize", _("Resize")  # CPU, memory, disk
    MIGRATE = "migrate", _("Migrate")
    SNAPSHOT = "snapshot", _("Take a snapshot")
    ROLLBACK = "rollback", _("Roll back")
    DELETE_SNAPSHOT = "delete_snapshot", _("Delete a snapshot")
    BACK_UP = "back_up", _("Back up")
    RESTORE = "restore", _("Restore")
    DELETE = "delete", _("Delete")
    CREATE = "create", _("Create")


# What can be asked of a server by a button alone, in the words of Proxmox's API (``status/ACTION``).
POWER: Final = (Action.START, Action.SHUTDOWN, Action.STOP, Action.REBOOT, Action.SUSPEND, Action.RESUME)


class Request(models.Model):
    """What was asked for, by whom, and of which server: the part of an operation that never changes."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, verbose_name=_("cluster"))
    # Empty while a server that is being created is not seen yet.
    server = models.ForeignKey(
        Server, on_delete=models.CASCADE, related_name="operations", null=True, verbose_name=_("server")
    )
    action = models.CharField(_("action"), max_length=20, choices=Action)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, verbose_name=_("asked by")
    )
    requester = models.CharField(_("asked by"), max_length=150, default="")  # the name outlives the account
    requested_at = models.DateTimeField(_("asked"), default=clock.now, db_index=True)

    # What was asked for, as the form had it; what is secret in it is kept apart and dropped when it is over.
    parameters = models.JSONField(_("asked for"), default=dict)
    secrets = EncryptedTextField(default="", editable=False)
    # Of a server that does not exist yet.
    vmid = models.PositiveIntegerField(_("VMID"), null=True)
    kind = models.CharField(max_length=4, choices=Kind, default="")
    retry_of = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, verbose_name=_("another try of"))

    class Meta:
        abstract = True

    @property
    def plan(self) -> "Plan":
        """How it is carried out."""
        from servers.plans import plan_of

        return plan_of(self.action)

    @property
    def intent(self) -> str:
        """The state that the server is put in on purpose; '' where it stays as it is."""
        return self.plan.intent(cast("Operation", self))

    @property
    def subject(self) -> str:
        """The server that it is about, or the name of one that does not exist yet."""
        return str(self.server) if self.server else str(self.parameters.get("name") or self.vmid or "?")

    @property
    def guest(self) -> tuple[str, int]:
        """Kind and number of the guest that it is about."""
        return (self.server.kind, self.server.vmid) if self.server else (self.kind, self.vmid or 0)

    def kept_secrets(self) -> dict[str, Any]:
        """What is secret in what was asked for. Raises Undecryptable."""
        if isinstance(self.secrets, Sealed):
            raise Undecryptable
        return json.loads(self.secrets) if self.secrets else {}


def family(kind: str) -> str:
    """The prefix of Proxmox's task types for that kind of guest: ``qm`` or ``vz``."""
    return "qm" if kind == Kind.QEMU else "vz"
