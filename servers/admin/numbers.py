"""The figures of the front page: a fixed number of aggregate queries, made once per request."""

from datetime import timedelta
from functools import cached_property
from typing import Any, Final

from django.core.cache import cache
from django.db.models import Case, Count, F, FloatField, IntegerField, Max, Q, Value, When
from django.db.models.functions import Cast
from django.http import HttpRequest

from portal.lib import clock, show
from servers.admin.ages import BACKUP_AGES, backup_age
from servers.models import Backup, BackupRun, Cluster, Node, NodeStatus, Outcome, Server, StateChange, Storage

SHOWN_NODES: Final = 8
SHOWN_STORAGES: Final = 6
SHOWN_CHANGES: Final = 10
RUNS_OF: Final = timedelta(days=1)
# From so many servers on, the ages of their backups are counted twice a minute and not for every look.
MANY: Final = 5000
BACKUPS_KEY: Final = "servers:backup-ages"
REMEMBERED_SECONDS: Final = 30


class Numbers:
    """Each property is one query, made when it is first asked for."""

    @cached_property
    def servers(self) -> dict[str, int]:
        """Living servers by status; templates are not servers."""
        living = Server.objects.filter(retired_at=None, template=False).order_by()
        return dict(living.values_list("status").annotate(Count("pk")))

    @cached_property
    def nodes(self) -> dict[str, int]:
        """Living nodes by status."""
        return dict(Node.objects.filter(retired_at=None).order_by().values_list("status").annotate(Count("pk")))

    @cached_property
    def first_nodes(self) -> list[Node]:
        """Some nodes, those in trouble first."""
        trouble = Case(When(status=NodeStatus.ONLINE, then=Value(1)), default=Value(0), output_field=IntegerField())
        found = Node.objects.filter(retired_at=None).select_related("cluster")
        return list(found.order_by(trouble, "cluster__name", "name")[:SHOWN_NODES])

    @cached_property
    def fullest_storages(self) -> list[Storage]:
        """Some storages, the fullest first."""
        known = Storage.objects.filter(retired_at=None, used__isnull=False, size__gt=0).select_related(
            "cluster", "node"
        )
        part = Cast(F("used"), FloatField()) / Cast(F("size"), FloatField())
        return list(known.annotate(part=part).order_by("-part", "name")[:SHOWN_STORAGES])

    @cached_property
    def storages(self) -> dict[str, int]:
        """How many storages there are, how many are full, how many cannot be reached."""
        living = Storage.objects.filter(retired_at=None)
        return living.aggregate(
            all=Count("pk"),
            full=Count("pk", filter=Q(size__gt=0, used__gte=F("size") * show.BAD_FROM)),
            lost=Count("pk", filter=~Q(status="available")),
        )

    @cached_property
    def backups(self) -> dict[str, int]:
        """Living servers by the age of their newest backup: one pass over the backups, and the rest have none."""
        total = sum(self.servers.values())
        if total < MANY:
            return self._count_backups(total)
        found: dict[str, int] | None = cache.get(BACKUPS_KEY)
        if found is None:  # get_or_set would fail where Redis is away
            found = self._count_backups(total)
            cache.set(BACKUPS_KEY, found, REMEMBERED_SECONDS)
        return found

    def _count_backups(self, total: int) -> dict[str, int]:
        kept = Backup.objects.filter(gone_at=None, server__retired_at=None, server__template=False)
        newest = kept.order_by().values("server").annotate(newest_backup=Max("created_at"))
        counts = newest.aggregate(**{step[0]: Count("server", filter=backup_age(step[0])) for step in BACKUP_AGES})
        return {**counts, "none": max(0, total - sum(counts.values()))}

    @cached_property
    def backups_unread(self) -> bool:
        """Whether it is too early to say which servers have none."""
        return self.backups["none"] > 0 and Backup.are_unread(self.clusters)

    @cached_property
    def failed_runs(self) -> int:
        """Backup runs that failed within a day."""
        recent = BackupRun.objects.filter(started_at__gte=clock.now() - RUNS_OF)
        return recent.filter(outcome=Outcome.FAILURE).count()

    @cached_property
    def clusters(self) -> list[Cluster]:
        """Every cluster, those in trouble first."""
        found = list(Cluster.objects.all())
        return sorted(found, key=lambda cluster: (cluster.healthy or not cluster.enabled, cluster.name))

    @cached_property
    def changes(self) -> list[StateChange]:
        """The latest changes."""
        found = StateChange.objects.select_related("cluster", "server", "node", "storage__node")
        return list(found[:SHOWN_CHANGES])


def of(request: HttpRequest) -> Numbers:
    """The figures of this request."""
    found: Any = getattr(request, "_numbers", None)
    if found is None:
        found = Numbers()
        request._numbers = found  # type: ignore[attr-defined]
    return found
