"""Rings the alarm clock. What has to be done is a row already; this only makes it happen sooner."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)
_left: ContextVar[int | None] = ContextVar("nudges left", default=None)


def nudge(task: Any, *args: Any) -> None:
    """Queue a Celery task after the present transaction. A broker that cannot be reached is logged and no error:
    the beat finds the same work a moment later."""
    transaction.on_commit(lambda: _send(task, args))


@contextmanager
def at_most(number: int) -> Iterator[None]:
    """Within it, only so many nudges are sent; the ring finds the rest. For work that makes rows by the hundred: as
    many tasks would stand in the queue before everybody else's, and what the beat rings for would expire there."""
    token = _left.set(number)
    try:
        yield
    finally:
        _left.reset(token)


def _send(task: Any, args: tuple[Any, ...]) -> None:
    left = _left.get()
    if left == 0:
        return
    if left is not None:
        _left.set(left - 1)
    try:
        task.delay(*args)
    except (OperationalError, OSError) as error:
        logger.warning("%s was not queued (%s): the next tick does it.", task.name, type(error).__name__)
