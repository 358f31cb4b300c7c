"""Which machines Prometheus is to scrape: every living server with an exporter and an address.

Prometheus keeps its last list when the answer is an error, and drops every target on an empty one. So trouble is an
exception here and never a list.
"""

import json
import logging
import re
from ipaddress import ip_address
from typing import Any, Final

from django.utils.translation import gettext as _

from monitoring.limits import DATABASE_SECONDS, limited
from servers.models import Cluster, Server

logger = logging.getLogger(__name__)
NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
COLUMNS: Final = (
    "pk", "vmid", "name", "kind", "status", "cluster__name", "node__name", "environment", "owner", "tags", "pool",
    "exporter_port", "operator_address", "agent_address",
)  # fmt: skip
_complained: set[int] = set()  # the servers of whose address the log knows already


class NotYet(Exception):
    """Nobody knows the servers yet. The text is a sentence."""


def targets() -> bytes:
    """The whole list as JSON: one group per server, every label a text. Raises NotYet, DatabaseError.

    A server that is stopped, or whose cluster cannot be synced, stays in it: that its exporter is silent is for
    Prometheus to find out.
    """
    rows = Server.objects.filter(retired_at=None, template=False, exporter_port__isnull=False).order_by("pk")
    with limited(DATABASE_SECONDS):
        found = list(rows.values(*COLUMNS))
        unknown = not found and _never_synced()
    if unknown:
        raise NotYet(_("No cluster has been synced yet, so nobody knows which servers there are."))
    return json.dumps([group for row in found if (group := _group(row))]).encode()


def _never_synced() -> bool:
    clusters = Cluster.objects.filter(enabled=True)
    return clusters.exists() and not clusters.exclude(last_success_at=None).exists()


def _group(row: dict[str, Any]) -> dict[str, Any] | None:
    given = row["operator_address"].strip()
    address = given or row["agent_address"]
    if not address:
        return None
    host = in_url(address)
    if not host:
        _complain(row["pk"], address)
        return None
    return {
        "targets": [f"{host}:{row['exporter_port']}"],
        "labels": {
            "server": row["name"],
            "vmid": str(row["vmid"]),
            "cluster": row["cluster__name"],
            "node": row["node__name"] or "",
            "type": row["kind"],
            "environment": row["environment"],
            "owner": row["owner"],
            "tags": row["tags"],  # as in proxmox_guest_info: ";prod;web;"
            "__meta_portal_server_id": str(row["pk"]),
            "__meta_portal_address_source": "operator" if given else "agent",
            "__meta_portal_pool": row["pool"],
            "__meta_portal_status": row["status"],
        },
    }


def in_url(address: str) -> str:
    """The address as it stands before a port: IPv6 in brackets. '' where it is neither an address nor a host name."""
    text = address.strip()
    try:
        found = ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return text if NAME.fullmatch(text) else ""
    return f"[{found}]" if found.version == 6 else str(found)


def _complain(pk: int, address: str) -> None:
    """Once: Prometheus asks every minute."""
    if pk not in _complained:
        _complained.add(pk)
        logger.warning("Server %s is left out of the discovery: %r is no address.", pk, address)
