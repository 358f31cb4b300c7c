"""Celery's side of monitoring: thin."""

from datetime import timedelta
from typing import Any, Final

from celery import shared_task
from django.conf import settings

from monitoring import evaluation, intake, queue_metrics
from monitoring.models import Inbound
from portal.lib import clock

# A message that is younger is probably being taken.
GRACE: Final = timedelta(seconds=20)

BEAT: Final[dict[str, dict[str, Any]]] = {
    "monitoring: look at what changed": {"task": "monitoring.tasks.look_at_changes", "options": {"expires": 10}},
    "monitoring: look at everything": {
        "task": "monitoring.tasks.look_at_everything",
        "schedule": 5 * settings.PORTAL_TICK_SECONDS,
        "options": {"expires": 10},
    },
    "monitoring: take what webhooks kept": {"task": "monitoring.tasks.take_all_inbound", "options": {"expires": 30}},
}


@shared_task(ignore_result=True)
def look_at_changes() -> None:
    """Open and close incidents, if the inventory changed: the quick look, every tick."""
    queue_metrics.note_tick(clock.now())
    if evaluation.has_news():
        evaluation.evaluate()


@shared_task(ignore_result=True)
def look_at_everything() -> None:
    """Open and close incidents: what time alone brings (a second failed sync, the end of an operation's grace)."""
    evaluation.evaluate()


@shared_task(ignore_result=True)
def take_inbound(inbound_id: int) -> None:
    """Turn one kept message into alerts, unless somebody has."""
    row = Inbound.objects.filter(pk=inbound_id, processed_at=None).first()
    if row:
        intake.take(row)


@shared_task(ignore_result=True)
def take_all_inbound() -> None:
    """What was kept and not taken: the guarantee behind the nudge, for messages that are some seconds old."""
    waiting = clock.now() - GRACE
    for pk in Inbound.objects.filter(processed_at=None, received_at__lt=waiting).values_list("pk", flat=True)[:50]:
        take_inbound.delay(pk)
