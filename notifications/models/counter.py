"""Counters that never fall: durable rows, raised in the transaction of what they count."""

from django.db import models
from django.db.models import F


class Result(models.TextChoices):
    """What became of a delivery, as the label ``result`` spells it. Tests are told apart: they wake nobody."""

    DELIVERED = "delivered", "delivered"
    RETRIED = "retried", "retried"
    DEAD = "dead", "dead"
    DISMISSED = "dismissed", "dismissed"
    TEST_DELIVERED = "test_delivered", "test delivered"
    TEST_FAILED = "test_failed", "test failed"


class NotificationCounter(models.Model):
    """A monotone count by the kind of channel and the result. Pruning never touches it."""

    kind = models.CharField(max_length=30)
    result = models.CharField(max_length=20, choices=Result)
    value = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "result"], name="one_counter_per_kind_and_result")]

    def __str__(self) -> str:
        return f"{self.kind} {self.result} {self.value}"

    @classmethod
    def add(cls, kind: str, result: Result, amount: int = 1) -> None:
        """Raise a counter. Call it inside the transaction that writes what is counted."""
        cls.objects.get_or_create(kind=kind, result=result)
        cls.objects.filter(kind=kind, result=result).update(value=F("value") + amount)
