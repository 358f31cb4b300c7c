"""Asks the nodes of a cluster in order until one answers, and leaves those that failed alone for a while."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from portal.lib import clock
from servers.models import Cluster
from servers.proxmox.errors import CertificateRejected, EndpointError, Unreachable
from servers.proxmox.gateway import READ_SECONDS, Credentials, Gateway

T = TypeVar("T")
FIRST_PAUSE: Final = timedelta(seconds=15)
LONGEST_PAUSE: Final = timedelta(minutes=10)


def credentials_of(cluster: Cluster) -> Credentials:
    """What its gateways need."""
    return Credentials(
        token_id=cluster.token_id,
        token_secret=cluster.token_secret,
        tls_mode=cluster.tls_mode,
        ca_certificate=cluster.ca_certificate,
        fingerprint=cluster.fingerprint,
    )


@dataclass(slots=True)
class Endpoints:
    """The endpoints of one cluster with their back-off. ``state`` is what is kept in ``Cluster.endpoint_state``."""

    order: list[str]
    state: dict[str, dict[str, Any]] = field(default_factory=dict)

    def by_hope(self, moment: datetime) -> list[str]:
        """Those that may be asked now in the operator's order, then those in back-off, the soonest due first."""
        resting = {e: s["until"] for e, s in self.state.items() if e in self.order and s["until"] > moment.timestamp()}
        return [e for e in self.order if e not in resting] + sorted(resting, key=lambda e: resting[e])

    def failed(self, endpoint: str, moment: datetime, sentence: str) -> None:
        """Leave it alone for twice as long as last time."""
        count = self.state.get(endpoint, {}).get("failures", 0) + 1
        pause = min(FIRST_PAUSE * 2 ** min(count - 1, 10), LONGEST_PAUSE)
        self.state[endpoint] = {"failures": count, "until": (moment + pause).timestamp(), "error": sentence}

    def answered(self, endpoint: str) -> None:
        """It is well again; entries of endpoints that were taken out of the settings go too."""
        self.state.pop(endpoint, None)
        self.state = {e: s for e, s in self.state.items() if e in self.order}


def ask(
    cluster: Cluster,
    question: Callable[[Gateway], T],
    endpoints: Endpoints,
    *,
    read_seconds: float = READ_SECONDS,
    write: bool = False,
) -> T:
    """The answer of the first endpoint that gives one. A write goes to the next only if it was surely not carried out.

    Raises the EndpointError of the operator's first endpoint if none answers, and any other ProxmoxError at once:
    a refused token is refused by every node.
    """
    errors: dict[str, EndpointError] = {}
    credentials = credentials_of(cluster)
    for endpoint in endpoints.by_hope(clock.now()):
        try:
            with Gateway(credentials, endpoint, read_seconds=read_seconds) as gateway:
                answer = question(gateway)
        except EndpointError as error:
            if write and not _surely_not_done(error):
                raise
            endpoints.failed(endpoint, clock.now(), error.sentence)
            errors[endpoint] = error
        else:
            endpoints.answered(endpoint)
            return answer
    raise errors[next(e for e in endpoints.order if e in errors)]


def _surely_not_done(error: EndpointError) -> bool:
    """Whether a write cannot have been carried out, so that the next node may get it."""
    return isinstance(error, CertificateRejected) or (isinstance(error, Unreachable) and not error.maybe_done)
