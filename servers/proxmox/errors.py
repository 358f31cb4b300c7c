"""What can go wrong between us and Proxmox, named by what the caller can do about it.

ProxmoxError
├── EndpointError            this address failed: another node of the cluster may still answer
│   ├── Unreachable          no connection, or no answer in time
│   ├── CertificateRejected  TLS: unknown authority, expired, other name, other fingerprint
│   └── OddAnswer            something answered, but it did not speak Proxmox's language
├── TokenRefused             401: the token is wrong, expired or gone
├── NotAllowed               403: a privilege is missing
├── NodeUnreachable          595 to 599: the asked node could not reach the one that the call is for
└── Refused                  Proxmox said no, in its own words

Every error carries a sentence for the operator (translated when shown), and none carries a secret or a library's text.
"""

from typing import ClassVar

from django.utils.translation import gettext as _


class ProxmoxError(Exception):
    """Base. ``kind`` is a stable slug, ``sentence`` says what happened, ``hint`` what to do."""

    kind: ClassVar[str] = "error"

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

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(_("The node does not answer (%(status)s %(reason)s).") % {"status": status, "reason": reason})


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
