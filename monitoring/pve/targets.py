"""Which cluster a scrape of ``/pve`` is about: ``target`` is what was written for prometheus-pve-exporter."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from monitoring.limits import DATABASE_SECONDS, limited
from servers.models import Cluster, Node

# What one writes for an exporter that runs on the Proxmox node itself, or does not write at all.
HERE: Final = frozenset({"", "localhost", "127.0.0.1", "::1"})
COLUMNS: Final = ("name", "endpoints", "enabled", "quorate", "last_success_at", "last_error")


class UnknownTarget(Exception):
    """Nobody knows what is meant, or it may mean several things. The text is a sentence that says what to write."""


@dataclass(slots=True)
class Target:
    """A cluster and, where a node was named, that node's name; '' means all of them."""

    cluster: Cluster
    node: str = ""


@dataclass(slots=True)
class Known:
    """A cluster with the hosts and names under which it can be meant."""

    cluster: Cluster
    endpoints: list[tuple[str, int]]
    nodes: dict[str, str] = field(default_factory=dict)  # name → address

    def node_of(self, host: str) -> str:
        """The node that is called or reached so; '' where it is none."""
        spelled = {name.lower(): name for name in self.nodes}
        if host in spelled:
            return spelled[host]
        by_address = next((name for name, address in self.nodes.items() if address and plain(address) == host), "")
        return by_address or ("" if _is_address(host) else spelled.get(host.partition(".")[0], ""))


def find(target: str, module: str) -> Target:
    """The cluster that is meant. ``module`` counts only where it is a cluster's name. Raises UnknownTarget.

    The target is looked for among the names of clusters, then their endpoints, then the addresses and names of nodes.
    """
    known = _known()
    named = [one for one in known if one.cluster.name == module]
    host, port = split(target)
    for matches in _ways(target.strip(), host, port):
        found = [one for one in named or known if matches(one)]
        if len(found) > 1:
            names = ", ".join(sorted(one.cluster.name for one in found))
            raise UnknownTarget(
                _("The target “%(target)s” may be in several clusters: %(names)s. Name one of them as the module.")
                % {"target": target[:200], "names": names}
            )
        if found:
            (one,) = found
            return Target(one.cluster, "" if one.cluster.name == target.strip() else one.node_of(host))
    if host in HERE and len(named or known) == 1:
        return Target((named or known)[0].cluster)
    raise UnknownTarget(
        _("No cluster is known by the target “%(target)s”. Write a cluster's name, one of its endpoints or a node.")
        % {"target": target[:200]}
    )


def _ways(target: str, host: str, port: int) -> Iterator[Callable[[Known], bool]]:
    yield lambda one: one.cluster.name == target
    if port:
        yield lambda one: (host, port) in one.endpoints
    yield lambda one: bool(host) and any(host == known for known, _port in one.endpoints)
    yield lambda one: bool(host) and bool(one.node_of(host))


def _known() -> list[Known]:
    rows = Node.objects.filter(retired_at=None).order_by("name").values_list("cluster_id", "name", "address")
    with limited(DATABASE_SECONDS):
        clusters, nodes = list(Cluster.objects.only(*COLUMNS).order_by("name")), list(rows)
    known = {cluster.pk: Known(cluster, [split(endpoint) for endpoint in cluster.endpoints]) for cluster in clusters}
    for cluster_id, name, address in nodes:
        if cluster_id in known:
            known[cluster_id].nodes[name] = address
    return list(known.values())


def split(target: str) -> tuple[str, int]:
    """Host, in one spelling, and port (0 where there is none) of ``host``, ``host:port``, ``[v6]:port``, ``v6`` or a
    whole address; ('', 0) of what is none of these."""
    text = target.strip()
    if _is_address(text):
        return plain(text), 0
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        return plain(parts.hostname or ""), parts.port or 0
    except ValueError:
        return "", 0


def plain(host: str) -> str:
    """A host in one spelling."""
    return str(ip_address(host)) if _is_address(host) else host.lower().rstrip(".")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
