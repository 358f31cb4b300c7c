"""Rings the alarm clock. What has to be done is a row already; this only makes it happen sooner."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Final

from django.core.cache import cache
from django.db import transaction
from kombu.exceptions import OperationalError

from portal.lib.cache import OUTAGES

logger = logging.getLogger(__name__)
# Seconds until a nudge that nobody took up is taken for lost, and the next one is sent.
WAITS: Final = 5
_left: ContextVar[int | None] = ContextVar("nudges left", default=None)


def nudge(task: Any, *args: Any) -> None:
    """Queue a Celery task after the present transaction. A broker that cannot be reached is logged and no error:
    the beat finds the same work a moment later."""
    transaction.on_commit(lambda: _send(task, args))


def nudge_one(task: Any) -> None:
    """The same for a task that takes all there is: while one of them waits for a worker, no second one is queued. The
    task says ``taken_up`` before it looks for work, so whatever was written before a nudge is seen by some task."""
    transaction.on_commit(lambda: _send_one(task))


def taken_up(task: Any) -> None:
    """The next ``nudge_one`` queues another one."""
    with suppress(*OUTAGES):
        cache.delete(_flag(task))


@contextmanager
def alone(task: Any, seconds: int) -> Iterator[bool]:
    """Whether no other worker is within this block of the same task. One that died is in there for so many seconds.
    A Redis that cannot be reached knows of none: the rows' own claims are what must hold."""
    key = f"alone:{task.name}"
    try:
        mine = cache.add(key, 1, timeout=seconds)
    except OUTAGES:
        mine = True
    try:
        yield mine
    finally:
        if mine:
            with suppress(*OUTAGES):
                cache.delete(key)


def _send_one(task: Any) -> None:
    try:
        free = cache.add(_flag(task), 1, timeout=WAITS)
    except OUTAGES:
        free = True  # the broker may be another server, and be there
    if free:
        _send(task, ())


def _flag(task: Any) -> str:
    return f"nudged:{task.name}"


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
