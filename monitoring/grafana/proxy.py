"""The portal's own way to Grafana where no nginx stands before both: ``/grafana/…`` is handed on, and little else.

A list says which headers pass in either direction; who somebody is, is put on last and comes from nowhere but the
portal's own session. Cookies pass in neither direction. An answer streams through as Grafana packed it.
"""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote, urljoin, urlsplit

from csp.decorators import csp_exempt
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from monitoring.grafana import gate, health
from monitoring.grafana.identity import Identity
from monitoring.grafana.keys import NoKey
from portal.lib.http import OutgoingSession, RequestError, pieces, why

CONNECT_SECONDS: Final = 2.0
ANSWER_SECONDS: Final = 30.0  # until the next piece of an answer
WHOLE_SECONDS: Final = 300.0  # the whole of it, over whatever line the reader has
MOST_SENT: Final = 10 * 2**20
MOST_ANSWERED: Final = 256 * 2**20
GOES: Final = (
    "Accept", "Accept-Language", "Cache-Control", "Content-Type", "If-Modified-Since", "If-None-Match", "Origin",
    "Pragma", "Range", "Referer", "User-Agent", "X-Dashboard-Uid", "X-Datasource-Uid", "X-Grafana-Device-Id",
    "X-Grafana-NoCache", "X-Grafana-Org-Id", "X-Panel-Id", "X-Panel-Plugin-Id", "X-Plugin-Id", "X-Query-Group-Id",
)  # fmt: skip
COMES: Final = (
    "Accept-Ranges", "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Length",
    "Content-Range", "Content-Type", "ETag", "Expires", "Last-Modified", "Vary", "X-Content-Type-Options",
)  # fmt: skip
LIVE: Final = "api/live/"  # wants a websocket, which this server does not speak
WITHIN: Final = "frame-ancestors 'self'"


@csrf_exempt  # Grafana's pages know nothing of Django's token: the gate looks at where a write comes from
@csp_exempt()  # the portal's policy would stop Grafana's pages
def proxy(request: HttpRequest, rest: str = "") -> HttpResponseBase:
    """Grafana's answer, or a small page that says why there is none. Never a redirect to the login page."""
    if not settings.PORTAL_GRAFANA_PROXIED or rest.startswith(LIVE):
        return small_page(request, 404)
    verdict = gate.decide(request, request.method or "", request.path)
    if verdict.identity is None:
        return small_page(request, verdict.status)
    if health.is_away():  # a thread that waits for what hangs is one less for everybody
        return small_page(request, 502, why=_("it did not answer a moment ago"))
    sent = request.read(MOST_SENT + 1)
    if len(sent) > MOST_SENT:
        return small_page(request, 413)
    try:
        return _handed_on(request, rest, verdict.identity, sent)
    except (RequestError, NoKey, UnicodeError, ValueError) as error:
        health.recheck()
        return small_page(request, 502, why=str(error) if isinstance(error, NoKey) else why(error))


def _handed_on(request: HttpRequest, rest: str, who: Identity, sent: bytes) -> HttpResponseBase:
    session = OutgoingSession("grafana", ANSWER_SECONDS)
    try:
        found = session.request(
            request.method or "", _address(request, rest), headers=_headers(request, who), data=sent or None,
            stream=True, timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
        )  # fmt: skip
    except BaseException:
        session.close()
        raise
    target = found.headers.get("Location", "")
    if target and not _stays(request, target):
        session.close()
        return small_page(request, 502, why=_("it sends people elsewhere, instead of believing the portal"))
    if request.method == "HEAD" or found.status_code in {204, 304}:
        session.close()
        answer: HttpResponseBase = HttpResponse(status=found.status_code)
        del answer["Content-Type"]
    else:
        answer = StreamingHttpResponse(Body(session, found), status=found.status_code)
    return _dressed(answer, found, target)


class Body:
    """An answer's body as it comes, packed as it was; lets go of the connection at its end, however that comes."""

    def __init__(self, session: OutgoingSession, found: Any) -> None:
        self.session, self.found = session, found

    def __iter__(self) -> Iterator[bytes]:
        return pieces(self.found, seconds=WHOLE_SECONDS, limit=MOST_ANSWERED, unpacked=False)

    def close(self) -> None:
        """Let go of it."""
        self.found.close()
        self.session.close()


def _address(request: HttpRequest, rest: str) -> str:
    """Where Grafana answers to that path: below its root address, spelled anew from what the gate has seen."""
    query = request.META.get("QUERY_STRING", "")
    path = quote(rest, safe="/:@!$&'()*+,;=~")
    return f"{health.base()}/grafana/{path}{'?' if query else ''}{query}"


def _headers(request: HttpRequest, who: Identity) -> dict[str, str | None]:
    """What Grafana is told: what the list lets through, the host as people type it, and last who it is."""
    headers: dict[str, str | None] = {name: request.headers[name] for name in GOES if name in request.headers}
    headers.setdefault("User-Agent", "")
    headers["Accept-Encoding"] = request.headers.get("Accept-Encoding", "identity")
    headers["Host"] = request.get_host()
    headers["X-Forwarded-Proto"] = request.scheme or "http"
    headers["Cookie"] = headers["Authorization"] = None  # of nobody, whatever a library would add
    return {**headers, **who.headers()}


def _stays(request: HttpRequest, target: str) -> bool:
    """Whether a redirect leads to another page of the same Grafana, and not to its login page."""
    if "\\" in target:  # browsers read it as a slash
        return False
    parts = urlsplit(target)
    if gate.climbs(parts.path) or (parts.netloc and parts.netloc != request.get_host()):
        return False
    path = urlsplit(urljoin(request.path, target)).path
    return path.startswith("/grafana/") and path.rstrip("/") != "/grafana/login"


def _dressed(answer: HttpResponseBase, found: Any, target: str) -> HttpResponseBase:
    """That answer with Grafana's headers, as far as the list lets them through, and our word on frames."""
    for name in COMES:
        if name in found.headers:
            answer[name] = found.headers[name]
    if target:
        parts = urlsplit(target)
        answer["Location"] = parts._replace(scheme="", netloc="").geturl()
    theirs = found.headers.get("Content-Security-Policy", "")
    answer["Content-Security-Policy"] = f"{theirs}, {WITHIN}" if theirs else WITHIN
    answer["X-Frame-Options"] = "SAMEORIGIN"
    return answer


def small_page(request: HttpRequest, status: int, *, why: str = "") -> HttpResponse:
    """A page that fits into a frame and says what is so and what to do, with the portal's own policy."""
    answer = render(request, "monitoring/grafana/small.html", {"status": status, "why": why}, status=status)
    answer["Content-Security-Policy"] = f"default-src 'none'; style-src 'self' 'unsafe-inline'; {WITHIN}"
    answer["Cache-Control"] = "no-store"
    answer["X-Frame-Options"] = "SAMEORIGIN"
    return answer
