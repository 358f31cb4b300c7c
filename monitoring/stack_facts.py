"""What the programs of the stack say, asked all at once. Nothing is judged here, and no database is touched."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from django.conf import settings
from django.utils.translation import gettext as _

from monitoring import shipped
from monitoring.grafana import health
from monitoring.prometheus import SECONDS, Answer, Peer, PeerError, Prometheus

WEEK: Final = 'max by (alertname) (count_over_time(ALERTS{alertstate="firing"}[7d]))'
DAY: Final = 'max by (alertname) (count_over_time(ALERTS{alertstate="firing"}[1d]))'
# The samples of the last scrape of everything that is a node exporter: cheap, however many there are.
NODE_SAMPLES: Final = "scrape_samples_scraped and on (job, instance) node_exporter_build_info"
DASHBOARDS: Final = "5000"  # Grafana's largest page
GRACE: Final = 0.5  # beyond the limit of one call: names that are resolved slowly know no limit of ours


@dataclass(frozen=True)
class Facts:
    """Every question's answer, or the error that came instead; and which programs ought to be there."""

    found: Mapping[str, Any]
    given: frozenset[str] = frozenset()
    seconds: float = 0.0
    addresses: Mapping[str, str] = field(default_factory=dict)

    def error(self, *names: str) -> PeerError | None:
        """The first error among these."""
        return next((found for name in names if isinstance(found := self.found.get(name), PeerError)), None)

    def rows(self, name: str, *path: str) -> list[dict[str, Any]]:
        """The list of objects at that place of an answer; what is none of these is left out."""
        found = self.at(name, *path)
        return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []

    def at(self, name: str, *path: str) -> Any:
        """What is at that place of an answer, None where there is no such place."""
        found = self.found.get(name)
        for step in path:
            found = found.get(step) if isinstance(found, dict) else None
        return None if isinstance(found, PeerError) else found

    def values(self, name: str, label: str) -> dict[str, float]:
        """Of a query's answer: that label of each series and its value."""
        found = self.found.get(name)
        return {labels.get(label, ""): value for labels, value in found} if isinstance(found, list) else {}


def gather() -> Facts:
    """Ask everything. Takes as long as the slowest answer, and never much longer than the limit of one call."""
    started = time.monotonic()
    found = _at_once(_questions())
    addresses = {
        "prometheus": settings.PORTAL_PROMETHEUS_URL, "alertmanager": settings.PORTAL_ALERTMANAGER_URL,
        "grafana": health.api(), "node_exporter": settings.PORTAL_NODE_EXPORTER_URL,
        "portal": settings.PORTAL_METRICS_URL,
    }  # fmt: skip
    return Facts(found, settings.STACK_GIVEN, time.monotonic() - started, addresses)


def _questions() -> dict[str, Callable[[], Any]]:
    prometheus = Prometheus.here()
    alertmanager = Peer("Alertmanager", settings.PORTAL_ALERTMANAGER_URL)
    grafana = Peer("Grafana", health.api(), settings.PORTAL_GRAFANA_TOKEN)
    exporter = Peer("node exporter", settings.PORTAL_NODE_EXPORTER_URL)
    portal = Peer("portal", settings.PORTAL_METRICS_URL, settings.PORTAL_METRICS_TOKEN)
    api = {name: (lambda path=path: prometheus.api(path)) for name, path in (
        ("build", "status/buildinfo"), ("runtime", "status/runtimeinfo"), ("flags", "status/flags"),
        ("rules", "rules"), ("alertmanagers", "alertmanagers"),
    )}  # fmt: skip
    return {
        **api,
        "healthy": lambda: prometheus.text("/-/healthy"),
        "ready": lambda: prometheus.get("/-/ready"),
        "targets": lambda: prometheus.api("targets", state="active"),
        "week": lambda: prometheus.query(WEEK),
        "day": lambda: prometheus.query(DAY),
        "samples": lambda: prometheus.query(NODE_SAMPLES),
        "alertmanager": lambda: alertmanager.text("/-/healthy"),
        "alertmanager_status": lambda: alertmanager.json("/api/v2/status"),
        "grafana": lambda: _grafana_health(grafana),
        "dashboards": lambda: _dashboards(grafana),
        "node": lambda: count_samples(exporter, "/metrics", b"node_"),
        "own": lambda: count_samples(portal, "", b""),
    }


def count_samples(peer: Peer, path: str, prefix: bytes) -> int:
    """How many samples with that prefix a page of metrics has. Raises PeerError."""
    return sum(1 for line in peer.lines(path) if line.startswith(prefix) and line[:1] not in {b"#", b""})


def _grafana_health(grafana: Peer) -> Any:
    """Grafana answers 503 with its usual body while its database is not well."""
    answer: Answer = grafana.get("/api/health")
    return grafana.parsed(answer.body) if answer.status == 503 else grafana.json("/api/health")


def _dashboards(grafana: Peer) -> dict[str, Any]:
    """Those that Grafana has, and which of ours it has with other panels than we ship."""
    found = grafana.json("/api/search", type="dash-db", limit=DASHBOARDS)
    there = {str(row.get("uid")) for row in found if isinstance(row, dict)} if isinstance(found, list) else set()
    shown = {
        uid: grafana.json(f"/api/dashboards/uid/{quote(uid, safe='')}") for uid in shipped.dashboards() if uid in there
    }
    contents = {uid: answer.get("dashboard") if isinstance(answer, dict) else None for uid, answer in shown.items()}
    wanted = shipped.essences()
    changed = [{"uid": uid} for uid, content in contents.items() if shipped.essence(content) != wanted[uid]]
    return {"found": found, "changed": changed}


def _at_once(questions: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    pool = ThreadPoolExecutor(max_workers=len(questions), thread_name_prefix="stack")
    try:
        # Each in a copy of our context: the sentences are to be in the language of whoever asks.
        asked: dict[str, Future[Any]] = {
            name: pool.submit(copy_context().run, _answered, question) for name, question in questions.items()
        }
        wait(asked.values(), timeout=SECONDS + GRACE)
        late = PeerError(_("it did not answer in time"))
        return {name: future.result() if future.done() else late for name, future in asked.items()}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _answered(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except PeerError as error:
        return error
