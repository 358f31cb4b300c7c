"""Counters that never fall: durable rows, raised in the transaction of what they count."""

from django.db import models
from django.db.models import F


class Counter(models.Model):
    """A monotone count. ``cluster`` is a name and no key, so that it outlives the cluster's row."""

    CREATED = "server_creation_total"
    DELETED = "server_deletion_total"
    BACKUP_SUCCESS = "backup_success_total"
    BACKUP_FAILURE = "backup_failure_total"

    name = models.CharField(max_length=60)
    cluster = models.CharField(max_length=60, default="")
    value = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "cluster"], name="one_counter_per_cluster")]

    def __str__(self) -> str:
        return f"{self.name}{{{self.cluster}}} {self.value}"

    @classmethod
    def add(cls, name: str, cluster: str, amount: int) -> None:
        """Raise a counter. Call it inside the transaction that writes what is counted."""
        cls.objects.get_or_create(name=name, cluster=cluster)
        if amount:
            cls.objects.filter(name=name, cluster=cluster).update(value=F("value") + amount)
