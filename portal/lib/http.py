"""Outgoing HTTP for everything but Proxmox. A session cannot be built without a timeout and a size limit."""

import contextlib
import socket
import time
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from requests.adapters import HTTPAdapter
from requests.utils import select_proxy
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

from portal.lib.addresses import AddressGuard, AddressRefused, is_loopback

CONNECT_SECONDS: Final = 5.0
MAX_ANSWER: Final = 10 * 1024 * 1024
PIECE: Final = 64 * 1024
NO_PROXY: Final = {"http": "", "https": "", "all": ""}
RequestError = requests.RequestException


class OutgoingSession(requests.Session):
    """A requests session whose every call has a timeout, follows no redirect, and ignores proxies' environment
    for loopback addresses only. Certificates are always checked."""

    def __init__(self, role: str, timeout: float, *, follow_redirects: bool = False) -> None:
        super().__init__()
        self.headers["User-Agent"] = f"proxmox-manager ({role})"
        self.timeout = (min(CONNECT_SECONDS, timeout), timeout)
        self.follow_redirects = follow_redirects
        self.auth = _no_credentials  # or requests would look for some in ~/.netrc
        self.mount("http://", HTTPAdapter(max_retries=0))
        self.mount("https://", HTTPAdapter(max_retries=0))

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        """Send. Raises requests.RequestException, whose text holds the URL: never show it, use ``why``."""
        kwargs.setdefault("timeout", self.timeout)
        kwargs.setdefault("allow_redirects", self.follow_redirects)
        parts = urlsplit(url)
        if loopback := is_loopback(parts.hostname or ""):
            kwargs.setdefault("proxies", NO_PROXY)
        # The environment has proxies and authorities: nothing for a plain call to this machine, and slow to be read.
        self.trust_env = not (loopback and parts.scheme == "http")
        return super().request(method, url, *args, **kwargs)


class TooMuch(requests.RequestException):
    """The answer is larger than anybody wants it."""


def pieces(response: requests.Response, *, seconds: float, limit: int, unpacked: bool = True) -> Iterator[bytes]:
    """The body of a response that was asked for with ``stream``, as it comes. Raises requests.RequestException when it
    takes longer than that altogether, however steadily it drips, and TooMuch when it grows beyond so many bytes.
    Without ``unpacked`` it stays as its Content-Encoding says."""
    until, size = time.monotonic() + seconds, 0
    try:
        while piece := response.raw.read1(PIECE, decode_content=unpacked):
            size += len(piece)
            if size > limit:
                raise TooMuch
            yield piece
            if time.monotonic() > until:
                raise requests.exceptions.ReadTimeout
    except HTTPError as error:
        raise requests.exceptions.ConnectionError(type(error).__name__) from None


class GuardedSession(OutgoingSession):
    """For addresses that people type: connects to none that the guard refuses. The host is resolved once, each of its
    addresses is judged, and the connection is made to the judged one, so that a name that changes its mind between
    the check and the call gains nothing. Raises AddressRefused."""

    def __init__(self, role: str, timeout: float, guard: AddressGuard) -> None:
        super().__init__(role, timeout)
        self.mount("http://", GuardedAdapter(guard))
        self.mount("https://", GuardedAdapter(guard))


class GuardedAdapter(HTTPAdapter):
    """Opens connections through the guard. Behind a proxy, which resolves names itself, the guard judges what can be
    known here: an address written as such, and a name that this machine resolves too."""

    def __init__(self, guard: AddressGuard) -> None:
        self.guard = guard
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make pools whose connections ask the guard."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _guarded_pools(self.guard)

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """Send. Raises AddressRefused before anything is sent."""
        if select_proxy(request.url, kwargs.get("proxies") or {}):
            parts = urlsplit(request.url)
            with contextlib.suppress(socket.gaierror):  # only the proxy knows the name
                self.guard.resolve(parts.hostname or "", parts.port or 443)
        return super().send(request, *args, **kwargs)


def _guarded_pools(guard: AddressGuard) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(self, guard)

    class Encrypted(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(self, guard)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = Encrypted

    return {"http": PlainPool, "https": EncryptedPool}


def _connect(connection: HTTPConnection, guard: AddressGuard) -> socket.socket:
    """A socket to one of the host's judged addresses. Raises what urllib3's own connections raise."""
    port = connection.port or connection.default_port
    try:
        addresses = guard.resolve(connection.host, port)
    except (socket.gaierror, UnicodeError):
        raise NameResolutionError(connection.host, connection, socket.gaierror("no such name")) from None
    failure = OSError("no address")
    for address in addresses:
        try:
            return create_connection((address, port), connection.timeout, socket_options=connection.socket_options)
        except OSError as error:
            failure = error
    if isinstance(failure, TimeoutError):
        raise ConnectTimeoutError(connection, "timed out") from failure
    raise NewConnectionError(connection, str(failure)) from failure


def _no_credentials(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


REASONS: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (AddressRefused, gettext_noop("its address is internal and not on the list PORTAL_ALLOWED_INTERNAL")),
    (requests.exceptions.SSLError, gettext_noop("its certificate was not accepted")),
    (requests.exceptions.ConnectTimeout, gettext_noop("it did not accept a connection in time")),
    (requests.exceptions.Timeout, gettext_noop("it did not answer in time")),
    (requests.exceptions.ProxyError, gettext_noop("the proxy between refused")),
    (requests.exceptions.InvalidURL, gettext_noop("the address is none")),
    (requests.exceptions.MissingSchema, gettext_noop("the address is none")),
    (TooMuch, gettext_noop("its answer is too large")),
)


def why(error: BaseException) -> str:
    """What went wrong with a request, in the reader's language and our own words: the library's text contains the URL,
    secrets included."""
    return _(reason(error))


def reason(error: BaseException) -> str:
    """The same in English, for whoever tells one kind from another."""
    for kind, words in REASONS:
        if isinstance(error, kind):
            return words
    if isinstance(error, requests.exceptions.ConnectionError):
        return _why_not_connected(error)
    return gettext_noop("the connection broke")


def _why_not_connected(error: BaseException) -> str:
    text = str(error)
    if "NameResolution" in text or "getaddrinfo" in text or "Name or service" in text:
        return gettext_noop("its host name cannot be resolved")
    if "refused" in text:
        return gettext_noop("nothing listens there (connection refused)")
    if "unreachable" in text or "No route" in text:
        return gettext_noop("there is no route to it")
    return gettext_noop("the connection could not be made or broke")
