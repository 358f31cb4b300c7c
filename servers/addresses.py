"""At which address a server is reached: asked of its guest agent or its container, a few guests at a time.

An answer of an agent can take seconds, so this never happens in a sync. Each running guest is asked at most every 15
minutes; where the answer was as before, or the guest cannot tell, much more rarely. A guest that was started since is
asked again. What was told last stays when the guest falls silent.
"""

import ipaddress
import logging
import re
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.utils.translation import gettext as _

from portal.lib import clock
from servers.failover import Endpoints, ask
from servers.models import Cluster, NodeStatus, Server, ServerStatus
from servers.proxmox.errors import EndpointError, NotAllowed, ProxmoxError, Refused, TokenRefused
from servers.proxmox.gateway import Gateway
from servers.proxmox.types import Interface

logger = logging.getLogger(__name__)
GUESTS_PER_TURN: Final = 8
SECONDS_PER_TURN: Final = 15.0  # an agent that is not there takes three
READ_SECONDS: Final = 10.0
CHANGED: Final = timedelta(minutes=15)
AS_BEFORE: Final = timedelta(hours=1)
SILENT: Final = timedelta(hours=1)
NO_AGENT: Final = timedelta(hours=6)  # it takes a change of the configuration to get one
BOOTING: Final = timedelta(minutes=10)  # after a start the agent comes up within these,
BOOTING_AGAIN: Final = timedelta(minutes=1)  # and this is when we look again
# Bridges and pairs that container engines and hypervisors make: their addresses are the same on every machine.
INSIDE: Final = re.compile(
    r"lo\d*$|loopback|docker|br-[0-9a-f]{12}$|veth|vethernet|virbr|podman|cni|flannel|cali|cilium|kube|weave|nerdctl"
    r"|lxcbr|lxdbr|incusbr|vnet|vmnet",
    re.IGNORECASE,
)
TUNNEL: Final = re.compile(r"tun|tap|wg|tailscale|zt|ppp|ipsec", re.IGNORECASE)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(slots=True, frozen=True)
class Told:
    """What became of one question. ``address`` is None where the guest said nothing: what is known stays."""

    address: str | None
    error: str
    wait: timedelta


def choose(interfaces: list[Interface]) -> str:
    """The address to reach a guest at, '' if it tells none that others can use.

    The first IPv4 address of its cards in the guest's order, else the first IPv6 one, cards before tunnels. Loopback,
    link-local and what container engines make for themselves do not count.
    """
    outside = [card for card in interfaces if not INSIDE.match(card.name.strip())]
    by_trust = sorted(outside, key=lambda card: bool(TUNNEL.match(card.name)))  # stable: the guest's order stays
    usable = [address for card in by_trust for text in card.addresses if (address := _usable(text))]
    usable.sort(key=lambda address: (address.version, _is_local(address)))
    return str(usable[0]) if usable else ""


def _usable(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    narrow = address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
    return None if narrow else address


def _is_local(address: Address) -> bool:
    """Whether it is an IPv6 address of the site only (fc00::/7): a global one is better."""
    return address.version == 6 and address.is_private


def due(cluster: Cluster, moment: datetime) -> "QuerySet[Server]":
    """The guests whose turn it is: first those that an exporter runs on and whose address nobody else gave."""
    never, started_since = Q(agent_asked_at=None), Q(agent_asked_at__lt=F("status_since"))
    again = Q(agent_due_at__lte=moment)
    running = Server.objects.filter(
        never | started_since | again,
        cluster=cluster, retired_at=None, template=False, status=ServerStatus.RUNNING, node__status=NodeStatus.ONLINE,
    )  # fmt: skip
    needed = When(exporter_port__isnull=False, operator_address="", then=Value(0))
    columns = ("vmid", "kind", "status_since", "agent_address", "node__name")
    in_order = running.select_related("node").only(*columns).order_by(
        Case(needed, default=Value(1)), F("agent_due_at").asc(nulls_first=True), "pk"
    )  # fmt: skip
    return in_order[:GUESTS_PER_TURN]


def collect(cluster: Cluster, endpoints: Endpoints) -> int:
    """Ask the guests whose turn it is and keep what they say. Returns how many were asked. Raises TokenRefused.

    An endpoint that does not answer is the sync's to tell: here it may be a single agent that hangs.
    """
    guests = list(due(cluster, clock.now()))
    if not guests:
        return 0
    told: dict[int, Told] = {}
    try:
        ask(cluster, lambda gateway: _visit(gateway, guests, told), endpoints, read_seconds=READ_SECONDS)
    except EndpointError as error:
        logger.info("Addresses of %s: %s", cluster.name, error.kind)
    finally:
        _keep(guests, told)
    return len(told)


def _visit(gateway: Gateway, guests: list[Server], told: dict[int, Told]) -> None:
    until = time.monotonic() + SECONDS_PER_TURN
    for guest in guests:
        if guest.pk in told or guest.node is None:
            continue
        if time.monotonic() > until:
            return
        try:
            address = choose(gateway.interfaces(guest.node.name, guest.kind, guest.vmid))
        except TokenRefused:
            raise
        except ProxmoxError as error:
            told[guest.pk] = _why_silent(guest, error)
            if isinstance(error, EndpointError):
                raise  # another endpoint may serve the rest; this guest had its turn, whoever was to blame
        else:
            wait = AS_BEFORE if address == guest.agent_address else CHANGED
            told[guest.pk] = Told(address, "" if address else _("It has no address that others can use."), wait)


def _why_silent(guest: Server, error: ProxmoxError) -> Told:
    reason = error.reason if isinstance(error, Refused | NotAllowed) else error.sentence
    if "No QEMU guest agent configured" in reason:
        return Told(None, reason, NO_AGENT)
    booting = isinstance(error, Refused) and clock.now() - guest.status_since < BOOTING
    return Told(None, reason, BOOTING_AGAIN if booting else SILENT)


def _keep(guests: list[Server], told: dict[int, Told]) -> None:
    """Write the rotation's own columns of guests that still live."""
    moment = clock.now()
    with transaction.atomic():
        for guest in guests:
            if answer := told.get(guest.pk):
                columns: dict[str, Any] = {
                    "agent_error": answer.error[:300], "agent_asked_at": moment, "agent_due_at": moment + answer.wait,
                }  # fmt: skip
                if answer.address is not None:
                    columns["agent_address"] = answer.address
                Server.objects.filter(pk=guest.pk, retired_at=None).update(**columns)
