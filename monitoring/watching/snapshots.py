"""Snapshots that somebody forgot: they grow, slow their disks down and stand in the way of moves."""

from typing import Final

from django.db.models import Min
from django.utils.translation import gettext as _

from monitoring.conditions import Finding, Verdict
from monitoring.models import Condition, Severity
from monitoring.things import labels_of
from monitoring.watching.backups import DAY
from monitoring.watching.looking import Key, Looking
from servers.models import Server

CONDITIONS: Final = frozenset({Condition.SNAPSHOT_TOO_OLD})


def look(looking: Looking) -> dict[Key, Verdict]:
    """Verdicts about servers whose oldest snapshot is older than the threshold. One that is deleted is well again."""
    usual = looking.threshold("SnapshotTooOld")
    shortest = min([usual, *looking.policies.thresholds(Condition.SNAPSHOT_TOO_OLD)])
    rows = (
        Server.objects.filter(retired_at=None, template=False, cluster__in=looking.clusters)
        .annotate(oldest=Min("snapshots__taken_at"))
        .filter(oldest__lt=looking.moment - shortest * DAY)
        .select_related("node")
    )
    verdicts: dict[Key, Verdict] = {}
    for row in rows:
        days = looking.policies.threshold(Condition.SNAPSHOT_TOO_OLD, row.pk, row.cluster_id, usual)
        if looking.moment - row.oldest > days * DAY:
            verdicts[Condition.SNAPSHOT_TOO_OLD, f"server:{row.pk}"] = _old(row, days, looking)
    return verdicts


def _old(server: Server, days: float, looking: Looking) -> Finding:
    cluster, oldest = looking.clusters[server.cluster_id], server.oldest  # type: ignore[attr-defined]
    words = _("The oldest snapshot of %(server)s in cluster %(cluster)s is %(age).1f days old; it may be %(days)g days "
              "old. Delete it if nobody goes back to it.")  # fmt: skip
    facts = {"server": server, "cluster": cluster.name, "age": (looking.moment - oldest) / DAY, "days": days}
    return Finding(
        Condition.SNAPSHOT_TOO_OLD, f"server:{server.pk}", Severity.INFO,
        _("A snapshot of %(server)s is too old") % {"server": server}, words % facts, oldest + days * DAY, cluster,
        server.node, server, labels_of(server, cluster),
    )  # fmt: skip
