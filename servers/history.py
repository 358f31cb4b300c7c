"""A guest's figures over time as Proxmox keeps them itself (rrddata): what there is without Prometheus and exporters.

Asked while a person waits, so it is bounded: few seconds, few questions at once in a process, kept for a while. A
cluster whose syncs fail is not asked at all.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import Final

from django.core.cache import cache
from django.utils.translation import gettext as _

from servers.failover import Endpoints, ask
from servers.models import Server
from servers.proxmox.errors import ProxmoxError

READ_SECONDS: Final = 6.0
AT_ONCE: Final = 2
WAIT_SECONDS: Final = 3.0
FORMAT: Final = 1
# Timeframe → seconds for which an answer is kept: a fraction of what one row of it covers.
KEPT: Final = {"hour": 30, "day": 60, "week": 300, "month": 600, "year": 1800}
KEPT_ERROR: Final = 15
_places = BoundedSemaphore(AT_ONCE)


@dataclass(slots=True, frozen=True)
class History:
    """Rows with ``time`` (seconds since the epoch) and figures, or a sentence why there are none and what to do."""

    rows: list[dict[str, float]] = field(default_factory=list)
    trouble: str = ""
    hint: str = ""


def of_server(server: Server, timeframe: str) -> History:
    """What Proxmox knows of that time. Raises KeyError for a timeframe that there is not. Call it outside a
    transaction: it may take some seconds."""
    seconds = KEPT[timeframe]
    if server.is_retired:
        return History(trouble=_("This server is gone from Proxmox, and its curves with it."))
    if server.node is None:
        return History(trouble=_("It is not known on which node this server is."))
    key = f"history:{FORMAT}:{server.pk}:{server.node.name}:{timeframe}"
    kept = cache.get(key)
    if kept is None:
        kept = _ask(server, server.node.name, timeframe)
        cache.set(key, kept, KEPT_ERROR if kept.trouble else seconds)
    found: History = kept
    return found


def _ask(server: Server, node: str, timeframe: str) -> History:
    cluster = server.cluster
    if cluster.failures:
        return History(trouble=_("The cluster cannot be asked now: %(why)s") % {"why": cluster.last_error})
    endpoints = Endpoints(list(cluster.endpoints), dict(cluster.endpoint_state))
    try:
        with _a_place():
            rows = ask(
                cluster, lambda g: g.history(node, server.kind, server.vmid, timeframe), endpoints,
                read_seconds=READ_SECONDS,
            )  # fmt: skip
    except ProxmoxError as error:
        return History(trouble=error.sentence, hint=error.hint)
    except TimeoutError:
        return History(trouble=_("Others are being asked at this moment: it is tried again shortly."))
    return History(rows)


@contextmanager
def _a_place() -> Iterator[None]:
    if not _places.acquire(timeout=WAIT_SECONDS):
        raise TimeoutError
    try:
        yield
    finally:
        _places.release()
