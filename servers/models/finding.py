"""What the rotation found out about a cluster and no row of the inventory has a column for."""

from datetime import datetime
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.lib import clock
from servers.models.cluster import Cluster


class Finding(models.Model):
    """One judged answer of Proxmox, the newest of its key. Written by the rotation, read by monitoring.

    The key is that of the rotation's job: ``identity``, ``version``, ``not_backed_up``, ``qdevice``,
    ``subscription@NODE``, ``replication@NODE``, ``load@NODE``, ``certificates@NODE``.
    A key whose job is gone (its node is offline) goes too.
    """

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, verbose_name=_("cluster"))
    key = models.CharField(max_length=200)
    value = models.JSONField()
    at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = _("finding")
        verbose_name_plural = _("findings")
        constraints = [models.UniqueConstraint(fields=["cluster", "key"], name="one_finding_of_a_key")]

    def __str__(self) -> str:
        return f"{self.cluster_id}: {self.key}"

    @classmethod
    def keep(cls, cluster: Cluster, key: str, value: Any, moment: datetime) -> None:
        """Put it in the place of the last one."""
        cls.objects.update_or_create(cluster=cluster, key=key, defaults={"value": value, "at": moment})
