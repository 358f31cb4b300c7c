"""Celery's side of monitoring: thin."""

from typing import Any, Final

from celery import shared_task
from django.conf import settings

from monitoring import incidents, queue_metrics
from portal.lib import clock

BEAT: Final[dict[str, dict[str, Any]]] = {
    "monitoring: look at what changed": {"task": "monitoring.tasks.look_at_changes", "options": {"expires": 10}},
    "monitoring: look at everything": {
        "task": "monitoring.tasks.look_at_everything",
        "schedule": 5 * settings.PORTAL_TICK_SECONDS,
        "options": {"expires": 10},
    },
}


@shared_task(ignore_result=True)
def look_at_changes() -> None:
    """Open and close incidents, if the inventory changed: the quick look, every tick."""
    queue_metrics.note_tick(clock.now())
    if incidents.has_news():
        incidents.evaluate()


@shared_task(ignore_result=True)
def look_at_everything() -> None:
    """Open and close incidents: what time alone brings (a second failed sync, the end of an operation's grace)."""
    incidents.evaluate()
