"""How tasks end, counted in Redis: Celery's own counters live in its processes and die with them.

These counts are for rates ("tasks fail since noon"); what must be right for ever is counted in rows. They survive a
restart of every process, and begin anew where Redis comes back empty, as a counter of Prometheus may.
"""

import logging
from functools import cache
from typing import Any, Final

import redis
from celery import Task
from django.conf import settings

logger = logging.getLogger(__name__)
KEY: Final = "portal:tasks"
SECONDS: Final = 1.0  # that counting may hold a task up where Redis hangs
SUCCEEDED: Final = "succeeded"
FAILED: Final = "failed"
RETRIED: Final = "retried"


class CountedTask(Task):
    """Celery's task; its outcomes are counted. A Redis that cannot be reached costs the count and nothing else."""

    abstract = True

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
        """It came to its end."""
        note(self.name, SUCCEEDED)

    def on_failure(self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """It raised. The log says what."""
        note(self.name, FAILED)

    def on_retry(self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """It will be run once more."""
        note(self.name, RETRIED)


def note(task: str, result: str) -> None:
    """Count one outcome."""
    try:
        client_of(settings.PORTAL_REDIS_URL).hincrby(KEY, f"{task}|{result}", 1)
    except redis.RedisError as error:
        logger.debug("An outcome of %s was not counted: %s", task, type(error).__name__)


def counts(client: "redis.Redis") -> dict[tuple[str, str], int]:
    """The outcomes by task and result; for each task that was ever run both ends, so that a first failure is a step
    from 0. Raises RedisError."""
    found: dict[tuple[str, str], int] = {}
    kept: dict[bytes, bytes] = client.hgetall(KEY)  # type: ignore[assignment]
    for field, number in kept.items():
        task, _stroke, result = field.decode().rpartition("|")
        found |= {(task, end): found.get((task, end), 0) for end in (SUCCEEDED, FAILED)}
        found[task, result] = int(number)
    return found


@cache
def client_of(url: str) -> "redis.Redis":
    """A client of that Redis, one per process: its threads share it, and it connects anew where it was cut off."""
    return redis.Redis.from_url(url, socket_connect_timeout=SECONDS, socket_timeout=SECONDS)
