"""“Send Proxmox's notifications here”: the portal becomes a notification target of a cluster, and ceases to be one.

Each call may be repeated. Whoever listens is registered in ``portal.lib.subscriptions``; its token is made before the
call and counts as the only one when Proxmox has it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from django.utils.translation import gettext as _

from portal.lib.subscriptions import Listener, Target
from servers.failover import Endpoints, ask
from servers.models import Cluster
from servers.proxmox import notifications
from servers.proxmox.errors import NotAllowed, ProxmoxError
from servers.proxmox.gateway import Gateway

T = TypeVar("T")
NEEDED: Final = "Mapping.Audit,Mapping.Modify,Sys.AccessNetwork"
SECONDS: Final = 20.0


class NotPossible(Exception):
    """Why it was not done. ``sentence`` says what happened, ``hint`` what to do."""

    def __init__(self, sentence: str, hint: str = "") -> None:
        self.sentence, self.hint = sentence, hint
        super().__init__(f"{sentence} {hint}".strip())


@dataclass(frozen=True, slots=True)
class Registered:
    """It is registered. ``trouble`` says why Proxmox's test did not arrive; '' if it did."""

    url: str
    trouble: str = ""


def register(cluster: Cluster, listener: Listener, by: str) -> Registered:
    """Register the listener as target and matcher, and have a test sent. Raises NotPossible; a test that does not
    arrive is no error, for what was registered stays. Call it outside a transaction."""
    _check_version(cluster)
    target = listener.offer(cluster, by)
    try:
        _ask(cluster, lambda gateway: _put(gateway, target))
    except NotPossible:
        listener.declined(cluster, target)
        raise
    listener.accepted(cluster, target)
    try:
        _ask(cluster, lambda gateway: notifications.send_test(gateway, target.name))
    except NotPossible as error:
        return Registered(target.url, error.sentence)
    return Registered(target.url)


def remove(cluster: Cluster, listener: Listener) -> bool:
    """Take target and matcher away. False if they were not there. Raises NotPossible."""
    _check_version(cluster)
    name = listener.name()
    found = _ask(cluster, lambda gateway: notifications.remove(gateway, name, matcher_of(name)))
    listener.ended(cluster)
    return found


def matcher_of(target: str) -> str:
    """What the matcher is called: names of targets and matchers share one space."""
    return f"{target}-all"


def _put(gateway: Gateway, target: Target) -> None:
    notifications.put_target(gateway, target)
    notifications.put_matcher(gateway, matcher_of(target.name), target.name, target.comment)


def _check_version(cluster: Cluster) -> None:
    """Raises NotPossible where webhook targets do not exist yet."""
    version = cluster.version or _ask(cluster, lambda gateway: gateway.version())
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers and (int(numbers[1]), int(numbers[2])) < notifications.FIRST_VERSION:
        raise NotPossible(
            _("“%(name)s” runs Proxmox VE %(version)s, which cannot send to a webhook: that came with 8.3.")
            % {"name": cluster, "version": version},
            _("Upgrade its nodes, then press the button again. Until then the portal sees what the sync sees."),
        )


def _ask(cluster: Cluster, deed: Callable[[Gateway], T]) -> T:
    """Raises NotPossible."""
    endpoints = Endpoints(list(cluster.endpoints), dict(cluster.endpoint_state))
    try:
        return ask(cluster, deed, endpoints, read_seconds=SECONDS, write=True)
    except NotAllowed as error:
        raise NotPossible(error.sentence, _lines(cluster)) from None
    except ProxmoxError as error:
        raise NotPossible(error.sentence, error.hint) from None


def _lines(cluster: Cluster) -> str:
    user = cluster.token_id.partition("!")[0]
    words = _("The token needs the privileges %(privileges)s. On a node: %(line)s")
    role = f"pveum role add PortalNotifications --privs '{NEEDED}'"
    grant = f"pveum acl modify / --users '{user}' --tokens '{cluster.token_id}' --roles PortalNotifications"
    return words % {"privileges": NEEDED.replace(",", ", "), "line": f"{role}; {grant}"}
