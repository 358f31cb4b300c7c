"""One scrape: every part of it gathered by itself, so that one that fails takes no other along.

A scrape reads the database and the cache, never Proxmox, and each part has a limit in time. What failed is told by
``portal_collector_success`` and logged once; the answer is a page all the same.
"""

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.platform_collector import PlatformCollector

from monitoring import canary, coverage, finding_metrics, guest_rows, inventory_metrics, portal_metrics, queue_metrics
from monitoring.exposition import Format, render
from monitoring.guest_metrics import GUESTS_AGAIN, GuestTexts, SnapshotMissing
from monitoring.limits import connect, limited
from monitoring.worker_files import WorkerFiles
from portal.lib import clock
from servers.models import Cluster, Snapshot

logger = logging.getLogger(__name__)
PART_SECONDS: Final = 2.0  # of one part: statements that take longer are ended by the database
SCRAPE_SECONDS: Final = 6.0  # of all parts together: Prometheus waits for ten
TEXTS: Final = GuestTexts()
PLATFORM: Final = PlatformCollector(registry=None)
_complained: set[str] = set()  # the parts whose failure the log knows already

Given = Iterable[Metric] | bytes | datetime | None


class Impossible(Exception):
    """A part cannot be gathered because of what happened to one before it."""


@dataclass(slots=True, frozen=True)
class Outcome:
    """How it went with one part."""

    success: bool
    seconds: float
    refreshed: datetime | None


class Scrape:
    """What the parts of one scrape share: the moment, the clusters, the time that is left."""

    def __init__(self, fmt: Format) -> None:
        self.fmt = fmt
        self.moment = clock.now()
        self.until = time.monotonic() + SCRAPE_SECONDS
        self.rendered: list[bytes] = []
        self.outcomes: dict[str, Outcome] = {}
        self._clusters: list[Cluster] | None = None
        self._unreachable = False

    def page(self, *, gzipped: bool) -> bytes:
        """The whole exposition. The guests come first: what is kept of them is packed already."""
        self.gather("http", lambda: http_text(self.fmt), database=False)
        self.gather("build", portal_metrics.build_families, database=False)
        self.gather("clusters", self._load_clusters)
        with TEXTS.lock:
            self.gather("guest_usage", lambda: TEXTS.refresh_usage(self.fresh), database=False)
            self._gather_texts()
            self._gather_rows()
            rest = b"".join((*self.rendered, render(self._about_itself(), self.fmt), self.fmt.end))
            shown = self.fresh if self._clusters is not None else []
            if gzipped:
                return TEXTS.packed(shown, self.fmt).finished_with(rest)
            return b"".join((*TEXTS.pieces(shown, self.fmt), rest))

    def _gather_texts(self) -> None:
        self.gather("guests", lambda: TEXTS.refresh_guests(self.fresh, self.moment))
        self.gather("guest_backups", lambda: TEXTS.refresh_backups(self.fresh, self.moment))
        for name, families in (
            ("guests", guest_rows.GUEST_FAMILIES),
            ("guest_backups", guest_rows.BACKUP_FAMILIES),
        ):
            if self._clusters is not None and not self.outcomes[name].success:
                TEXTS.drop(self.fresh, families)

    def _gather_rows(self) -> None:
        self.gather_kept("nodes", inventory_metrics.node_families)
        self.gather_kept("node_usage", lambda: inventory_metrics.node_usage_families(self.snapshots), database=False)
        self.gather_kept("findings", lambda: finding_metrics.finding_families(self.fresh, self.moment))
        self.gather_kept("storages", lambda: inventory_metrics.storage_families(self.snapshots))
        self.gather_kept("servers", portal_metrics.server_families)
        self.gather_kept("backups", lambda: portal_metrics.backup_families(self.clusters))
        self.gather("counters", lambda: portal_metrics.counter_families(self.clusters))
        self.gather("users", lambda: portal_metrics.user_families(self.moment))
        self.gather("coverage", coverage.coverage_families)
        self.gather("thresholds", portal_metrics.threshold_families)
        self.gather("notifications", queue_metrics.notification_families)
        self.gather("canary", canary.families)
        self.gather("incidents", queue_metrics.incident_families)
        self.gather("work", lambda: queue_metrics.work_families(self.clusters, self.moment))
        self.gather("broker", lambda: queue_metrics.broker_families(self.moment), database=False)

    @property
    def clusters(self) -> list[Cluster]:
        """Every cluster, without its secret. Raises Impossible where they could not be read."""
        if self._clusters is None:
            raise Impossible("The clusters could not be read.")
        return self._clusters

    @property
    def fresh(self) -> list[Cluster]:
        """The clusters whose guests have samples."""
        return [cluster for cluster in self.clusters if cluster.is_fresh(self.moment)]

    @property
    def snapshots(self) -> list[tuple[Cluster, Snapshot]]:
        """What the fresh clusters' latest snapshots say of nodes and storages."""
        return [(cluster, snapshot) for cluster in self.fresh if (snapshot := TEXTS.snapshot(cluster))]

    def gather_kept(self, name: str, part: Callable[[], Given], *, database: bool = True) -> None:
        """The same for what grows with the inventory: anew where a sync or ten seconds have passed, as guests are."""
        place, made_for = (name, self.fmt.name), self._inventory()
        known, moment, text = TEXTS.others.pop(place, (None, self.moment, b""))
        if known is not None and known == made_for and abs(self.moment - moment) <= GUESTS_AGAIN:
            self.rendered.append(text)
            self.outcomes[name] = Outcome(success=True, seconds=0.0, refreshed=moment)
        else:
            moment = self.moment
            self.gather(name, part, database=database)
        if self.outcomes[name].success:
            TEXTS.others[place] = (made_for, moment, self.rendered[-1])

    def _inventory(self) -> object:
        """Changes with every sync, and when a snapshot appears or gets too old; None where nobody knows."""
        if self._clusters is None:
            return None
        return tuple(
            (cluster.pk, cluster.name, cluster.last_attempt_at, cluster.last_success_at, cluster.is_fresh(self.moment),
             snapshot.taken_at if (snapshot := TEXTS.snapshot(cluster)) else None)
            for cluster in self._clusters
        )  # fmt: skip

    def gather(self, name: str, part: Callable[[], Given], *, database: bool = True) -> None:
        """Run a part and keep what it gives: families, rendered, or the time its texts were made. Raises nothing."""
        started, refreshed, success = time.monotonic(), None, False
        try:
            with self._within_limits() if database else nullcontext():
                given = part()
                if isinstance(given, datetime) or given is None:
                    refreshed = given
                else:
                    self.rendered.append(given if isinstance(given, bytes) else render(given, self.fmt))
            success = True
            _complained.discard(name)
        except Exception as error:  # noqa: BLE001  (whatever it is: the other parts are worth a page)
            self._complain(name, error)
        moment = refreshed or (self.moment if success else None)
        self.outcomes[name] = Outcome(success, time.monotonic() - started, moment)

    def _complain(self, name: str, error: Exception) -> None:
        """Once, until the part works again: a scrape comes every few seconds."""
        if name in _complained:
            return
        _complained.add(name)
        if isinstance(error, SnapshotMissing | Impossible):
            logger.warning("The metrics of %r could not be gathered: %s", name, error)
        else:
            logger.error("The metrics of %r could not be gathered.", name, exc_info=error)

    def _within_limits(self) -> AbstractContextManager[None]:
        left = min(PART_SECONDS, self.until - time.monotonic())
        if self._unreachable or left <= 0:
            raise Impossible("The parts before this one used up the time." if left <= 0 else "No database.")
        self._unreachable = True
        connect(left)
        self._unreachable = False
        return limited(left)

    def _load_clusters(self) -> Iterable[Metric]:
        self._clusters = list(Cluster.objects.only(*inventory_metrics.CLUSTER_COLUMNS).order_by("name"))
        return inventory_metrics.cluster_families(self._clusters)

    def _about_itself(self) -> Iterator[Metric]:
        labels = ["collector"]
        success = GaugeMetricFamily("portal_collector_success", "1 where this part was gathered.", labels=labels)
        duration = GaugeMetricFamily(
            "portal_collector_duration_seconds", "Time it took to gather this part.", labels=labels
        )
        refresh = GaugeMetricFamily(
            "portal_refresh_timestamp_seconds", "When what this part tells was last looked at.", labels=labels
        )
        for name, outcome in self.outcomes.items():
            success.add_metric([name], float(outcome.success))
            duration.add_metric([name], outcome.seconds)
            if outcome.refreshed:
                refresh.add_metric([name], outcome.refreshed.timestamp())
        yield from (success, duration, refresh)


def http_text(fmt: Format) -> bytes:
    """What this process counted; where several processes serve, what all of them did. Figures of one process
    (its memory, its start) are left out then: they would be another's at each scrape."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return render(REGISTRY.collect(), fmt)
    files = _files_of(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    return files.text(fmt) + render((*files.gauges(), *PLATFORM.collect()), fmt)


@cache
def _files_of(folder: str) -> WorkerFiles:
    return WorkerFiles(Path(folder))
