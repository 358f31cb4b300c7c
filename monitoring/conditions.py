"""What the portal itself knows is wrong. Pure functions: rows in, verdicts out; nothing asked, nothing written."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from monitoring.models import Condition, Severity
from monitoring.things import labels_of
from servers.models import Cluster, Node, NodeStatus, Operation, Server, ServerStatus

# A cluster is in trouble when its sync failed that often in a row: a single hiccup is none.
FAILURES: Final = 2
# After an operation ended Proxmox's list may show the state before it for 5 to 12 s, and a sync may take its time.
AFTER_OPERATION: Final = timedelta(seconds=45)
# A node that came back starts its servers one after the other.
AFTER_NODE: Final = timedelta(minutes=3)
# States on the way to another one.
PASSING: Final = frozenset(
    {ServerStatus.PRELAUNCH, "shutdown", "postmigrate", "inmigrate", "restore-vm", "finish-migrate"}
)


class Open(Enum):
    """The answer "it cannot be told now": what is open stays open, and nothing is opened."""

    UNDECIDED = "undecided"


UNDECIDED: Final = Open.UNDECIDED


@dataclass(frozen=True, slots=True)
class Finding:
    """One trouble of one thing, ready to become an incident."""

    condition: str
    object_key: str
    severity: str
    title: str
    text: str
    since: datetime
    cluster: Cluster | None = None
    node: Node | None = None
    server: Server | None = None
    labels: dict[str, str] = field(default_factory=dict)


Verdict = Finding | Open | None


def of_server(server: Server, status: str, since: datetime, excuse: str, cause: str, *, reliable: bool) -> Verdict:  # noqa: PLR0913
    """Whether a server in that state is in trouble. ``excuse`` is why it may be so now (``monitoring/expected.py``),
    ``cause`` what it did not come back from; ``reliable`` is False while the cluster cannot be synced."""
    if server.is_retired or server.template:
        return None
    expected = server.expected
    if expected not in (ServerStatus.RUNNING, ServerStatus.STOPPED) or status == expected:
        return None
    if excuse or not reliable or status == ServerStatus.UNKNOWN or status in PASSING:
        return UNDECIDED
    if expected == ServerStatus.RUNNING:
        return _down(server, status, since, cause)
    return _unexpected(server, status, since) if status == ServerStatus.RUNNING else None


def is_just_back(node: Node, moment: datetime) -> bool:
    """Whether the node came back so lately that its servers may still be starting."""
    if node.status_since <= node.first_seen:
        return False
    return node.status == NodeStatus.ONLINE and moment - node.status_since < AFTER_NODE


def at_work(moment: datetime) -> Q:
    """The operations under way, and those over so lately that Proxmox's list may not show it yet."""
    over = Q(finished_at__gte=moment - AFTER_OPERATION, state__in=["succeeded", "warnings"])
    return Q(state__in=Operation.ACTIVE) | over


def of_node(node: Node, guests: int, *, reliable: bool) -> Verdict:
    """Whether a node is in trouble. ``guests`` is how many servers were on it."""
    if node.is_retired or node.status == NodeStatus.ONLINE:
        return None
    if not reliable or node.status != NodeStatus.OFFLINE:
        return UNDECIDED
    words = ngettext(
        "Node %(node)s of cluster %(cluster)s does not answer the cluster. Its %(count)d server is unknown; nothing is "
        "told about it.",
        "Node %(node)s of cluster %(cluster)s does not answer the cluster. Its %(count)d servers are unknown; nothing "
        "is told about them one by one.",
        guests,
    )
    return Finding(
        Condition.NODE_OFFLINE,
        f"node:{node.pk}",
        Severity.CRITICAL,
        _("Node %(node)s is offline") % {"node": node.name},
        words % {"node": node.name, "cluster": node.cluster.name, "count": guests},
        node.status_since,
        node.cluster,
        node=node,
        labels=labels_of(node),
    )


def of_cluster(cluster: Cluster) -> Verdict:
    """Whether a cluster cannot be synced."""
    if not cluster.enabled or not cluster.last_error:
        return None
    if cluster.failures < FAILURES:
        return UNDECIDED
    words = _("%(error)s Its servers are shown as they were last known.")
    return Finding(
        Condition.CLUSTER_UNREACHABLE,
        f"cluster:{cluster.pk}",
        Severity.CRITICAL,
        _("Cluster %(cluster)s cannot be synced") % {"cluster": cluster.name},
        words % {"error": cluster.last_error},
        cluster.failing_since or cluster.created_at,
        cluster,
        labels=labels_of(cluster),
    )


def _down(server: Server, status: str, since: datetime, cause: str) -> Finding:
    if server.expected_state or cause:  # somebody may well have asked for it: the operator's word stands against it
        words = _("%(server)s on node %(node)s of cluster %(cluster)s is %(status)s and should be running.")
    else:
        words = _("%(server)s on node %(node)s of cluster %(cluster)s is %(status)s and should be running. "
                  "Nobody asked for that here.")  # fmt: skip
    title = _("%(name)s is down") % {"name": server}
    found = _of_server(Condition.GUEST_DOWN, Severity.CRITICAL, server, status, title, words, since)
    return replace(found, text=f"{found.text} {cause}".strip())


def _unexpected(server: Server, status: str, since: datetime) -> Finding:
    words = _("%(server)s on node %(node)s of cluster %(cluster)s is %(status)s and should be stopped.")
    title = _("%(name)s runs, though it should be stopped") % {"name": server}
    return _of_server(Condition.GUEST_UNEXPECTED, Severity.WARNING, server, status, title, words, since)


def _word(status: str) -> str:
    return str(dict(ServerStatus.choices).get(status, status))


def _of_server(  # noqa: PLR0913, PLR0917  (what a finding is made of)
    condition: str, severity: str, server: Server, status: str, title: str, words: str, since: datetime
) -> Finding:
    node = server.node.name if server.node else "?"
    text = words % {"server": server, "node": node, "cluster": server.cluster.name, "status": _word(status)}
    labels = labels_of(server)
    return Finding(
        condition, f"server:{server.pk}", severity, title, text, since, server.cluster, server.node, server, labels
    )  # fmt: skip
