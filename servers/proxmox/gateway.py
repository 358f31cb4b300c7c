"""The one door to Proxmox VE: proxmoxer over HTTPS. Every answer is judged before it is believed.

Facts about the API's behaviour come from proxmoxer 2.3 and from answers of Proxmox VE 7.4 to 9.2. In short: the
text of an error is the reason phrase; a 200 that is no JSON comes back from proxmoxer as ``{"errors": b"…"}``;
redirects and ``null`` come back as None; network trouble raises requests' exceptions, whose text holds the URL.
"""

import socket
import ssl
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Final, Self

import requests
from django.utils.translation import gettext as _
from proxmoxer import ProxmoxAPI, ResourceException
from requests.adapters import HTTPAdapter
from urllib3.util.ssl_ import create_urllib3_context

from servers.endpoints import host_and_port
from servers.proxmox import answers, rare_answers
from servers.proxmox.cluster_writes import ClusterWrites
from servers.proxmox.errors import (
    CertificateRejected,
    NodeUnreachable,
    NotAllowed,
    OddAnswer,
    ProxmoxError,
    TokenRefused,
    Unreachable,
)
from servers.proxmox.formats import segment
from servers.proxmox.reads import DetailReads
from servers.proxmox.refusals import refusal
from servers.proxmox.types import BackupVolume, ClusterStatus, Interface, Resources, TaskRow
from servers.proxmox.wording import body_message, reason_text, what_came, why_not_connected, why_rejected
from servers.proxmox.writes import GuestWrites

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 30.0
SLOW_SECONDS: Final = 75.0  # the content of a Proxmox Backup Server can take a minute
GATEWAY_ERRORS: Final = frozenset({502, 503, 504})  # a reverse proxy speaks, not Proxmox


@dataclass(slots=True, frozen=True)
class Credentials:
    """What is needed to speak to a cluster, whichever of its nodes is asked."""

    token_id: str
    token_secret: str
    tls_mode: str  # system | ca | fingerprint
    ca_certificate: str = ""
    fingerprint: str = ""

    def __repr__(self) -> str:
        return f"Credentials({self.token_id})"


class PinnedAdapter(HTTPAdapter):
    """Accepts exactly the certificate with that fingerprint. urllib3 compares it when the TLS handshake is done and
    before a byte of the request is sent, so switching the chain's verification off beside it is safe."""

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint.replace(":", "").lower()
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Every connection of this adapter asserts the fingerprint."""
        # With a context of our own, urllib3 does not read the system's authorities anew for each connection.
        context = create_urllib3_context(cert_reqs=ssl.CERT_NONE)
        super().init_poolmanager(*args, assert_fingerprint=self.fingerprint, ssl_context=context, **kwargs)

    def send(
        self, request: Any, stream: bool = False, timeout: Any = None, verify: Any = True, *rest: Any, **named: Any
    ) -> Any:
        """Send with the chain's verification off: the fingerprint stands for it."""
        return super().send(request, stream, timeout, False, *rest, **named)


class Gateway(DetailReads, GuestWrites, ClusterWrites):
    """One endpoint of one cluster. A context manager; not to be shared between threads.

    Every method raises a ProxmoxError and nothing else.
    """

    def __init__(self, credentials: Credentials, endpoint: str, *, read_seconds: float = READ_SECONDS) -> None:
        self.endpoint = endpoint
        self.read_seconds = read_seconds
        self._folder: TemporaryDirectory[str] | None = None
        self._message = ""
        self._api = self._connect(credentials)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._api._store["session"].close()
        if self._folder:
            self._folder.cleanup()

    # --- what can be asked

    def version(self) -> str:
        """Proxmox VE's version, e.g. ``9.2.11``."""
        return answers.version(self.get("version"))

    def permissions(self) -> dict[str, dict[str, int]]:
        """What the token may do: path → privileges. Empty where it may do nothing."""
        return answers.permissions(self.get("access/permissions"))

    def cluster_status(self) -> ClusterStatus:
        """Quorum and the nodes' addresses. Raises NotAllowed without Sys.Audit on ``/``."""
        return answers.cluster_status(self.get("cluster/status"))

    def resources(self) -> Resources:
        """All nodes, guests and storages of the cluster, with one call."""
        return answers.resources(self.get("cluster/resources"))

    def backups(self, node: str, storage: str) -> list[BackupVolume]:
        """The backups on a storage as that node sees them. Those that the token may not use are left out by Proxmox
        without a word."""
        path = f"nodes/{segment(node)}/storage/{segment(storage)}/content"
        return answers.backups(self.get(path, slow=True, content="backup"))

    def tasks(self) -> list[TaskRow]:
        """The running tasks and the last 25 or so of each node."""
        return answers.tasks(self.get("cluster/tasks"))

    # --- what is asked rarely

    def interfaces(self, node: str, kind: str, vmid: int) -> list[Interface]:
        """A running guest's network cards, from its agent or its container. Raises Refused in Proxmox's words, such
        as ``QEMU guest agent is not running`` (after three seconds)."""
        path = f"nodes/{segment(node)}/{segment(kind)}/{vmid:d}"
        if kind == "qemu":
            return rare_answers.agent_interfaces(self.get(f"{path}/agent/network-get-interfaces"))
        return rare_answers.container_interfaces(self.get(f"{path}/interfaces"))

    def release(self) -> dict[str, str]:
        """``version``, ``release`` and ``repoid``, as far as they are there; the version always is."""
        return rare_answers.release(self.get("version"))

    def identity(self) -> dict[str, Any]:
        """The cluster's own name, version and members; a server outside any cluster has no name and no version."""
        return rare_answers.identity(self.get("cluster/status"))

    def fingerprints(self) -> list[str]:
        """Each node's name with its certificate's fingerprint, sorted; nodes of which it is not told are left out."""
        return rare_answers.fingerprints(self.get("nodes"))

    def not_backed_up(self) -> list[str]:
        """The guests in no backup job, such as ``qemu/100``."""
        return rare_answers.not_backed_up(self.get("cluster/backup-info/not-backed-up"))

    def qdevice(self) -> dict[str, str]:
        """The external vote as the asked node sees it; empty where there is none."""
        return rare_answers.texts(self.get("cluster/config/qdevice"))

    def subscription(self, node: str) -> dict[str, str]:
        """A node's subscription: ``status`` and, where there is one, ``level`` and ``nextduedate``."""
        return rare_answers.subscription(self.get(f"nodes/{segment(node)}/subscription"))

    def replication(self, node: str) -> list[dict[str, Any]]:
        """The replication jobs whose source is that node, with how their last runs went."""
        return rare_answers.replication(self.get(f"nodes/{segment(node)}/replication"))

    def load(self, node: str) -> list[float]:
        """A node's load averages of 1, 5 and 15 minutes."""
        return rare_answers.load(self.get(f"nodes/{segment(node)}/status"))

    def certificates(self, node: str) -> dict[str, int]:
        """A node's certificates: file name → seconds since the epoch at which it ends."""
        return rare_answers.certificates(self.get(f"nodes/{segment(node)}/certificates/info"))

    def history(self, node: str, kind: str, vmid: int, timeframe: str) -> list[dict[str, float]]:
        """A guest's figures over time: rows with ``time`` and what is known of that moment; a gap has the time alone.
        ``timeframe`` is hour, day, week, month or year. Rates are in bytes per second."""
        path = f"nodes/{segment(node)}/{segment(kind)}/{vmid:d}/rrddata"
        return rare_answers.history(self.get(path, timeframe=timeframe, cf="AVERAGE"))

    # --- operations

    def power(self, node: str, kind: str, vmid: int, action: str) -> str:
        """Ask for start, shutdown, stop, reboot, suspend or resume. Returns the UPID: queued, not done."""
        return answers.upid(self.post(f"nodes/{segment(node)}/{segment(kind)}/{vmid:d}/status/{segment(action)}"))

    def task_status(self, upid: str) -> dict[str, Any]:
        """``status`` is running or stopped, ``exitstatus`` is there when stopped. Raises Refused 400 for a task that
        Proxmox has forgotten."""
        path = f"nodes/{segment(upid.split(':')[1])}/tasks/{segment(upid)}/status"
        return answers.mapping(self.get(path), "/nodes/…/tasks/…/status")

    def task_log(self, upid: str, start: int) -> list[str]:
        """The log's lines from that number on; empty where the log is gone."""
        path = f"nodes/{segment(upid.split(':')[1])}/tasks/{segment(upid)}/log"
        return answers.log_lines(self.get(path, start=start, limit=500), start)

    def node_tasks(self, node: str, *, vmid: int, since: int) -> list[TaskRow]:
        """The tasks of a guest on a node, running ones too, that began at that second or later."""
        path = f"nodes/{segment(node)}/tasks"
        return answers.tasks(self.get(path, vmid=vmid, since=since, source="all", limit=50))

    def guest_status(self, node: str, kind: str, vmid: int) -> str:
        """What the guest is at this moment: running, stopped, or the QEMU state where it says more."""
        path = f"nodes/{segment(node)}/{segment(kind)}/{vmid:d}/status/current"
        return answers.guest_status(self.get(path))

    # --- how it is asked

    def get(self, path: str, *, slow: bool = False, **parameters: Any) -> Any:
        """The ``data`` of a GET, unjudged but for being JSON with ``data``. Raises ProxmoxError."""
        return self._send("get", path, parameters, self._seconds(slow))

    def post(self, path: str, *, slow: bool = False, **parameters: Any) -> Any:
        """The ``data`` of a POST. An Unreachable with ``maybe_done`` means: look before you send it again."""
        return self._send("post", path, parameters, self._seconds(slow))

    def put(self, path: str, *, slow: bool = False, **parameters: Any) -> Any:
        """The ``data`` of a PUT, which may have been carried out as a POST may."""
        return self._send("put", path, parameters, self._seconds(slow))

    def delete(self, path: str, *, slow: bool = False, **parameters: Any) -> Any:
        """The ``data`` of a DELETE, whose parameters travel in the query: Proxmox takes no body there."""
        return self._send("delete", path, parameters, self._seconds(slow))

    def _seconds(self, slow: bool) -> float:
        return max(SLOW_SECONDS, self.read_seconds) if slow else self.read_seconds

    def _send(self, verb: str, path: str, parameters: dict[str, Any], seconds: float) -> Any:
        self._api._backend.auth.timeout = (CONNECT_SECONDS, seconds)
        self._message = ""
        try:
            data = getattr(self._api(path), verb)(**parameters)
        except ResourceException as error:
            raise self._refusal(error, path) from None
        except requests.RequestException as error:
            raise self._outage(error, verb, seconds) from None
        except (KeyError, TypeError, AttributeError, ValueError):
            # proxmoxer stumbles over JSON without "data", a bare null, an error body that is no object
            raise self._odd(_("it answered JSON that is not Proxmox's")) from None
        if isinstance(data, dict) and isinstance(data.get("errors"), bytes):
            raise self._odd(what_came(data["errors"]))
        return data

    def _connect(self, credentials: Credentials) -> ProxmoxAPI:
        user, __, token_name = credentials.token_id.partition("!")
        host, port = host_and_port(self.endpoint)
        api = ProxmoxAPI(
            f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            user=user,
            token_name=token_name,
            token_value=str(credentials.token_secret),
            verify_ssl=self._authority(credentials),
            timeout=self.read_seconds,
        )
        session: requests.Session = api._store["session"]
        session.hooks["response"].append(self._keep_message)
        session.max_redirects = 0  # a redirect is a login page or a wrong address, never Proxmox's API
        if credentials.tls_mode == "fingerprint":
            session.mount("https://", PinnedAdapter(credentials.fingerprint))
        return api

    def _authority(self, credentials: Credentials) -> bool | str:
        if credentials.tls_mode != "ca":
            return True
        self._folder = TemporaryDirectory(prefix="portal-ca-")
        path = Path(self._folder.name) / "ca.pem"
        path.write_text(credentials.ca_certificate)
        return str(path)

    # --- what went wrong

    def _keep_message(self, response: requests.Response, **_named: Any) -> None:
        """Proxmoxer drops the text in an error's body, which can be longer than the reason phrase and survives
        proxies that rewrite status lines."""
        if response.status_code >= 400:
            self._message = body_message(response.content)

    def _refusal(self, error: ResourceException, path: str) -> ProxmoxError:
        status = int(error.status_code)
        reason = reason_text(error.content) or reason_text(self._message.split("\n", 1)[0])
        if status == 401:
            return TokenRefused()
        if status == 403:
            return NotAllowed(reason)
        if 595 <= status <= 599:
            return NodeUnreachable(status, reason, (*path.split("/"), "?")[1])
        if status in GATEWAY_ERRORS:
            return self._odd(_("a reverse proxy answered %(status)s") % {"status": status})
        errors = error.errors if isinstance(error.errors, dict) else {}
        if isinstance(errors.get("errors"), bytes):
            if errors["errors"].lstrip()[:1] == b"<":
                return self._odd(_("it answered %(status)s with a web page") % {"status": status})
            errors = {}
        fields = {str(key): str(value).strip() for key, value in errors.items()}
        return refusal(status, reason, fields, self._message)

    def _outage(self, error: requests.RequestException, verb: str, seconds: float) -> ProxmoxError:
        if isinstance(error, requests.exceptions.SSLError):
            return self._rejected(str(error))
        if isinstance(error, requests.exceptions.TooManyRedirects):
            return self._odd(_("it answered with a redirect to another page"))
        if isinstance(error, requests.exceptions.ContentDecodingError | requests.exceptions.ChunkedEncodingError):
            return self._odd(_("its answer was cut off"))
        if isinstance(error, requests.exceptions.ConnectTimeout):
            return self._unreachable(_("no connection within %(seconds)d seconds") % {"seconds": CONNECT_SECONDS})
        if isinstance(error, requests.exceptions.Timeout):
            text = _("no answer within %(seconds)d seconds") % {"seconds": seconds}
            return self._unreachable(text, maybe_done=verb != "get")
        return self._unreachable(
            *why_not_connected(str(error)), maybe_done=verb != "get" and "refused" not in str(error)
        )

    def _unreachable(self, what: str, hint: str = "", *, maybe_done: bool = False) -> Unreachable:
        sentence = _("%(endpoint)s cannot be reached: %(what)s.") % {"endpoint": self.endpoint, "what": what}
        return Unreachable(sentence, hint or _("Check the address, the port and the network."), maybe_done=maybe_done)

    def _odd(self, what: str) -> OddAnswer:
        return OddAnswer(
            _("%(endpoint)s did not answer like Proxmox VE: %(what)s.") % {"endpoint": self.endpoint, "what": what},
            _("Check that the address is Proxmox's own (port 8006) and that no login page stands in between."),
        )

    def _rejected(self, text: str) -> CertificateRejected:
        what, hint = why_rejected(text)
        sentence = _("%(endpoint)s: %(what)s.") % {"endpoint": self.endpoint, "what": what}
        return CertificateRejected(sentence, hint)


def seen_fingerprint(endpoint: str, seconds: float = CONNECT_SECONDS) -> str:
    """The SHA-256 fingerprint of the certificate that an endpoint shows now, as ``AA:BB:…``; '' if it shows none.

    Nothing is sent but the handshake, so that a person can compare it before a token ever travels.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    host, port = host_and_port(endpoint)
    try:
        with (
            socket.create_connection((host, port), seconds) as raw,
            context.wrap_socket(raw, server_hostname=host) as tls,
        ):
            certificate = tls.getpeercert(binary_form=True)
    except (OSError, ValueError):
        return ""
    digest = sha256(certificate or b"").hexdigest().upper()
    return ":".join(digest[i : i + 2] for i in range(0, len(digest), 2)) if certificate else ""
