"""Which names and addresses somebody has, or will have."""

from collections.abc import Mapping
from typing import Any

from servers.models import Action, Cluster, Operation, RequestState, Server, ServerRequest


def names_in_use(cluster: Cluster) -> set[str]:
    """The names of its servers, and of those that are asked for, in small letters."""
    found = set(Server.objects.filter(cluster=cluster, retired_at=None).values_list("name", flat=True))
    found |= {str(one.get("name", "")) for one in _asked_for(cluster)}
    return {name.lower() for name in found if name}


def addresses_in_use(cluster: Cluster) -> dict[str, str]:
    """Addresses that somebody has, or will have, with who it is. Over all clusters: they may share a network."""
    living = Server.objects.filter(retired_at=None)
    found = {row.agent_address: str(row) for row in living.exclude(agent_address="")}
    found |= {row.operator_address.strip(): str(row) for row in living.exclude(operator_address="")}
    made = Operation.objects.filter(action=Action.CREATE, server__retired_at=None).exclude(server=None)
    found |= {_bare(row.parameters): str(row.server) for row in made.select_related("server")}
    for one in _asked_for(None):
        found.setdefault(_bare(one), str(one.get("name", "?")))
    return {address: who for address, who in found.items() if address and address != "dhcp"}


def _asked_for(cluster: Cluster | None) -> list[dict[str, Any]]:
    """The parameters of what is being made or waits for approval."""
    going = Operation.objects.filter(action=Action.CREATE, state__in=Operation.ACTIVE)
    waiting = ServerRequest.objects.filter(state=RequestState.WAITING)
    if cluster is not None:
        going, waiting = going.filter(cluster=cluster), waiting.filter(cluster=cluster)
    rows = list(going.values_list("parameters", flat=True))
    return rows + [one for wanted in waiting.values_list("wanted", flat=True) for one in wanted]


def _bare(parameters: Mapping[str, Any]) -> str:
    return str(parameters.get("ip") or "").partition("/")[0]
