"""Rings the alarm clock. What has to be done is a row already; this only makes it happen sooner."""

import logging
from typing import Any

from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def nudge(task: Any, *args: Any) -> None:
    """Queue a Celery task after the present transaction. A broker that cannot be reached is logged and no error:
    the beat finds the same work a moment later."""
    transaction.on_commit(lambda: _send(task, args))


def _send(task: Any, args: tuple[Any, ...]) -> None:
    try:
        task.delay(*args)
    except (OperationalError, OSError) as error:
        logger.warning("%s was not queued (%s): the next tick does it.", task.name, type(error).__name__)
