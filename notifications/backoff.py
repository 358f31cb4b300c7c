"""When a delivery that failed is tried again, and when it is given up."""

import random
from datetime import datetime, timedelta
from typing import Final

# Seconds after the first, second … failure; the last goes on until it is given up.
DELAYS: Final = (10, 30, 120, 600, 3600)
JITTER: Final = 0.2
GIVE_UP: Final = timedelta(hours=24)
# A receiver may ask for patience, within reason.
LONGEST_WAIT: Final = 4 * 3600.0


def next_try(attempts: int, queued_at: datetime, moment: datetime, asked: float | None = None) -> datetime | None:
    """When to try again after that many attempts; None if it has been tried for long enough. ``asked`` is what the
    receiver asked for, in seconds: never sooner than that. Jitter keeps a crowd from returning all at once."""
    delay = DELAYS[min(max(attempts, 1), len(DELAYS)) - 1] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
    delay = max(delay, min(asked or 0.0, LONGEST_WAIT))
    due = moment + timedelta(seconds=delay)
    return due if due - queued_at <= GIVE_UP else None
