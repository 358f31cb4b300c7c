"""Clusters and nodes: the quorum, and certificates that end."""

from datetime import UTC, datetime
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from monitoring.conditions import UNDECIDED, Finding, Verdict
from monitoring.models import Condition, Severity
from monitoring.watching.looking import Key, Looking
from servers.models import Cluster, Node
from servers.models import Finding as Fact

CONDITIONS: Final = frozenset({Condition.CLUSTER_NOT_QUORATE, Condition.CERTIFICATE_EXPIRING})
# Days more than the threshold for a certificate that was told of: it is renewed for months or not at all.
SLACK_DAYS: Final = 1


def look(looking: Looking) -> dict[Key, Verdict]:
    """Verdicts about clusters and about nodes' certificates."""
    verdicts: dict[Key, Verdict] = {}
    for cluster in looking.clusters.values():
        verdicts[Condition.CLUSTER_NOT_QUORATE, f"cluster:{cluster.pk}"] = _quorum(cluster, looking)
    return verdicts | _certificates(looking)


def _quorum(cluster: Cluster, looking: Looking) -> Verdict:
    if cluster.pk not in looking.reliable or cluster.quorate is None:
        return UNDECIDED
    if cluster.quorate:
        return None
    words = _("The nodes of cluster %(cluster)s that answer are not enough for a majority: nothing can be started or "
              "changed there, and servers that vanish are not retired.")  # fmt: skip
    return Finding(
        Condition.CLUSTER_NOT_QUORATE, f"cluster:{cluster.pk}", Severity.CRITICAL,
        _("Cluster %(cluster)s has no quorum") % {"cluster": cluster.name}, words % {"cluster": cluster.name},
        looking.moment, cluster, labels={"cluster": cluster.name},
    )  # fmt: skip


def _certificates(looking: Looking) -> dict[Key, Verdict]:
    nodes = {(node.cluster_id, node.name): node for node in Node.objects.filter(retired_at=None)}
    verdicts: dict[Key, Verdict] = {}
    for fact in Fact.objects.filter(cluster__in=looking.clusters, key__startswith="certificates@"):
        node = nodes.get((fact.cluster_id, fact.key.partition("@")[2]))
        if node and fact.value:
            key = (Condition.CERTIFICATE_EXPIRING, f"node:{node.pk}")
            verdicts[key] = _certificate(key, node, fact.value, looking)
    return verdicts


def _certificate(key: Key, node: Node, ends: dict[str, int], looking: Looking) -> Verdict:
    name, end = min(ends.items(), key=lambda pair: pair[1])
    left = (datetime.fromtimestamp(end, UTC) - looking.moment).total_seconds() / 86400
    if left >= looking.limit(key, looking.threshold("CertificateExpiring"), -SLACK_DAYS):
        return None
    cluster = looking.clusters[node.cluster_id]
    days = max(0, int(left))
    if left < 0:
        title = _("A certificate of node %(node)s has ended")
        words = _("The certificate %(name)s of node %(node)s in cluster %(cluster)s has ended.")
    else:
        title = _("A certificate of node %(node)s ends soon")
        words = ngettext(
            "The certificate %(name)s of node %(node)s in cluster %(cluster)s ends in %(days)d day.",
            "The certificate %(name)s of node %(node)s in cluster %(cluster)s ends in %(days)d days.",
            days,
        )
    facts = {"name": name, "node": node.name, "cluster": cluster.name, "days": days}
    return Finding(
        *key, Severity.CRITICAL if left < 0 else Severity.WARNING, title % facts, words % facts, looking.moment,
        cluster, node=node, labels={"cluster": cluster.name, "node": node.name, "certificate": name},
    )  # fmt: skip
