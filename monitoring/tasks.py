"""Celery's side of monitoring: thin."""

from typing import Any, Final

from celery import shared_task
from django.conf import settings

from monitoring import annotations, evaluation, inbound, queue_metrics, watching
from monitoring.models import Inbound
from portal.lib import clock

BEAT: Final[dict[str, dict[str, Any]]] = {
    "monitoring: look at what changed": {"task": "monitoring.tasks.look_at_changes", "options": {"expires": 10}},
    "monitoring: watch what changes slowly": {
        "task": "monitoring.tasks.watch",
        "schedule": 20 * settings.PORTAL_TICK_SECONDS,
        "options": {"expires": 30},
    },
    "monitoring: look at everything": {
        "task": "monitoring.tasks.look_at_everything",
        "schedule": 5 * settings.PORTAL_TICK_SECONDS,
        "options": {"expires": 10},
    },
    "monitoring: take what webhooks kept": {"task": "monitoring.tasks.take_all_inbound", "options": {"expires": 30}},
    "monitoring: mark incidents in Grafana": {
        "task": "monitoring.tasks.mark_incidents",
        "schedule": 10 * settings.PORTAL_TICK_SECONDS,
        "options": {"expires": 30},
    },
    "monitoring: forget old webhooks": {
        "task": "monitoring.tasks.prune_inbound",
        "schedule": 600 * settings.PORTAL_TICK_SECONDS,
        "options": {"expires": 60},
    },
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
def watch() -> None:
    """Open and close incidents about storages, backups, certificates, the quorum, and the portal's own work."""
    watching.watch()


@shared_task(ignore_result=True)
def take_inbound(inbound_id: int) -> None:
    """Turn one kept message into alerts, unless somebody has."""
    row = Inbound.objects.filter(pk=inbound_id, processed_at=None).select_related("cluster").first()
    if row:
        inbound.take(row)


@shared_task(ignore_result=True)
def take_all_inbound() -> None:
    """What was kept and not taken: the guarantee behind the nudge, for messages that are some seconds old."""
    for pk in inbound.waiting(clock.now()):
        take_inbound.delay(pk)


@shared_task(ignore_result=True)
def mark_incidents() -> None:
    """Show on Grafana's graphs when incidents began and ended, where there is a token for it."""
    annotations.mark(clock.now())


@shared_task(ignore_result=True)
def prune_inbound() -> None:
    """Forget messages that are older than they are kept for."""
    inbound.prune(clock.now())
