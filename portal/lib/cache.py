"""Django's Redis cache, counted in django-prometheus's families, and a miss where Redis cannot be reached.

What lives in the cache can be computed or fetched again: losing Redis may cost freshness, never a page. The failures
are counted (``django_cache_get_fail_total``), logged once a minute, and ``/readyz`` tells them.
"""

import logging
import time
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache as DjangoRedisCache
from django_prometheus.cache.metrics import (
    django_cache_get_fail_total,
    django_cache_get_total,
    django_cache_hits_total,
    django_cache_misses_total,
)
from redis.exceptions import ConnectionError as RedisUnreachable
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout

logger = logging.getLogger(__name__)
BACKEND = "redis"
OUTAGES = (RedisUnreachable, RedisTimeout, ConnectionError)


class RedisCache(DjangoRedisCache):
    """Getting and setting survive an outage of Redis. Everything else raises as Django's does."""

    _last_complaint = 0.0

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """The value, or the default where there is none or Redis cannot be reached."""
        django_cache_get_total.labels(backend=BACKEND).inc()
        try:
            value = super().get(key, None, version)
        except OUTAGES as error:
            django_cache_get_fail_total.labels(backend=BACKEND).inc()
            self._complain(error)
            return default
        (django_cache_misses_total if value is None else django_cache_hits_total).labels(backend=BACKEND).inc()
        return default if value is None else value

    def get_many(self, keys: Any, version: int | None = None) -> dict[Any, Any]:
        """What is there of these keys; nothing where Redis cannot be reached."""
        try:
            return super().get_many(keys, version)
        except OUTAGES as error:
            self._complain(error)
            return {}

    def set(self, key: Any, value: Any, timeout: Any = 300, version: int | None = None) -> None:
        """Keep the value, unless Redis cannot be reached."""
        try:
            super().set(key, value, timeout, version)
        except OUTAGES as error:
            self._complain(error)

    def set_many(self, data: dict[Any, Any], timeout: Any = 300, version: int | None = None) -> list[Any]:
        """Keep the values, unless Redis cannot be reached. Returns the keys that were not kept."""
        try:
            return super().set_many(data, timeout, version)
        except OUTAGES as error:
            self._complain(error)
            return list(data)

    def ping(self) -> bool:
        """Whether Redis answers. For ``/readyz``."""
        try:
            return bool(self._cache.get_client(None, write=True).ping())
        except (RedisError, OSError):
            return False

    def _complain(self, error: Exception) -> None:
        if time.monotonic() - RedisCache._last_complaint > 60:
            RedisCache._last_complaint = time.monotonic()
            logger.warning("Redis cannot be reached (%s): the cache counts as empty.", type(error).__name__)


def redis_answers() -> bool:
    """Whether Redis can be reached; a cache that needs none always answers."""
    ping = getattr(caches["default"], "ping", None)
    return ping() if ping else True
