"""The labels by which routes, silences and maintenance windows know a server, a node or a cluster."""

from servers.models import Cluster, Node, Server


def labels_of(thing: Server | Node | Cluster) -> dict[str, str]:
    """What a message about that thing says of it."""
    if isinstance(thing, Cluster):
        return {"cluster": thing.name}
    if isinstance(thing, Node):
        return {"cluster": thing.cluster.name, "node": thing.name}
    found = {
        "cluster": thing.cluster.name, "node": thing.node.name if thing.node else "", "name": thing.name,
        "vmid": str(thing.vmid), "type": thing.kind, "owner": thing.owner, "environment": thing.environment,
        "tags": ",".join(thing.tag_list),
    }  # fmt: skip
    return {name: value for name, value in found.items() if value}


def identity_of(thing: Server | Node | Cluster) -> dict[str, str]:
    """The labels that mean that thing alone, and with it what is on it."""
    labels = labels_of(thing)
    keep = ("cluster", "vmid") if isinstance(thing, Server) else ("cluster", "node")
    return {name: labels[name] for name in keep if name in labels}
