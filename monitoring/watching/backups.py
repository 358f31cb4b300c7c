"""Backups: too old, and servers that no backup job knows."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Max, Min, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from monitoring.conditions import Finding, Verdict
from monitoring.models import Condition, Severity
from monitoring.things import labels_of
from monitoring.watching.looking import Key, Looking
from servers.models import Cluster, Server
from servers.models import Finding as Fact

CONDITIONS: Final = frozenset({Condition.BACKUP_TOO_OLD, Condition.NOT_IN_BACKUP_JOB})
DAY: Final = timedelta(days=1)
NAMED: Final = 15  # servers named in a text


def look(looking: Looking) -> dict[Key, Verdict]:
    """Verdicts about servers with an old backup, and about clusters with servers that are in no job."""
    return _too_old(looking) | _in_no_job(looking)


def _too_old(looking: Looking) -> dict[Key, Verdict]:
    """Of servers that have a backup at all: whoever has none is told of with its cluster."""
    usual = looking.threshold("BackupTooOld")
    wanted = Server.objects.filter(retired_at=None).aggregate(days=Min("backup_days"))["days"]
    shortest = min([usual, wanted or usual, *looking.policies.thresholds(Condition.BACKUP_TOO_OLD)])
    rows = (
        Server.objects.filter(retired_at=None, template=False, cluster__in=looking.clusters)
        .annotate(newest=Max("backup__created_at", filter=Q(backup__gone_at=None)))
        .filter(newest__lt=looking.moment - shortest * DAY)
        .select_related("node")
    )
    verdicts: dict[Key, Verdict] = {}
    for server in rows:
        key = (Condition.BACKUP_TOO_OLD, f"server:{server.pk}")
        # An exception goes before what was wanted when the server was made, and that before everybody's threshold.
        own = server.backup_days or usual
        days = looking.policies.threshold(Condition.BACKUP_TOO_OLD, server.pk, server.cluster_id, own)
        age = (looking.moment - server.newest) / DAY
        if age > days:
            verdicts[key] = _old(key, server, server.newest, age, days, looking)
    return verdicts


def _old(key: Key, server: Server, newest: datetime, age: float, days: float, looking: Looking) -> Finding:  # noqa: PLR0913, PLR0917
    cluster = looking.clusters[server.cluster_id]
    words = _(
        "The newest backup of %(server)s in cluster %(cluster)s is %(age).1f days old; it may be %(days)g days old."
    )
    return Finding(
        *key, Severity.WARNING, _("The backup of %(server)s is too old") % {"server": server},
        words % {"server": server, "cluster": cluster.name, "age": age, "days": days},
        newest + days * DAY, cluster, server.node, server, labels_of(server, cluster),
    )  # fmt: skip


def _in_no_job(looking: Looking) -> dict[Key, Verdict]:
    found: dict[Key, Verdict] = {}
    facts = Fact.objects.filter(cluster__in=looking.clusters, key="not_backed_up")
    for fact in facts:
        cluster = looking.clusters[fact.cluster_id]
        missing = _wanted(cluster, fact.value, looking)
        key = (Condition.NOT_IN_BACKUP_JOB, f"cluster:{cluster.pk}")
        found[key] = _jobless(key, cluster, missing, looking) if missing else None
    return found


def _wanted(cluster: Cluster, told: Iterable[str], looking: Looking) -> list[Server]:
    """Those of Proxmox's list that are servers, and of which somebody wants to hear."""
    numbers = [int(name.rpartition("/")[2]) for name in told if name.rpartition("/")[2].isdigit()]
    living = Server.objects.filter(cluster=cluster, retired_at=None, template=False, vmid__in=numbers).order_by("vmid")
    quiet = {
        server for (condition, server), row in looking.policies.of_servers.items()
        if condition == Condition.NOT_IN_BACKUP_JOB and row.muted
    }  # fmt: skip
    return [server for server in living if server.pk not in quiet]


def _jobless(key: Key, cluster: Cluster, missing: list[Server], looking: Looking) -> Finding:
    number = len(missing)
    title = ngettext(
        "%(number)d server of cluster %(cluster)s is in no backup job",
        "%(number)d servers of cluster %(cluster)s are in no backup job",
        number,
    )
    names = ", ".join(str(server) for server in missing[:NAMED])
    more = _(" and %(number)d more") % {"number": number - NAMED} if number > NAMED else ""
    words = _(
        "Proxmox backs these up in no job: %(names)s%(more)s. Add them to one, or say on the server that this is fine."
    )
    return Finding(
        *key, Severity.INFO, title % {"number": number, "cluster": cluster.name},
        words % {"names": names, "more": more}, looking.moment, cluster, labels={"cluster": cluster.name},
    )  # fmt: skip
