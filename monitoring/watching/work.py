"""The portal's own work: operations that failed, and messages that do not arrive."""

from datetime import timedelta
from typing import Final

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from monitoring.conditions import Finding, Verdict
from monitoring.models import Condition, Severity
from monitoring.things import labels_of
from monitoring.watching.looking import Key, Looking
from notifications import given_up
from servers.models import Operation, OperationState, Server

CONDITIONS: Final = frozenset({Condition.OPERATION_FAILED, Condition.DELIVERY_FAILING})
# Who asked has seen it by then, or somebody has taken it over.
OPERATION_IS_NEWS: Final = timedelta(days=1)
DELIVERY_IS_NEWS: Final = timedelta(hours=1)
# The shipped rule counts over all channels, so this is one thing for it and for the portal.
MESSAGES: Final = "labels:proxmox-manager"


def look(looking: Looking) -> dict[Key, Verdict]:
    """Verdicts about servers with a failed operation, and about the sending of messages."""
    return _operations(looking) | _deliveries(looking)


def _operations(looking: Looking) -> dict[Key, Verdict]:
    """The last operation of a server, where it failed. A later one that succeeded ends it, and so does a day."""
    later = Operation.objects.filter(server=OuterRef("server"), pk__gt=OuterRef("pk"))
    failed = Operation.objects.filter(
        ~Exists(later), cluster__in=looking.clusters, state__in=[OperationState.FAILED, OperationState.LOST],
        finished_at__gt=looking.moment - OPERATION_IS_NEWS, server__retired_at=None,
    )  # fmt: skip
    rows = failed.select_related("server__node")
    key = Condition.OPERATION_FAILED
    return {(key, f"server:{row.server.pk}"): _failed(row, row.server, looking) for row in rows if row.server}


def _failed(operation: Operation, server: Server, looking: Looking) -> Finding:
    cluster = looking.clusters[operation.cluster_id]
    facts = {
        "what": operation.get_action_display(), "server": server, "cluster": cluster.name,
        "who": operation.requester or _("somebody"), "why": operation.message,
    }  # fmt: skip
    words = _(
        "“%(what)s” of %(server)s in cluster %(cluster)s, asked for by %(who)s, did not succeed. Proxmox says: %(why)s"
    )
    return Finding(
        Condition.OPERATION_FAILED, f"server:{server.pk}", Severity.WARNING,
        _("“%(what)s” failed for %(server)s") % facts, words % facts, operation.finished_at or looking.moment,
        cluster, server.node, server, {**labels_of(server, cluster), "action": operation.action},
    )  # fmt: skip


def _deliveries(looking: Looking) -> dict[Key, Verdict]:
    lost = given_up(looking.moment - DELIVERY_IS_NEWS)
    if not lost:
        return {}
    number = sum(lost.values())
    title = ngettext("%(number)d message was not delivered", "%(number)d messages were not delivered", number)
    names = ", ".join(f"{name} ({count})" for name, count in sorted(lost.items()))
    words = _("These channels did not take what they should have told in the last hour: %(names)s. Each delivery's "
              "page says why, and sends it again.")  # fmt: skip
    finding = Finding(
        Condition.DELIVERY_FAILING, MESSAGES, Severity.CRITICAL, title % {"number": number}, words % {"names": names},
        looking.moment,
    )  # fmt: skip
    return {(finding.condition, MESSAGES): finding}
