"""Outgoing HTTP for everything but Proxmox. A session cannot be built without a timeout and a size limit."""

from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter

CONNECT_SECONDS: Final = 5.0
MAX_ANSWER: Final = 10 * 1024 * 1024


class OutgoingSession(requests.Session):
    """A requests session whose every call has a timeout, follows no redirect, and ignores proxies' environment
    for loopback addresses only. Certificates are always checked."""

    def __init__(self, role: str, timeout: float, *, follow_redirects: bool = False) -> None:
        super().__init__()
        self.headers["User-Agent"] = f"proxmox-manager ({role})"
        self.timeout = (min(CONNECT_SECONDS, timeout), timeout)
        self.follow_redirects = follow_redirects
        self.mount("http://", HTTPAdapter(max_retries=0))
        self.mount("https://", HTTPAdapter(max_retries=0))

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        """Send. Raises requests.RequestException, whose text holds the URL: never show it, use ``why``."""
        kwargs.setdefault("timeout", self.timeout)
        kwargs.setdefault("allow_redirects", self.follow_redirects)
        return super().request(method, url, *args, **kwargs)


def why(error: BaseException) -> str:
    """What went wrong with a request, in our own words: the library's text contains the URL, secrets included."""
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate was not accepted"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "it did not accept a connection in time"
    if isinstance(error, requests.exceptions.Timeout):
        return "it did not answer in time"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy between refused"
    if isinstance(error, requests.exceptions.ConnectionError):
        return _why_not_connected(error)
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema):
        return "the address is none"
    return "the connection broke"


def _why_not_connected(error: BaseException) -> str:
    text = str(error)
    if "NameResolution" in text or "getaddrinfo" in text or "Name or service" in text:
        return "its host name cannot be resolved"
    if "refused" in text:
        return "nothing listens there (connection refused)"
    if "unreachable" in text or "No route" in text:
        return "there is no route to it"
    return "the connection could not be made or broke"
