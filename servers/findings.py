"""What the rotation asks of a cluster beside its inventory, for those who want to measure it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from portal.lib import clock
from servers.failover import Endpoints, ask
from servers.models import Cluster, Finding
from servers.proxmox.errors import NotAllowed, Refused
from servers.proxmox.gateway import Gateway

# Of the whole cluster, of a cluster of several nodes, of each node that is online: how often, and the question.
OF_CLUSTER: Final = ("identity", "not_backed_up")
OF_SEVERAL: Final = ("qdevice",)
OF_NODE: Final = ("subscription", "replication", "load", "certificates")
EVERY: Final = {
    "identity": timedelta(minutes=5),
    "not_backed_up": timedelta(minutes=15),
    "qdevice": timedelta(minutes=5),
    "subscription": timedelta(hours=6),
    "replication": timedelta(minutes=5),
    "load": timedelta(minutes=2),
    "certificates": timedelta(hours=6),
}
QUESTIONS: Final[dict[str, Callable[[Gateway, str], Any]]] = {
    "identity": lambda gateway, _node: gateway.identity(),
    "not_backed_up": lambda gateway, _node: gateway.not_backed_up(),
    "qdevice": lambda gateway, _node: gateway.qdevice(),
    "subscription": lambda gateway, node: gateway.subscription(node),
    "replication": lambda gateway, node: gateway.replication(node),
    "load": lambda gateway, node: gateway.load(node),
    "certificates": lambda gateway, node: gateway.certificates(node),
}


def find(cluster: Cluster, key: str, kind: str, node: str, endpoints: Endpoints) -> None:
    """Ask and keep the answer. Raises ProxmoxError.

    What Proxmox does not have (an old version, no external vote) or does not tell this token is not known, and no
    trouble: "Check connection" tells what the token may see.
    """
    try:
        value = ask(cluster, lambda gateway: QUESTIONS[kind](gateway, node), endpoints)
    except (NotAllowed, Refused):
        Finding.objects.filter(cluster=cluster, key=key).delete()
        return
    Finding.keep(cluster, key, value, clock.now())


def forget_others(cluster: Cluster, keys: set[str]) -> None:
    """Findings whose question is no longer asked, such as those of a node that is offline, are not true any more."""
    known = set(Finding.objects.filter(cluster=cluster).values_list("key", flat=True))
    if gone := known - keys:
        Finding.objects.filter(cluster=cluster, key__in=gone).delete()
