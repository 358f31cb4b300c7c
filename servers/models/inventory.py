"""Nodes, storages and servers, as the last good sync saw them. Rows are retired, never deleted."""

from typing import TYPE_CHECKING

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.lib import clock
from servers.endpoints import validate_host
from servers.models.cluster import Cluster

if TYPE_CHECKING:
    from servers.history import History


class NodeStatus(models.TextChoices):
    """Proxmox's words for a node."""

    ONLINE = "online", _("online")
    OFFLINE = "offline", _("offline")
    UNKNOWN = "unknown", _("unknown")


class ServerStatus(models.TextChoices):
    """The states a person meets most. Proxmox has more (any QEMU run state), which are kept as they come."""

    RUNNING = "running", _("running")
    STOPPED = "stopped", _("stopped")
    PAUSED = "paused", _("paused")
    SUSPENDED = "suspended", _("suspended")
    PRELAUNCH = "prelaunch", _("prelaunch")
    IO_ERROR = "io-error", _("I/O error")
    UNKNOWN = "unknown", _("unknown")


class Kind(models.TextChoices):
    """What a guest is, in Proxmox's words."""

    QEMU = "qemu", _("VM")
    LXC = "lxc", _("container")


class ExpectedState(models.TextChoices):
    """What the operator wants a server to be."""

    AUTO = "", _("as it was last put on purpose")
    RUNNING = "running", _("running")
    STOPPED = "stopped", _("stopped")
    ANY = "any", _("anything: never alert")


class Thing(models.Model):
    """What nodes, storages and servers have in common: seen by a sync, retired when gone."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, verbose_name=_("cluster"))
    status_since = models.DateTimeField(_("since"), default=clock.now)
    first_seen = models.DateTimeField(_("first seen"), default=clock.now)
    missing = models.PositiveSmallIntegerField(default=0)  # complete answers in a row without it
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def is_retired(self) -> bool:
        """Whether it is history: gone from Proxmox, kept here."""
        return self.retired_at is not None


class Node(Thing):
    """A machine of the cluster."""

    name = models.CharField(_("name"), max_length=63)
    status = models.CharField(_("status"), max_length=20, choices=NodeStatus, default=NodeStatus.UNKNOWN)
    address = models.CharField(_("address"), max_length=64, default="")
    max_cpu = models.PositiveIntegerField(_("cores"), null=True)
    max_memory = models.PositiveBigIntegerField(_("memory (bytes)"), null=True)
    max_disk = models.PositiveBigIntegerField(_("root disk (bytes)"), null=True)
    support_level = models.CharField(_("support level"), max_length=20, default="")

    class Meta:
        verbose_name = _("node")
        verbose_name_plural = _("nodes")
        ordering = ["cluster__name", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["cluster", "name"], condition=Q(retired_at=None), name="one_living_node_of_a_name"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Storage(Thing):
    """A storage. A shared one is one row without a node; a local one is a row per node."""

    node = models.ForeignKey(Node, on_delete=models.CASCADE, null=True, blank=True, verbose_name=_("node"))
    name = models.CharField(_("name"), max_length=100)
    plugin_type = models.CharField(_("type"), max_length=30, default="")
    content = models.CharField(_("content"), max_length=200, default="")  # sorted, joined by commas
    shared = models.BooleanField(_("shared"), default=False)
    status = models.CharField(_("status"), max_length=20, default="unknown")
    used = models.PositiveBigIntegerField(_("used (bytes)"), null=True)
    size = models.PositiveBigIntegerField(_("size (bytes)"), null=True)

    class Meta:
        verbose_name = _("storage")
        verbose_name_plural = _("storages")
        ordering = ["cluster__name", "name", "node__name"]
        constraints = [
            models.UniqueConstraint(
                fields=["cluster", "node", "name"], condition=Q(retired_at=None), name="one_living_storage_of_a_node"
            ),
            models.UniqueConstraint(
                fields=["cluster", "name"],
                condition=Q(retired_at=None, node=None),
                name="one_living_shared_storage_of_a_name",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.node.name})" if self.node else self.name

    @property
    def usage_ratio(self) -> float | None:
        """Used space as a part of the size, 0 to 1; None while unknown."""
        return self.used / self.size if self.used is not None and self.size else None


class Server(Thing):
    """A guest: a virtual machine or a container. Its identity is (cluster, vmid) while it lives."""

    # --- the sync's columns
    vmid = models.PositiveIntegerField(_("VMID"))
    kind = models.CharField(_("type"), max_length=4, choices=Kind)
    node = models.ForeignKey(Node, on_delete=models.SET_NULL, null=True, verbose_name=_("node"))
    name = models.CharField(_("name"), max_length=255)
    status = models.CharField(_("status"), max_length=30, default=ServerStatus.UNKNOWN)
    last_known_status = models.CharField(max_length=30, default="")  # what it was before it became unknown
    template = models.BooleanField(_("template"), default=False)
    tags = models.CharField(_("tags"), max_length=1000, default="", blank=True)  # ";prod;web;", so that one can search
    pool = models.CharField(_("pool"), max_length=200, default="")
    lock = models.CharField(_("lock"), max_length=40, default="")
    ha_state = models.CharField(_("HA state"), max_length=40, default="")
    max_cpu = models.PositiveIntegerField(_("cores"), null=True)
    max_memory = models.PositiveBigIntegerField(_("memory (bytes)"), null=True)
    max_disk = models.PositiveBigIntegerField(_("disk (bytes)"), null=True)
    # The state it was last put in on purpose: the first seen one, then what operations and people asked for.
    intended_state = models.CharField(max_length=10, default="")

    # --- the rotation's columns: what the guest agent, or the container, says of itself
    agent_address = models.CharField(_("agent's address"), max_length=64, default="")
    agent_error = models.CharField(max_length=300, default="")  # why it said nothing when it was last asked
    agent_asked_at = models.DateTimeField(null=True)
    agent_due_at = models.DateTimeField(null=True)
    snapshots_due_at = models.DateTimeField(null=True)  # when Proxmox is asked next which snapshots it has

    # --- the operator's columns
    owner = models.CharField(_("owner"), max_length=100, blank=True, default="", db_index=True)
    environment = models.CharField(_("environment"), max_length=40, blank=True, default="", db_index=True)
    notes = models.TextField(_("notes"), blank=True, default="")
    backup_days = models.PositiveSmallIntegerField(
        _("backup wanted (days)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(3650)],
        help_text=_("How old its newest backup may be. Empty: as under Thresholds, or its exception."),
    )
    expected_state = models.CharField(
        _("expected state"), max_length=10, choices=ExpectedState, default=ExpectedState.AUTO, blank=True
    )
    exporter_port = models.PositiveIntegerField(
        _("exporter port"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(65535)],
        help_text=_("Where its node_exporter listens (usually 9100). Empty: Prometheus does not scrape it."),
    )
    operator_address = models.CharField(
        _("address"),
        max_length=255,
        blank=True,
        default="",
        validators=[validate_host],
        help_text=_("A host name or an IP address, without a port. Empty: the address its guest agent tells."),
    )

    class Meta:
        verbose_name = _("server")
        verbose_name_plural = _("servers")
        ordering = ["cluster__name", "vmid"]
        permissions = [
            ("operate_server", _("Can start and stop a server, take snapshots of it and back it up")),
            ("configure_server", _("Can resize, move, roll back and restore a server")),
            ("provision_server", _("Can create servers")),
            ("destroy_server", _("Can delete a server from Proxmox")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["cluster", "vmid"], condition=Q(retired_at=None), name="one_living_server_of_a_vmid"
            )
        ]
        # No index on retired_at alone: almost every row has the same, and SQLite would prefer it to those that sort.
        indexes = [
            models.Index(fields=["retired_at", "template", "status"]),
            models.Index(fields=["retired_at", "vmid", "id"]),  # the list in its own order, page by page
            models.Index(fields=["name"]),
            models.Index(fields=["vmid"]),
        ]

    def __str__(self) -> str:
        return f"{self.name or _('unnamed')} ({self.vmid})"

    def allows(self, action: str) -> bool:
        """Whether the object itself permits it: a retired server is history, and a template is not operated."""
        if action in ("configure", "destroy"):
            return not self.is_retired
        return action != "operate" or not (self.is_retired or self.template)

    @property
    def tag_list(self) -> list[str]:
        """Its tags, sorted."""
        return [tag for tag in self.tags.split(";") if tag]

    @property
    def expected(self) -> str:
        """The state it should be in: ``running``, ``stopped``, or ``any``. The operator's word goes first."""
        return self.expected_state or self.intended_state or ExpectedState.ANY

    @property
    def address(self) -> str:
        """Where it is reached: the operator's word, else its guest agent's; '' while nobody knows."""
        return self.operator_address.strip() or self.agent_address

    def history(self, timeframe: str) -> "History":
        """Its figures over time as Proxmox keeps them: hour, day, week, month or year. It asks Proxmox: some seconds at
        most, never within a transaction. Raises KeyError for another timeframe."""
        from servers import history

        return history.of_server(self, timeframe)
