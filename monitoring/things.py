"""The labels by which routes, silences and maintenance windows know a server, a node or a cluster."""

from typing import Final

from servers.models import Cluster, Node, Server

# What a server's labels are made of, for ``labels_from``: many are read without making objects of them.
COLUMNS: Final = ("cluster__name", "node__name", "name", "vmid", "kind", "owner", "environment", "tags")


def labels_of(thing: Server | Node | Cluster, cluster: Cluster | None = None) -> dict[str, str]:
    """What a message about that thing says of it. A server's cluster, where it is at hand, is not read again."""
    if isinstance(thing, Cluster):
        return {"cluster": thing.name}
    if isinstance(thing, Node):
        return {"cluster": thing.cluster.name, "node": thing.name}
    cluster, node = cluster or thing.cluster, thing.node.name if thing.node else ""
    return labels_from(
        cluster.name, node, thing.name, thing.vmid, thing.kind, thing.owner, thing.environment, thing.tags
    )


def labels_from(  # noqa: PLR0913, PLR0917  (the columns, in their order)
    cluster: str, node: str | None, name: str, vmid: int, kind: str, owner: str, environment: str, tags: str
) -> dict[str, str]:
    """The labels of the server with these ``COLUMNS``; what is empty is left out."""
    found = {
        "cluster": cluster, "node": node, "name": name, "vmid": str(vmid), "type": kind, "owner": owner,
        "environment": environment, "tags": ",".join(tag for tag in tags.split(";") if tag),
    }  # fmt: skip
    return {label: value for label, value in found.items() if value}


def identity_of(thing: Server | Node | Cluster) -> dict[str, str]:
    """The labels that mean that thing alone, and with it what is on it."""
    labels = labels_of(thing)
    keep = ("cluster", "vmid") if isinstance(thing, Server) else ("cluster", "node")
    return {name: labels[name] for name in keep if name in labels}
