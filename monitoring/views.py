"""What Prometheus asks for: ``/metrics``, ``/pve`` and the service discovery. Who may read them, and the answers."""

import hmac
import logging
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from monitoring import discovery
from monitoring.collector import Scrape
from monitoring.exposition import TEXT, Packed, negotiate, takes_gzip
from monitoring.pve import page as pve_page
from monitoring.pve import targets

logger = logging.getLogger(__name__)

# Whoever stands between leaves one of these; a peer that is not loopback needs no such sign to be a stranger.
FORWARDING: Final = ("HTTP_X_FORWARDED", "HTTP_CF_", "HTTP_X_ORIGINAL_", "HTTP_X_ENVOY_", "HTTP_X_PROXY")
FORWARDING_EXACT: Final = frozenset(
    {
        "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA", "HTTP_TRUE_CLIENT_IP", "HTTP_X_CLIENT_IP",
        "HTTP_X_CLUSTER_CLIENT_IP", "HTTP_FASTLY_CLIENT_IP", "HTTP_CDN_LOOP", "HTTP_X_HOST", "HTTP_CLIENT_IP",
        "HTTP_X_ORIGINATING_IP", "HTTP_X_REMOTE_IP", "HTTP_X_REMOTE_ADDR",
    }
)  # fmt: skip
REFUSAL: Final = "This needs a token: send the header 'Authorization: Bearer TOKEN' with the value of {setting}.\n"
NO: Final = frozenset({"false", "0", ""})  # what switches a part of /pve off


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The exposition, in the format and the coding that the client prefers; 401 for whoever may not read it."""
    if not may_read(request, "PORTAL_METRICS_TOKEN"):
        return refusal("PORTAL_METRICS_TOKEN", "metrics")
    fmt = negotiate(request.headers.get("Accept", ""))
    gzipped = takes_gzip(request.headers.get("Accept-Encoding", ""))
    answer = _packed(Scrape(fmt).page(gzipped=gzipped), fmt.content_type, gzipped=gzipped)
    answer["Vary"] = "Accept, Accept-Encoding"
    return answer


@require_safe
def pve(request: HttpRequest) -> HttpResponse:
    """What prometheus-pve-exporter would answer. 404 for an unknown target, 503 where its present is not known."""
    if not may_read(request, "PORTAL_METRICS_TOKEN"):
        return refusal("PORTAL_METRICS_TOKEN", "metrics")
    asked, gzipped = request.GET, takes_gzip(request.headers.get("Accept-Encoding", ""))

    def answer() -> HttpResponse:
        target = targets.find(asked.get("target", ""), asked.get("module", ""))
        cluster, node = (asked.get(part, "1").lower() not in NO for part in ("cluster", "node"))
        text = pve_page.page(target, cluster=cluster, node=node, gzipped=gzipped)
        return _packed(text, TEXT.content_type, gzipped=gzipped)

    return _or_trouble(answer, _("The answer to /pve could not be put together. The portal's log says why."))


@require_safe
def service_discovery(request: HttpRequest) -> HttpResponse:
    """The machines to scrape, for Prometheus's HTTP discovery: the whole list, or 503."""
    if not may_read(request, "PORTAL_SD_TOKEN"):
        return refusal("PORTAL_SD_TOKEN", "discovery")
    gzipped = takes_gzip(request.headers.get("Accept-Encoding", ""))

    def answer() -> HttpResponse:
        text = discovery.targets()
        return _packed(Packed.of([text]).finished_with(b"") if gzipped else text, "application/json", gzipped=gzipped)

    return _or_trouble(answer, _("The list of servers could not be read. The portal's log says why."))


def _or_trouble(answer: Callable[[], HttpResponse], sentence: str) -> HttpResponse:
    """That answer, or an error with a sentence: half an answer would be taken for a whole one."""
    try:
        return answer()
    except targets.UnknownTarget as error:
        return _say(404, str(error))
    except (pve_page.Unavailable, discovery.NotYet) as error:
        return _say(503, str(error))
    except Exception:
        logger.exception("Prometheus got no answer.")
        return _say(503, sentence)


def _say(status: int, sentence: str) -> HttpResponse:
    answer = HttpResponse(f"{sentence}\n", status=status, content_type="text/plain; charset=utf-8")
    answer["Cache-Control"] = "no-store"
    return answer


def _packed(body: bytes, content_type: str, *, gzipped: bool) -> HttpResponse:
    answer = HttpResponse(body, content_type=content_type)
    if gzipped:
        answer["Content-Encoding"] = "gzip"
    answer["Vary"] = "Accept-Encoding"
    answer["Cache-Control"] = "no-store"
    return answer


def refusal(setting: str, realm: str) -> HttpResponse:
    """401, which says which token is missing."""
    answer = _say(401, REFUSAL.format(setting=setting).strip())
    answer["WWW-Authenticate"] = f'Bearer realm="{realm}"'
    return answer


def may_read(request: HttpRequest, setting: str) -> bool:
    """Whether that is somebody with the token of that setting, or this machine itself, which needs none. Whoever shows
    a wrong token is refused from everywhere: it is stale, and better found out here than by the next machine."""
    ours: str = getattr(settings, setting)
    if ours and "Authorization" in request.headers:
        return has_token(request, ours)
    return is_local(request)


def is_local(request: HttpRequest) -> bool:
    """Whether a program on this machine asks for itself. A proxy on this machine asks for somebody else."""
    if any(name.startswith(FORWARDING) or name in FORWARDING_EXACT for name in request.META):
        return False
    try:
        peer = ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False  # a Unix socket has no address: there is a proxy before it
    return (getattr(peer, "ipv4_mapped", None) or peer).is_loopback


def has_token(request: HttpRequest, ours: str) -> bool:
    """Whether the bearer token is ours. An empty setting means that no token is right."""
    scheme, _blank, token = request.headers.get("Authorization", "").partition(" ")
    right = hmac.compare_digest(token.strip().encode(), ours.encode())
    return bool(ours) and scheme.lower() == "bearer" and right
