"""Which kept messages are read next, by whoever is woken: the rows are the queue, the oldest goes first."""

import logging
import time
from datetime import datetime, timedelta
from typing import Final

from django.db import OperationalError
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from monitoring import inbound
from monitoring.models import Inbound
from monitoring.models.hooks import MOST_ATTEMPTS

logger = logging.getLogger(__name__)
BATCH: Final = 200
# Seconds of reading in one task: then others that wait for a worker have their turn.
TURN: Final = 2.0
# Seconds after which a worker that reads is taken for dead: a turn, and one more go of a long message.
LEASE: Final = 30
# A message that is younger has woken somebody, who is on the way.
GRACE: Final = timedelta(seconds=5)


def free(moment: datetime) -> "QuerySet[Inbound]":
    """What nobody has read to its end and nobody is at."""
    unclaimed = Q(claimed_until=None) | Q(claimed_until__lt=moment)
    return Inbound.objects.filter(unclaimed, processed_at=None)


def take_waiting(moment: datetime) -> set[int]:
    """Read what waits, the oldest first, for some seconds. Returns the keys of those that it has been at.

    A long message is read in several goes, and the ones behind it have theirs in between.
    """
    until, been = time.monotonic() + TURN, set[int]()
    for pk in _next(moment).values_list("pk", flat=True)[:BATCH]:
        _take(pk)
        been.add(pk)
        if time.monotonic() > until:
            break
    return been


def has_more(moment: datetime, been: set[int]) -> bool:
    """Whether some can be read now. Of those that were just read: only what is left of a long one. Others of them have
    been put off, as an end whose beginning is still to come."""
    return _next(moment).filter(Q(position__gt=0) | ~Q(pk__in=been)).exists()


def _next(moment: datetime) -> "QuerySet[Inbound]":
    return free(moment).filter(attempts__lt=MOST_ATTEMPTS).order_by("received_at", "pk")


def _take(pk: int) -> None:
    """Read one; a message that cannot be read keeps nobody else waiting."""
    row = Inbound.objects.filter(pk=pk, processed_at=None).select_related("cluster").first()
    if row is None:
        return
    try:
        inbound.take(row)
    except OperationalError:
        raise
    except Exception:  # one defect must not silence the other senders
        logger.exception("Inbound message %s could not be read.", pk)


def is_late(moment: datetime) -> bool:
    """Whether a message waits that nobody has read for a while, or only in part. Those over which worker after worker
    died are given up, and say so."""
    for row in free(moment).filter(attempts__gte=MOST_ATTEMPTS)[:BATCH]:
        words = _("Given up after %(count)d attempts: the log says why.") % {"count": row.attempts}
        inbound.finish(row, row.taken, words)
    return _next(moment).filter(Q(received_at__lt=moment - GRACE) | Q(position__gt=0)).exists()
