"""Which cluster it is, whatever it is called here: the same one twice would count everything twice.

Each node's name with the fingerprint of its certificate, as ``GET /nodes`` tells it to every token, whatever its
rights (seen with Proxmox VE 8.4 and 9.2). Certificates are renewed node by node and names stay, so two lists that share
one entry are the same cluster; a certificate alone may be used by several.
"""

from django.utils.translation import gettext as _

from servers.failover import Endpoints, ask
from servers.models import Cluster
from servers.proxmox.errors import NotAllowed, Refused, SameCluster
from servers.proxmox.gateway import Gateway


def ask_identity(gateway: Gateway) -> list[str]:
    """The cluster's nodes with their fingerprints; empty where Proxmox does not tell. Raises EndpointError."""
    try:
        return gateway.fingerprints()
    except (NotAllowed, Refused):
        return []


def renew(cluster: Cluster, endpoints: Endpoints) -> None:
    """Keep the identity as it is now: nodes join and leave, certificates are renewed. Raises ProxmoxError."""
    if found := ask(cluster, ask_identity, endpoints):
        Cluster.objects.filter(pk=cluster.pk).update(identity=found)


def twin_of(cluster: Cluster, identity: list[str]) -> Cluster | None:
    """The row that is this cluster already, if there is one. Of two rows, the one that was synced first is right."""
    if not identity:
        return None
    mine, others = set(identity), Cluster.objects.exclude(pk=cluster.pk).only("name", "identity", "first_complete_at")
    found = [other for other in others if mine.intersection(other.identity)]
    earlier = [other for other in found if _age(other) < _age(cluster)]
    return min(earlier, key=_age, default=None)


def refuse_twin(cluster: Cluster, identity: list[str]) -> None:
    """Raises SameCluster where another row is this cluster already."""
    twin = twin_of(cluster, identity)
    if twin is not None:
        raise SameCluster(
            _("This is the cluster “%(name)s”, which is here already: its servers would count twice.")
            % {"name": twin.name},
            _("Change “%(name)s” instead, or delete one of the two. Deleting changes nothing in Proxmox.")
            % {"name": twin.name},
        )


def _age(cluster: Cluster) -> tuple[bool, float, float]:
    first = cluster.first_complete_at
    return first is None, first.timestamp() if first else 0.0, cluster.pk or float("inf")
