"""Which servers nobody watches: those without an exporter, a recent backup, an owner, or a route to anybody.

Templates and retired servers are none. How old a backup may be differs by server: ``monitoring.backup_ages``.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from django.core.cache import cache
from django.db.models import BooleanField, Case, Count, OuterRef, Q, QuerySet, Subquery, When
from django.utils.translation import gettext_lazy as _
from prometheus_client.core import GaugeMetricFamily, Metric

from monitoring.backup_ages import with_backup
from monitoring.things import COLUMNS, labels_from
from notifications import reach
from portal.lib import clock
from servers.models import Backup, Server

EXPORTER: Final = "exporter"
BACKUP: Final = "backup"
OWNER: Final = "owner"
ROUTE: Final = "route"
ALL: Final = "all"
PARTS: Final[dict[str, Any]] = {
    EXPORTER: _("no exporter"),
    BACKUP: _("no backup, or too old"),
    OWNER: _("no owner"),
    ROUTE: _("no route"),
}
# The same below a heading that says "missing".
SHORT: Final[dict[str, Any]] = {EXPORTER: _("exporter"), BACKUP: _("backup"), OWNER: _("owner"), ROUTE: _("route")}
KEEP_SECONDS: Final = 60


def unreached() -> Q:
    """The servers about which nobody would be told if they were in trouble, as ``notifications`` judges by its rules.
    Looked at once a minute: each server is asked about."""
    found: tuple[int, list[int]] | None = cache.get("monitoring:unreached")
    if found is None:
        found = _ask_about_each()
        cache.set("monitoring:unreached", found, KEEP_SECONDS)
    number, keys = found
    if len(keys) in (0, number):
        return Q(pk__isnull=not keys)  # none or all: no list of ten thousand keys
    return Q(pk__in=keys)


def _ask_about_each() -> tuple[int, list[int]]:
    reaches, number, keys = reach(), 0, []
    living = Server.objects.filter(retired_at=None, template=False).order_by()
    for pk, *columns in living.values_list("pk", *COLUMNS).iterator():
        number += 1
        if not reaches(labels_from(*columns)):
            keys.append(pk)
    return number, keys


def judged(servers: "QuerySet[Any]", moment: datetime) -> "QuerySet[Any]":
    """The living servers among these, with ``newest_backup``, and True or False in ``has_backup`` and ``has_route``."""
    mine = Backup.objects.filter(server=OuterRef("pk"), gone_at=None)
    newest = mine.order_by("-created_at").values("created_at")[:1]
    return _marked(servers, moment).annotate(newest_backup=Subquery(newest))


def _marked(servers: "QuerySet[Any]", moment: datetime) -> "QuerySet[Any]":
    routed = Case(When(unreached(), then=False), default=True, output_field=BooleanField())
    living = servers.filter(retired_at=None, template=False)
    return with_backup(living, moment).annotate(has_route=routed)


def without(part: str) -> Q:
    """The condition of servers that lack that part, or any for ``all``. For what ``judged`` gives. Raises KeyError."""
    own = {EXPORTER: Q(exporter_port=None), BACKUP: Q(has_backup=False), OWNER: Q(owner=""), ROUTE: Q(has_route=False)}
    return own[EXPORTER] | own[BACKUP] | own[OWNER] | own[ROUTE] if part == ALL else own[part]


def gaps(server: Any) -> list[str]:
    """What that server, one of ``judged``, lacks."""
    there = {
        EXPORTER: server.exporter_port is not None,
        BACKUP: server.has_backup,
        OWNER: bool(server.owner),
        ROUTE: server.has_route,
    }
    return [part for part, found in there.items() if not found]


def counts() -> dict[str, int]:
    """How many servers have each part, how many have all of them, and under ``servers`` how many there are."""
    living = _marked(Server.objects.all(), clock.now())
    # A part's own name would hide the column of that name from the conditions.
    parts = {f"n_{part}": Count("pk", filter=~without(part)) for part in (*PARTS, ALL)}
    found = living.order_by().aggregate(n_servers=Count("pk"), **parts)
    return {name.removeprefix("n_"): number for name, number in found.items()}


def recent_counts() -> dict[str, int]:
    """The counts of the last minute: counting looks at every server."""
    found: dict[str, int] | None = cache.get("monitoring:coverage")
    if found is None:
        found = counts()
        cache.set("monitoring:coverage", found, KEEP_SECONDS)
    return found


def coverage_families() -> Iterator[Metric]:
    """The part of the servers that has what it takes; no sample while there is no server. Counted once a minute."""
    found = recent_counts()
    family = GaugeMetricFamily(
        "portal_server_monitoring_coverage_ratio",
        "Part of the servers that have this part of monitoring, 0 to 1.",
        labels=["part"],
    )
    for part in (*PARTS, ALL) if found["servers"] else ():
        family.add_metric([part], found[part] / found["servers"])
    yield family
