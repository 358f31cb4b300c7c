"""Storages: above one of two thresholds, or out of reach."""

from typing import Final

from django.utils.translation import gettext as _

from monitoring.conditions import UNDECIDED, Finding, Verdict
from monitoring.models import Condition, Severity
from monitoring.watching.looking import Key, Looking
from portal.lib import show
from servers.models import NodeStatus, Storage

CONDITIONS: Final = frozenset({Condition.STORAGE_FULL, Condition.STORAGE_FAILED})
SLACK_PERCENT: Final = 2.0


def look(looking: Looking) -> dict[Key, Verdict]:
    """Verdicts about each storage."""
    verdicts: dict[Key, Verdict] = {}
    storages = Storage.objects.filter(retired_at=None, cluster__in=looking.clusters).select_related("node")
    for storage in storages:
        thing = key_of(storage)
        known = storage.cluster_id in looking.reliable and (
            not storage.node or storage.node.status == NodeStatus.ONLINE
        )
        for condition, judge in ((Condition.STORAGE_FULL, _full), (Condition.STORAGE_FAILED, _failed)):
            key = (condition, thing)
            verdicts[key] = judge(key, storage, looking) if known else UNDECIDED
    return verdicts


def key_of(storage: Storage) -> str:
    """The name of that thing, which it has for alerts of every source."""
    place = f"node:{storage.node_id}" if storage.node_id else f"cluster:{storage.cluster_id}"
    return f"{place}/{storage.name}"


def _failed(key: Key, storage: Storage, looking: Looking) -> Verdict:
    if storage.status == "available":
        return None
    words = _("Proxmox cannot reach storage %(storage)s%(where)s of cluster %(cluster)s: it says “%(status)s”. What "
              "lies there can neither be read nor written.")  # fmt: skip
    return _finding(key, storage, looking, Severity.CRITICAL, _("Storage %(storage)s is out of reach"), words)


def _full(key: Key, storage: Storage, looking: Looking) -> Verdict:
    ratio = storage.usage_ratio
    if ratio is None:
        return UNDECIDED
    percent = 100 * ratio
    full = looking.policies.threshold(
        Condition.STORAGE_FULL, None, storage.cluster_id, looking.threshold("StorageFull")
    )
    nearly = min(full, looking.threshold("StorageNearlyFull"))
    words = _("Storage %(storage)s%(where)s of cluster %(cluster)s is %(percent)d %% full: %(used)s of %(size)s.")
    if percent > full:
        return _finding(key, storage, looking, Severity.CRITICAL, _("Storage %(storage)s is nearly full"), words)
    if percent > looking.limit(key, nearly, SLACK_PERCENT):
        return _finding(key, storage, looking, Severity.WARNING, _("Storage %(storage)s gets full"), words)
    return None


def _finding(  # noqa: PLR0913, PLR0917  (what a finding is made of)
    key: Key, storage: Storage, looking: Looking, severity: str, title: str, words: str
) -> Finding:
    cluster, node = looking.clusters[storage.cluster_id], storage.node
    facts = {
        "storage": storage.name, "cluster": cluster.name, "status": storage.status,
        "where": _(" on node %(node)s") % {"node": node.name} if node else "",
        "percent": round(100 * (storage.usage_ratio or 0)),
        "used": show.size(storage.used or 0), "size": show.size(storage.size or 0),
    }  # fmt: skip
    labels = {"cluster": cluster.name, "storage": storage.name, **({"node": node.name} if node else {})}
    return Finding(*key, severity, title % facts, words % facts, looking.moment, cluster, node=node, labels=labels)
