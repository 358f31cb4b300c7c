"""The page of ``/pve``: put together once per sync and kept packed, since every node of a cluster may be a target."""

import threading
import zlib
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, Final

from django.utils.translation import gettext as _

from monitoring.exposition import TEXT, Family, Packed
from monitoring.limits import DATABASE_SECONDS, limited
from monitoring.pve import lines, names
from monitoring.pve.targets import Target
from portal.lib import clock
from servers.models import Cluster, Finding

# Older findings are not the present any more. The rotation renews them every few minutes, subscriptions in six hours.
TRUE_FOR: Final = {"subscription": timedelta(days=1), "version": timedelta(days=1)}
TRUE_FOR_OTHERS: Final = timedelta(hours=1)
NOTHING: Final = Packed.of([])
_kept: dict[int, tuple[object, Packed]] = {}
_lock = threading.Lock()


class Unavailable(Exception):
    """What the target's present is cannot be told. The text is a sentence."""


def page(target: Target, *, cluster: bool, node: bool, gzipped: bool) -> bytes:
    """The exposition, in the plain text format. Raises Unavailable.

    In OpenMetrics the old names of the counters would collide with the new ones, so there is no such page.
    """
    if not target.cluster.is_fresh(clock.now()):
        why = target.cluster.last_error or _("Look whether the portal's worker runs.")
        raise Unavailable(_("The last good sync of %(name)s is too old.") % {"name": target.cluster.name} + f" {why}")
    findings, key = _findings(target.cluster)
    packed = _cluster_part(target.cluster, findings, key) if cluster else NOTHING
    told = lines.of_nodes(findings, target.node) if node else None
    rest = b"".join(_pieces(told, names.NODE_FAMILIES)) if told is not None else b""
    if gzipped:
        return packed.finished_with(rest)
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed.deflated) + rest


def forget() -> None:
    """Put every page together anew."""
    with _lock:
        _kept.clear()


def _cluster_part(cluster: Cluster, findings: dict[str, Any], key: object) -> Packed:
    whole_key = (cluster.name, cluster.last_success_at, cluster.quorate, key)
    with _lock:
        known = _kept.get(cluster.pk)
        if known and known[0] == whole_key:
            return known[1]
        snapshot = cluster.snapshot()
        if snapshot is None or clock.now() - snapshot.taken_at > timedelta(minutes=5):
            raise Unavailable(_("The figures of %(name)s are not in the cache: see /readyz.") % {"name": cluster.name})
        packed = Packed.of(_pieces(lines.of_cluster(cluster, snapshot, findings), names.CLUSTER_FAMILIES))
        if snapshot.taken_at == cluster.last_success_at:  # else it is of the sync before, or of the one after
            _kept[cluster.pk] = (whole_key, packed)
        return packed


def _pieces(told: lines.Lines, families: Iterable[Family]) -> Iterator[bytes]:
    for family in families:
        samples = told.get(family, [])
        if samples or family.name not in names.WITHOUT_SAMPLES_ABSENT:
            yield family.header(TEXT)
            yield "".join(samples).encode("utf-8", "replace")


def _findings(cluster: Cluster) -> tuple[dict[str, Any], object]:
    """What the rotation found out and is still true, and what changes when any of it does."""
    moment, found, key = clock.now(), {}, []
    with limited(DATABASE_SECONDS):
        rows = list(Finding.objects.filter(cluster=cluster).order_by("key").values_list("key", "value", "at"))
    for name, value, at in rows:
        if moment - at <= TRUE_FOR.get(name.partition("@")[0], TRUE_FOR_OTHERS):
            found[name] = value
            key.append((name, at))
    return found, tuple(key)
