"""Celery's side of monitoring: thin."""

from typing import Any, Final

from celery import shared_task
from django.conf import settings

from monitoring import annotations, evaluation, inbound, inbound_queue, pruning, queue_metrics, setting_aside, watching
from portal.lib import clock
from portal.lib.nudge import alone, nudge_one, taken_up

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
    "monitoring: forget old incidents": {
        "task": "monitoring.tasks.prune",
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
    """Open and close incidents about storages, backups, certificates, the quorum, and the portal's own work; and end
    what an exception keeps back since."""
    watching.watch()
    setting_aside.by_exceptions(clock.now())


@shared_task(ignore_result=True)
def take_waiting() -> None:
    """Turn what webhooks kept into alerts, for some seconds; what is left is another turn.

    One worker at a time: several would wait for each other at the database, and leave nobody for the rest."""
    taken_up(take_waiting)
    with alone(take_waiting, inbound_queue.LEASE) as mine:
        passed_over = inbound_queue.take_waiting(clock.now()) if mine else set()
    # Asked after the block, so that what came in its last moment is either seen here or has woken somebody.
    if mine and inbound_queue.has_more(clock.now(), passed_over):
        nudge_one(take_waiting)


@shared_task(ignore_result=True)
def take_all_inbound() -> None:
    """What was kept and not taken: the guarantee behind the nudge, for messages that are some seconds old."""
    if inbound_queue.is_late(clock.now()):
        nudge_one(take_waiting)


@shared_task(ignore_result=True)
def mark_incidents() -> None:
    """Show on Grafana's graphs when incidents began and ended, where there is a token for it."""
    annotations.mark(clock.now())


@shared_task(ignore_result=True)
def prune_inbound() -> None:
    """Forget messages that are older than they are kept for."""
    inbound.prune(clock.now())


@shared_task(ignore_result=True)
def prune() -> None:
    """Forget incidents that ended long ago, and what was said of them."""
    pruning.prune(clock.now())
