"""What can go wrong between us and Proxmox, named by what the caller can do about it.

ProxmoxError
├── EndpointError            this address failed: another node of the cluster may still answer
│   ├── Unreachable          no connection, or no answer in time
│   ├── CertificateRejected  TLS: unknown authority, expired, other name, other fingerprint
│   └── OddAnswer            something answered, but it did not speak Proxmox's language
├── TokenRefused             401: the token is wrong, expired or gone
├── NotAllowed               403: a privilege is missing
├── SameCluster              a right answer, of a cluster that is here under another name
├── NodeUnreachable          595 to 599: the asked node could not reach the one that the call is for
├── Invalid                  we did not ask: a value that Proxmox cannot take; says which by parameter
├── NothingStarted           Proxmox took the request and did nothing (a backup asked for at the wrong node)
└── Refused                  Proxmox said no, in its own words
    ├── ParametersRefused    400: says by parameter what is wrong
    ├── Locked               another task holds the guest: wait, and look again
    ├── AlreadyThere         the id or name is taken
    ├── GuestMissing         the guest is not on that node: moved or gone
    └── NoQuorum             the cluster cannot write at the moment

Every error carries a sentence for the operator (translated when shown), and none carries a secret or a library's text.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from django.utils.translation import gettext as _


class ProxmoxError(Exception):
    """Base. ``kind`` is a stable slug, ``sentence`` says what happened, ``hint`` what to do. ``fields`` says what is
    wrong by Proxmox's parameter, such as ``newid`` or ``ipconfig0``; empty where it is nothing of that kind."""

    kind: ClassVar[str] = "error"
    fields: Mapping[str, str] = MappingProxyType({})

    def __init__(self, sentence: str, hint: str = "") -> None:
        self.sentence = sentence
        self.hint = hint
        super().__init__(f"{sentence} {hint}".strip())


class EndpointError(ProxmoxError):
    """This address failed; another one may serve."""

    kind = "endpoint"


class Unreachable(EndpointError):
    """No connection, or no answer in time. ``maybe_done`` is True where a request may have been carried out."""

    kind = "unreachable"

    def __init__(self, sentence: str, hint: str = "", *, maybe_done: bool = False) -> None:
        self.maybe_done = maybe_done
        super().__init__(sentence, hint)


class CertificateRejected(EndpointError):
    """The server's certificate is not the one that the cluster's settings accept."""

    kind = "certificate"


class OddAnswer(EndpointError):
    """An answer that is not Proxmox's: a login page, a redirect, a cut-off or empty body, the wrong shape."""

    kind = "odd_answer"


class Implausible(ProxmoxError):
    """A well-formed answer that cannot be the truth, such as no guests at all where there were some."""

    kind = "implausible"


class SameCluster(ProxmoxError):
    """The answer of a cluster that the portal has already under another name."""

    kind = "same_cluster"


class NoRights(ProxmoxError):
    """The token is accepted and may see nothing: Proxmox then answers 200 with empty lists."""

    kind = "no_rights"


class TokenRefused(ProxmoxError):
    """401."""

    kind = "token_refused"

    def __init__(self) -> None:
        super().__init__(
            _("Proxmox refused the API token."),
            _("Check the token id (USER@REALM!TOKENID) and its secret, and whether it has expired or was deleted."),
        )


class NotAllowed(ProxmoxError):
    """403. ``reason`` is Proxmox's own phrase, e.g. ``Permission check failed (/vms/101, VM.PowerMgmt)``."""

    kind = "not_allowed"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            _("Proxmox says: %(reason)s") % {"reason": reason},
            _("Give the token the missing privilege: “Check connection” prints the line for it."),
        )


class NodeUnreachable(ProxmoxError):
    """595 to 599: the node that the call is for could not be reached from the node that was asked."""

    kind = "node_unreachable"

    def __init__(self, status: int, reason: str, node: str) -> None:
        self.status = status
        self.reason = reason
        self.node = node
        words = _("Node %(node)s does not answer (%(status)s %(reason)s).")
        super().__init__(words % {"node": node, "status": status, "reason": reason})


class Refused(ProxmoxError):
    """Any other error status. ``reason`` is Proxmox's phrase, ``errors`` its complaints by parameter."""

    kind = "refused"

    def __init__(self, status: int, reason: str, errors: dict[str, str] | None = None) -> None:
        self.status = status
        self.reason = reason
        self.errors = errors or {}
        detail = "; ".join(f"{name}: {text}" for name, text in self.errors.items())
        words = f"{reason} ({detail})" if detail else reason
        super().__init__(_("Proxmox says: %(reason)s") % {"reason": words})


class ParametersRefused(Refused):
    """Status 400 (or a 500 that wraps one): ``fields`` is what Proxmox says of each parameter."""

    kind = "parameters"

    def __init__(self, status: int, reason: str, errors: dict[str, str] | None = None) -> None:
        super().__init__(status, reason, errors)
        self.fields = MappingProxyType(self.errors)


class Locked(Refused):
    """Another task holds the guest. ``lock`` is the lock's name (``backup``, ``clone``, …), or '' where the lock file
    was held for ten seconds, which no answer shows beforehand."""

    kind = "locked"

    def __init__(self, status: int, reason: str, lock: str) -> None:
        super().__init__(status, reason)
        self.lock = lock
        if lock:
            self.hint = _("The guest is locked (%(lock)s). Wait until the task that locked it has ended.") % {
                "lock": lock
            }
        else:
            self.hint = _("Another task is working on this guest. Try again when it has ended.")


class AlreadyThere(Refused):
    """The id, name or resource is taken. For an id: take another one."""

    kind = "already_there"


class GuestMissing(Refused):
    """The guest is not on the node that was asked: it has moved, or it is gone. Look where it is and ask there."""

    kind = "guest_missing"


class NoQuorum(Refused):
    """The cluster has no quorum: nothing can be written until enough nodes are back."""

    kind = "no_quorum"


class NothingStarted(ProxmoxError):
    """Proxmox took the request and started nothing."""

    kind = "nothing_started"


class Invalid(ProxmoxError):
    """A request that was not sent, since Proxmox could not take it. ``fields`` says why, by Proxmox's parameter."""

    kind = "invalid"

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(" ".join(dict.fromkeys(fields.values())))
        self.fields = MappingProxyType(dict(fields))
