"""How old the newest backup of each server may be, for conditions on many servers at once.

The order is that of ``monitoring.watching.backups``: the exception of a server, that of its cluster, what was wanted
when the server was made, and everybody's threshold. One that says "never tell" wants no backup.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import BooleanField, Case, DateTimeField, Exists, OuterRef, Q, QuerySet, Value, When

from monitoring.models import AlertThreshold, Condition, ConditionOverride
from monitoring.thresholds import DEFAULTS
from servers.models import Backup, Server

RULE: Final = "BackupTooOld"


def with_backup(servers: "QuerySet[Any]", moment: datetime) -> "QuerySet[Any]":
    """These servers with True in ``has_backup`` where one exists that is recent enough, or none is wanted, and with
    ``backup_since``: older ones count as none. Exceptions, wishes and the threshold are three queries."""
    exceptions = list(ConditionOverride.objects.filter(condition=Condition.BACKUP_TOO_OLD))
    mine = Backup.objects.filter(server=OuterRef("pk"), gone_at=None, created_at__gte=OuterRef("backup_since"))
    unwanted = _those(exceptions, [row for row in exceptions if row.muted])
    return servers.annotate(backup_since=_since(moment, exceptions)).annotate(
        has_backup=Case(When(unwanted, then=Value(True)), default=Exists(mine), output_field=BooleanField())
    )


def _since(moment: datetime, exceptions: list[ConditionOverride]) -> Any:
    """One branch for each number of days that occurs."""
    numbers = sorted({row.threshold for row in exceptions if row.threshold is not None})
    branches = [(days, _those(exceptions, [row for row in exceptions if row.threshold == days])) for days in numbers]
    wanted = Server.objects.filter(retired_at=None, backup_days__gt=0).order_by()
    wishes = wanted.values_list("backup_days", flat=True).distinct()
    branches += [(float(days), Q(backup_days=days)) for days in wishes if days]
    usual = AlertThreshold.objects.filter(alert=RULE).first()
    return Case(
        *(When(where, then=Value(moment - timedelta(days=days))) for days, where in branches),
        default=Value(moment - timedelta(days=usual.value if usual else DEFAULTS[RULE].value)),
        output_field=DateTimeField(),
    )


def _those(exceptions: list[ConditionOverride], chosen: list[ConditionOverride]) -> Q:
    """The servers for which the chosen ones hold: a cluster's does not where a server has its own. Lists and no chain
    of conditions, which SQLite takes up to a depth of a thousand."""
    own = [row.server_id for row in exceptions if row.server_id]
    servers = [row.server_id for row in chosen if row.server_id]
    clusters = [row.cluster_id for row in chosen if row.cluster_id]
    return Q(pk__in=servers) | (Q(cluster__in=clusters) & ~Q(pk__in=own))
