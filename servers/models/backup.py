"""Backups that exist on the storages, and the runs that make them."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.lib import clock
from servers.models.cluster import Cluster
from servers.models.inventory import Kind, NodeStatus, Server, Storage

NEW_FOR: Final = timedelta(minutes=30)  # from a cluster's first good sync


class Verification(models.TextChoices):
    """What Proxmox Backup Server says about a backup."""

    NEVER = "", _("not verified")
    OK = "ok", _("verified")
    FAILED = "failed", _("verification failed")


class Backup(models.Model):
    """One volume with a backup, owned by the sync. A row whose volume is gone keeps ``gone_at``."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, verbose_name=_("cluster"))
    storage = models.ForeignKey(Storage, on_delete=models.CASCADE, verbose_name=_("storage"))
    server = models.ForeignKey(Server, on_delete=models.SET_NULL, null=True, blank=True, verbose_name=_("server"))
    volid = models.CharField(_("volume"), max_length=500)
    vmid = models.PositiveIntegerField(_("VMID"), null=True)
    kind = models.CharField(_("type"), max_length=4, choices=Kind, default="")
    format = models.CharField(_("format"), max_length=30, default="")
    size = models.PositiveBigIntegerField(_("size (bytes)"), default=0)
    created_at = models.DateTimeField(_("made"), db_index=True)
    notes = models.TextField(_("notes"), default="")
    protected = models.BooleanField(_("protected"), default=False)
    encrypted = models.BooleanField(_("encrypted"), default=False)
    verification = models.CharField(_("verification"), max_length=10, choices=Verification, default="", blank=True)
    first_seen = models.DateTimeField(default=clock.now)
    gone_at = models.DateTimeField(_("gone"), null=True, blank=True)

    class Meta:
        verbose_name = _("backup")
        verbose_name_plural = _("backups")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["storage", "volid"], condition=models.Q(gone_at=None), name="one_living_backup_of_a_volume"
            )
        ]
        # What exists, by server and by age; an index on gone_at alone would be preferred and hold nearly all rows.
        indexes = [
            models.Index(fields=["server", "-created_at"]),
            models.Index(fields=["server", "created_at"], condition=models.Q(gone_at=None), name="kept_of_a_server"),
            models.Index(fields=["created_at", "id"], condition=models.Q(gone_at=None), name="kept_by_age"),
            # Counted at each scrape: from the index alone.
            models.Index(
                fields=["cluster", "verification"], condition=models.Q(gone_at=None), name="kept_of_a_cluster"
            ),
        ]

    def __str__(self) -> str:
        return self.volid

    @staticmethod
    def listing_of(storage: Storage) -> str:
        """The key in ``Cluster.rotation`` under which it is kept when that storage's backups were asked for last."""
        return f"content:{storage.name}@{storage.node.name if storage.node else ''}"

    @classmethod
    def are_unread(cls, clusters: Iterable[Cluster]) -> bool:
        """Whether the backups of a cluster that is new here are still being listed, storage by storage: until then,
        that a server has none says nothing. One query."""
        since = clock.now() - NEW_FOR
        new = {row.pk: row for row in clusters if row.enabled and (row.first_complete_at or clock.now()) > since}
        listed = models.Q(node=None) | models.Q(node__status=NodeStatus.ONLINE)
        storages = Storage.objects.filter(
            listed, cluster__in=new, retired_at=None, status="available", content__contains="backup"
        )
        return any(cls.listing_of(one) not in new[one.cluster_id].rotation for one in storages.select_related("node"))


class Outcome(models.TextChoices):
    """How a task ended."""

    RUNNING = "running", _("running")
    SUCCESS = "success", _("succeeded")
    WARNINGS = "warnings", _("succeeded with warnings")
    FAILURE = "failure", _("failed")


class BackupRun(models.Model):
    """One vzdump task, from the cluster's task list, once each."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, verbose_name=_("cluster"))
    upid = models.CharField(_("UPID"), max_length=200)
    node_name = models.CharField(_("node"), max_length=63)
    vmid = models.PositiveIntegerField(_("VMID"), null=True, blank=True)  # none: a job of several guests
    server = models.ForeignKey(Server, on_delete=models.SET_NULL, null=True, blank=True, verbose_name=_("server"))
    user = models.CharField(_("user"), max_length=200, default="")
    started_at = models.DateTimeField(_("started"), db_index=True)
    ended_at = models.DateTimeField(_("ended"), null=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome, default=Outcome.RUNNING)
    message = models.TextField(_("Proxmox says"), default="")

    class Meta:
        verbose_name = _("backup run")
        verbose_name_plural = _("backup runs")
        ordering = ["-started_at"]
        constraints = [models.UniqueConstraint(fields=["cluster", "upid"], name="one_row_per_backup_task")]

    def __str__(self) -> str:
        return self.upid
