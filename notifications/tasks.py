"""What Celery runs. Thin: the rows say what is to be done, ``sending`` does it."""

import logging
from collections.abc import Callable
from typing import Any, Final

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings

from portal.lib import clock

logger = logging.getLogger(__name__)
BATCH: Final = 200
# A sending that takes longer than the soft limit counts as failed; both end before the claim expires.
SOFT_LIMIT, HARD_LIMIT = 90, 105

BEAT: Final[dict[str, dict[str, Any]]] = {
    "notifications-deliver-due": {
        "task": "notifications.deliver_due",
        "schedule": settings.PORTAL_TICK_SECONDS,
        "options": {"expires": 30},
    },
    "notifications-take-turns": {
        "task": "notifications.take_turns",
        "schedule": settings.PORTAL_TICK_SECONDS,
        "options": {"expires": 30},
    },
}


@shared_task(name="notifications.deliver", soft_time_limit=SOFT_LIMIT, time_limit=HARD_LIMIT)
def deliver(delivery_pk: int) -> None:
    """Send one delivery, if it is due and nobody else is at it."""
    from notifications import sending

    sending.deliver(delivery_pk)


@shared_task(name="notifications.deliver_due")
def deliver_due() -> int:
    """Wake a worker for everything that is due: the guarantee behind all nudges. How many were woken."""
    from notifications import pacing
    from portal.lib.nudge import nudge

    found = pacing.due(clock.now())
    for pk in found:
        nudge(deliver, pk)
    return len(found)


@shared_task(name="notifications.take_turns", soft_time_limit=SOFT_LIMIT, time_limit=HARD_LIMIT)
def take_turns() -> int:
    """Do what routes have due: groups, digests, the ends of silences, reminders, escalations. How many were done."""
    from notifications import bundling, turning
    from notifications.models import Bundle, Watch

    moment = clock.now()
    bundles = Bundle.objects.filter(due_at__lte=moment).order_by("due_at").values_list("pk", flat=True)
    done = _each(bundling.flush, list(bundles[:BATCH]))
    watches = Watch.objects.filter(due_at__lte=moment).order_by("due_at").values_list("pk", flat=True)
    return done + _each(turning.turn, list(watches[:BATCH]))


def _each(deed: Callable[[int], bool], keys: list[int]) -> int:
    """Do it for each of them; one that cannot be done stays due and keeps nobody else waiting."""
    done = 0
    for key in keys:
        try:
            done += deed(key)
        except SoftTimeLimitExceeded:
            raise
        except Exception:  # one defect must not silence the other routes
            logger.exception("%s %s could not be done.", deed.__qualname__, key)
    return done
