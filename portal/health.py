"""``/healthz``: this process is alive. ``/readyz``: what it needs is there, each failure told in a sentence."""

import asyncio
import dataclasses
import logging
from abc import abstractmethod
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.core.cache import caches
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from health_check.base import HealthCheck
from health_check.exceptions import ServiceUnavailable
from health_check.views import HealthCheckView
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

BROKER_SECONDS: Final = 2
# The library logs a traceback for every failure, and a probe asks every few seconds; the answer says it already.
logging.getLogger("health_check").setLevel(logging.ERROR)


@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """200 as long as this process answers at all. Touches nothing."""
    return JsonResponse({"status": "alive"})


class Check(HealthCheck):
    """One thing that the portal needs. ``probe`` raises ServiceUnavailable with a sentence that may be shown."""

    name: str

    async def run(self) -> None:
        """Probe in the thread of the request, whose database connection it shares."""
        await sync_to_async(self.probe, thread_sensitive=True)()

    @abstractmethod
    def probe(self) -> None:
        """Raises ServiceUnavailable."""


@dataclasses.dataclass
class Database(Check):
    """The database answers."""

    name = "database"

    def probe(self) -> None:
        """Ask it something. Raises ServiceUnavailable."""
        try:
            with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
                cursor.execute("SELECT 1")
        except DatabaseError:
            raise ServiceUnavailable("The database does not answer: look whether it runs and has room.") from None


@dataclasses.dataclass
class Migrations(Check):
    """The database has the shape that this version of the code expects."""

    name = "migrations"
    # Applied migrations stay applied: once it was right, this process need not ask again.
    _complete = False

    def probe(self) -> None:
        """Compare the migrations on disk with those applied. Raises ServiceUnavailable."""
        if Migrations._complete:
            return
        try:
            executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
            missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        except DatabaseError:
            raise ServiceUnavailable("It cannot be seen which migrations were applied.") from None
        if missing:
            raise ServiceUnavailable(f"{len(missing)} migrations are missing: run `manage.py migrate`.")
        Migrations._complete = True


@dataclasses.dataclass
class Cache(Check):
    """Redis, as the cache, answers."""

    name = "redis"

    def probe(self) -> None:
        """Ping it. Raises ServiceUnavailable."""
        ping = getattr(caches["default"], "ping", None)
        if ping is not None and not ping():
            raise ServiceUnavailable(
                "Redis does not answer: pages work without it and no work is lost, but work waits until it is back."
            )


@dataclasses.dataclass
class Broker(Check):
    """The broker takes tasks."""

    name = "broker"

    def probe(self) -> None:
        """Connect to it. Raises ServiceUnavailable."""
        from portal.celery import app

        try:
            with app.connection_for_write(connect_timeout=BROKER_SECONDS) as connection:
                connection.ensure_connection(max_retries=1, interval_start=0, timeout=BROKER_SECONDS)
        except (KombuError, RedisError, OSError):
            raise ServiceUnavailable("The broker of the task queue does not answer: no task can be queued.") from None


class ReadyView(HealthCheckView):
    """200 if every check passes, else 503; the body names what failed. No login: it holds no secret."""

    checks = (Database, Migrations, Cache, Broker)

    async def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Run all checks and tell each result by name."""
        results = await asyncio.gather(*(check.get_result(None) for check in self.get_checks()))
        told = {result.check.name: result.error.message if result.error else "ok" for result in results}
        ready = all(result.error is None for result in results)
        status = "ready" if ready else "not ready"
        return JsonResponse({"status": status, "checks": told}, status=200 if ready else 503)
